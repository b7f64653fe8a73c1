"""Each row of the table has its entry, and each error its example."""

from collections.abc import Iterator

import pytest

from tollbar.domain.errors import GatewayError, StreamBroken
from tollbar.edge.operations import OPERATIONS, SAMPLES
from tollbar.edge.prose import TAGS
from tollbar.edge.routes import CALLS, PAGES, Access

ROWS = {(row.method, row.path): row for row in (*CALLS, *PAGES)}


def test_rows_and_entries_are_the_same() -> None:
    """None is missing and none is left over."""
    assert set(OPERATIONS) == set(ROWS)


@pytest.mark.parametrize("key", OPERATIONS)
def test_an_entry_fits_its_row(key: tuple[str, str]) -> None:
    """Its group exists, its errors have examples, what reads a body says which and can refuse it."""
    entry, row = OPERATIONS[key], ROWS[key]
    assert entry.tag in TAGS
    assert set(entry.errors) <= set(SAMPLES)
    assert (entry.body is None) is (row.method in {"GET", "DELETE"})
    if entry.body is not None:
        assert {400, 413} <= {error.status for error in entry.errors}
        assert entry.body_examples != {}
    if row.access is Access.ADMIN:
        assert entry.tag in {"Keys", "Teams", "End users", "Alerts", "Audit", "Local models"}


def leaves(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    """Every error that is raised as itself."""
    below = kind.__subclasses__()
    yield from (leaf for child in below for leaf in leaves(child))
    if not below:
        yield kind


def test_every_error_of_the_tree_has_an_example_or_a_reason() -> None:
    """A new error is documented, or told only in streams, or where no address is found."""
    own = {kind for kind in leaves(GatewayError) if kind.__module__ == "tollbar.domain.errors"}
    told_elsewhere = {"StreamBroken", "MethodNotAllowed", "NotServed", "AddressTooLong", "HeadTooLarge"}
    assert {kind.__name__ for kind in own - set(SAMPLES)} == told_elsewhere


def test_examples_show_no_secret_and_no_internal_address() -> None:
    """Examples are read by everybody."""
    text = " ".join(f"{sample.text} {dict(sample.details)}" for sample in SAMPLES.values())
    assert "sk-" not in text
    assert "://" not in text
    assert StreamBroken not in SAMPLES
