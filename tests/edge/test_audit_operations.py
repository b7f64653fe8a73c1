"""What the document says of the audit."""

from tollbar.edge.audit_operations import OPERATIONS
from tollbar.edge.parameters import PARAMETERS


def test_every_parameter_is_described() -> None:
    """And may be left out."""
    named = OPERATIONS["GET", "/admin/api/audit"].parameters
    assert [PARAMETERS[name]["required"] for name in named] == [False] * 5
