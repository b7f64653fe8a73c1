"""`tollbar top-up key` and `tollbar top-up team`, over a real store."""

from tests.cli.running import Terminal


def test_an_allowance_is_topped_up_and_the_top_up_ended(terminal: Terminal) -> None:
    """Of a key and of a team; another amount takes the first one's place."""
    terminal.good("keys", "create", "--name", "ana", "--credits", "10", "-q")
    terminal.good("teams", "create", "--name", "lab", "--dollars", "5")
    for amount, granted in (("3", 13), ("4", 14), ("0", 10)):
        [told] = terminal.good("top-up", "key", "ana", "--credits", amount, "--for", "7d", "--json").value["allowances"]
        assert (told["granted"], told["top_up"]) == (granted, granted - 10 or None)
    said = terminal.good("top-up", "team", "lab", "--dollars", "2", "--for", "12h").out
    assert "$7.00 of $7.00 left, $2.00 of it until" in said


def test_what_cannot_be_topped_up_is_said(terminal: Terminal) -> None:
    """Without an end, without an amount, or where there is no such allowance."""
    terminal.good("keys", "create", "--name", "ana", "--credits", "10", "-q")
    for arguments, word in (
        (["--credits", "1", "--for", "never"], "--for: A top-up has an end"),
        (["--for", "7d"], "needs an amount"),
        (["--dollars", "1", "--for", "7d"], "no allowance of dollars"),
    ):
        assert word in terminal.run("top-up", "key", "ana", *arguments).err
