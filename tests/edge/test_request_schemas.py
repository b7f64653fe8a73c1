"""The shapes that tell of one call."""

from decimal import Decimal

from tests.storage.making import a_line
from tollbar.domain.money import LineItem
from tollbar.domain.records import CallHistory, Outcome
from tollbar.edge.request_schemas import ItemView, RequestView


def test_a_price_is_told_exactly() -> None:
    """As people know it, for a million tokens, to its last digit."""
    assert ItemView.of(LineItem("prompt", 3, 37_500)).dollars_per_million == Decimal("0.0375")


def test_a_call_ended_as_its_last_attempt_did() -> None:
    """Where the ledger alone tells of it."""
    lines = (a_line(attempt=0, outcome=Outcome.FAILED, paid=False), a_line(attempt=1))
    view = RequestView.of("r1", CallHistory(None, lines))
    assert (view.outcome, [line.paid for line in view.lines]) == (Outcome.OK, [False, True])
