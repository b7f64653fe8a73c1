"""A secret shows as ***, wherever it is put."""

from tollbar.settings.secret import Secret


def test_a_secret_shows_only_when_asked() -> None:
    """Printing, formatting and repr mask it; `reveal` gives it."""
    secret = Secret("hush")
    assert (str(secret), repr(secret), f"{secret}", f"{[secret]}") == ("***", "Secret('***')", "***", "[Secret('***')]")
    assert secret.reveal() == "hush"
