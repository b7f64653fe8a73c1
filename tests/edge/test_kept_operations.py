"""What the API document says of responses that are kept."""

from tollbar.edge.kept_operations import RESPONSES
from tollbar.edge.routes import PAGES


def test_each_such_address_is_told() -> None:
    """And nothing that is no address."""
    rows = {(row.method, row.path) for row in PAGES if "/responses/" in row.path}
    assert set(RESPONSES) == rows
    assert len(rows) == 6
