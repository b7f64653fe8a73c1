"""What the API document says of files."""

from tollbar.edge.file_operations import OPERATIONS
from tollbar.edge.routes import PAGES


def test_each_such_address_is_told() -> None:
    """And nothing that is no address."""
    rows = {(row.method, row.path) for row in PAGES if "/files" in row.path}
    assert set(OPERATIONS) == rows
    assert len(rows) == 10
