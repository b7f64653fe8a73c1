"""`tollbar smoke`: its options."""

from tests.cli.running import Terminal


def test_it_wants_an_address(terminal: Terminal) -> None:
    """There is no server that is meant by itself."""
    said = terminal.run("smoke")
    assert said.status == 2
    assert "URL" in said.err


def test_help_is_whole(terminal: Terminal) -> None:
    """That models are really called, and that administration makes a key."""
    text = " ".join(terminal.good("smoke", "--help").out.split())
    assert "Models are really called, with a few tokens." in text
    assert "Makes a key, and ends it." in text
    assert all(option in text for option in ("--key", "--admin-key", "--model", "--json"))
