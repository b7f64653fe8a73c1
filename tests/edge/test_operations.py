"""Each row of the table has its entry, and each of its errors an example."""

import pytest

from tollbar.edge.error_samples import SAMPLES
from tollbar.edge.operations import OPERATIONS
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
