"""What is written down, as values."""

from tollbar.domain.records import Outcome, Provenance


def test_provenances_stand_best_first() -> None:
    """The order is that of the ledger's invariant: final, partial, counted, estimated."""
    assert [*Provenance] == ["provider_final", "provider_partial", "counted", "estimate"]


def test_outcomes_are_stored_under_stable_names() -> None:
    """Stored rows outlive the code: a renamed outcome would orphan them."""
    assert {"ok", "cached", "refused", "failed", "broken", "abandoned", "lost"} == {*Outcome}
