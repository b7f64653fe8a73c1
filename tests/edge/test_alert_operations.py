"""What the document says of alerts and of the audit."""

from tollbar.edge.alert_operations import OPERATIONS


def test_only_one_answer_shows_a_secret() -> None:
    """That which sets it."""
    told = {key for key, entry in OPERATIONS.items() if "whsec_" in str(entry.example)}
    assert told == {("POST", "/admin/api/alerts/webhook")}
