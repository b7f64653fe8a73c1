"""`tollbar teams`, over a real store."""

from tests.cli.running import Terminal


def test_a_team_is_made_shown_changed_and_filled(terminal: Terminal) -> None:
    """In words and as JSON; a key is put into it by name, and out of it."""
    options = "--name lab --dollars 20 --reset month --rpm 60 --models a,b"
    made = terminal.good("teams", "create", *options.split()).out
    assert "$20.00 of $20.00 left this month" in made
    terminal.good("teams", "update", "lab", "--dollars", "50")
    shown = terminal.good("teams", "show", "lab", "--json").value
    assert (shown["allowances"][0]["granted"], shown["allowances"][0]["holder"]) == (50, "team")
    assert (shown["models"], shown["version"]) == (["a", "b"], 2)
    terminal.good("keys", "create", "--name", "ana", "--team", "lab", "-q")
    assert terminal.good("keys", "show", "ana", "--json").value["team"] == shown["id"]
    assert terminal.good("keys", "update", "ana", "--team", "", "--json").value["team"] is None
    listed = terminal.good("teams", "list", "--json").value
    assert [team["name"] for team in listed["data"]] == ["installation", "lab"]
    assert "$50.00" in terminal.good("teams", "list").out


def test_what_does_not_exist_is_said(terminal: Terminal) -> None:
    """A team that is unknown, named to a key or by itself."""
    for arguments in (["teams", "show", "nobody"], ["keys", "create", "--name", "ana", "--team", "nobody"]):
        said = terminal.run(*arguments)
        assert said.status != 0
        assert "no such team" in said.err


def test_periods_begin_in_a_time_zone(terminal: Terminal) -> None:
    """That stays until another one is named; one that does not exist is said."""
    made = "--name lab --credits 5 --reset day --time-zone Asia/Tokyo --json"
    [told] = terminal.good("teams", "create", *made.split()).value["allowances"]
    assert (told["time_zone"], told["resets_at"][11:16]) == ("Asia/Tokyo", "15:00")
    changed = terminal.good("teams", "update", "lab", "--credits", "6", "--json").value["allowances"]
    assert changed[0]["time_zone"] == "Asia/Tokyo"
    for wrong in ("Mars/Base", "../etc/passwd", ""):
        said = terminal.run("keys", "create", "--name", "n", "--credits", "1", "--time-zone", wrong)
        assert "is no time zone" in said.err
