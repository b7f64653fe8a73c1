"""What the API document says of end users."""

from tollbar.edge.end_user_operations import OPERATIONS
from tollbar.edge.routes import PAGES


def test_each_address_of_end_users_is_told() -> None:
    """And nothing that is no address."""
    assert set(OPERATIONS) == {(row.method, row.path) for row in PAGES if "/end-users" in row.path}
