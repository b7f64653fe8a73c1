"""What the API document says of teams."""

from tollbar.edge.routes import PAGES
from tollbar.edge.team_operations import OPERATIONS


def test_each_address_of_teams_is_told() -> None:
    """And nothing that is no address."""
    rows = {(row.method, row.path) for row in PAGES if "/teams" in row.path and not row.path.endswith("/alerts")}
    assert set(OPERATIONS) == rows
