"""What the API document says of usage and quotes."""

from tollbar.edge.parameters import PARAMETERS
from tollbar.edge.quoting import DIALECTS
from tollbar.edge.routes import CALLS, PAGES
from tollbar.edge.usage_operations import OPERATIONS


def test_each_address_is_told() -> None:
    """And nothing that is no address; the document names each dialect of quotes."""
    rows = {(row.method, row.path) for row in (*PAGES, *CALLS)}
    assert set(OPERATIONS) <= rows
    assert PARAMETERS["dialect"]["schema"]["enum"] == list(DIALECTS)
