"""The names that settings may use beside their own."""

from tollbar.app.known import known_names
from tollbar.providers import vendors


def test_everything_that_the_vendors_table_reads_is_known() -> None:
    """The vendors, the wires, the names of their keys and of the parts of their addresses."""
    known = known_names()
    assert set(known.vendors) == set(vendors.load())
    assert {
        "OPENAI_API_KEY",
        "HF_TOKEN",
        "AZURE_OPENAI_ENDPOINT",
        "AZURE_OPENAI_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
    } <= set(known.secrets)
    assert "openai" in known.wires
    assert not {"PATH", "TOLLBAR_DATA"} & set(known.secrets)
