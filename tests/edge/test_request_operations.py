"""What the API document says of the addresses that tell of calls."""

from tollbar.edge.request_operations import OPERATIONS
from tollbar.edge.routes import PAGES


def test_each_such_address_is_told() -> None:
    """And nothing that is no address."""
    rows = {(row.method, row.path) for row in PAGES if "/requests" in row.path}
    assert set(OPERATIONS) == rows
