"""`tollbar keys`, over a real store."""

import re

import pytest

from tests.cli.running import Terminal
from tollbar.domain.identity import is_well_formed


def test_a_quiet_creation_writes_the_key_alone(terminal: Terminal) -> None:
    """One line, ready for a script."""
    said = terminal.good("keys", "create", "--name", "N", "--credits", "5", "--quiet")
    assert is_well_formed(said.out.removesuffix("\n"))
    assert said.err == ""


def test_a_creation_shows_the_key_once(terminal: Terminal) -> None:
    """The key is on standard output, the words about it are not; afterwards only its hint is shown."""
    said = terminal.good("keys", "create", "--name", "ci bot")
    secret = said.out.strip()
    assert (is_well_formed(secret), "shown this once" in said.err) == (True, True)
    shown = terminal.good("keys", "show", "ci bot").out
    assert f"key      sk-toll-…{secret[-4:]}" in shown
    assert secret not in shown + terminal.good("keys", "list", "--json").out


def test_all_that_a_key_may_be_told(terminal: Terminal) -> None:
    """Every option arrives in the store, and is shown in words and as JSON."""
    options = "--name N --credits 5 --dollars $10.50 --tokens 100000 --reset month --rpm 60 --tpm 1000 --rpd 7 --tpd 8"
    options += " --concurrency 4 --models a,b --expires 30d --tier basic --max-uses 9"
    made = terminal.good("keys", "create", *options.split(), "--json").value
    assert is_well_formed(made.pop("key"))
    assert terminal.good("keys", "show", "N", "--json").value == made
    assert (made["models"], made["permission"], made["state"]) == (["a", "b"], "call", "active")
    amounts = {allowance["unit"]: (allowance["granted"], allowance["reset"]) for allowance in made["allowances"]}
    assert amounts == {
        "credits": (5, "month"),
        "dollars": (10.5, "month"),
        "tokens": (100_000, "month"),
        "uses": (9, "month"),
    }
    assert (made["kind"], made["tier"], made["is_bound"]) == ("issued", "basic", False)
    assert sorted(limit["text"] for limit in made["limits"]) == [
        "1000 per 1 minute",
        "4 at once",
        "60 per 1 minute",
        "7 per 1 day",
        "8 per 1 day",
    ]
    shown = terminal.good("keys", "show", "N").out
    for line in (
        "allowance  $10.50 of $10.50 left this month",
        "limit      60 requests/minute",
        "models     a, b",
        "tier       basic",
    ):
        assert line in shown
    assert re.search(r"^expires    \d{4}-\d\d-\d\d \d\d:\d\d UTC \(in 30 days\)$", shown, re.MULTILINE)


def test_keys_are_listed_newest_first(terminal: Terminal) -> None:
    """A table for people, an object for programs; an empty store says how to begin."""
    said = terminal.good("keys", "list")
    assert (said.out, "tollbar keys create" in said.err) == ("", True)
    terminal.good("keys", "create", "--name", "old", "--credits", "5")
    terminal.good("keys", "create", "--name", "new", "--admin")
    heads, new, old = terminal.good("keys", "list").out.splitlines()
    assert heads.split() == ["NAME", "ID", "STATE", "OPENS", "MODELS", "LEFT", "EXPIRES", "MADE"]
    assert (new.split()[0], new.split()[3]) == ("new", "admin")
    assert (old.split()[0], "5 credits" in old) == ("old", True)
    listed = terminal.good("keys", "list", "--json").value
    assert [key["name"] for key in listed["data"]] == ["new", "old"]


def test_a_change_is_shown(terminal: Terminal) -> None:
    """What is named changes, the rest stays; a rate of 0 lifts its limit, and `*` opens every model."""
    terminal.good("keys", "create", "--name", "N", "--rpm", "60", "--tpm", "9", "--models", "a", "--credits", "5")
    changed = terminal.good(
        "keys", "update", "N", "--name", "M", "--rpm", "0", "--dollars", "1.5", "--models", "*", "--json"
    )
    assert (changed.value["name"], changed.value["models"], changed.value["version"]) == ("M", ["*"], 2)
    assert [limit["text"] for limit in changed.value["limits"]] == ["9 per 1 minute"]
    shown = terminal.good("keys", "update", "M", "--credits", "15").out
    assert "15 of 15 credits left" in shown
    assert "$1.50 of $1.50 left" in shown


def test_an_expiry_is_taken_away(terminal: Terminal) -> None:
    """`--expires never`; a change that does not speak of it leaves it."""
    terminal.good("keys", "create", "--name", "N", "--expires", "30d")
    assert terminal.good("keys", "update", "N", "--rpm", "5", "--json").value["expires_at"] is not None
    assert terminal.good("keys", "update", "N", "--expires", "never", "--json").value["expires_at"] is None
    assert "expires  never" in terminal.good("keys", "show", "N").out


def test_a_rotation_gives_another_secret(terminal: Terminal) -> None:
    """The new key is written, and the words say how long the old one works."""
    first = terminal.good("keys", "create", "--name", "N", "--quiet").out
    said = terminal.good("keys", "rotate", "N", "--grace", "24h")
    assert (is_well_formed(said.out.strip()), said.out == first) == (True, False)
    assert "the earlier one works for 24 hours more" in said.err
    assert "the earlier one has stopped" in terminal.good("keys", "rotate", "N").err
    assert is_well_formed(terminal.good("keys", "rotate", "N", "--quiet").out.strip())
    assert is_well_formed(terminal.good("keys", "rotate", "N", "--json").value["key"])


def test_a_revocation_ends_a_key(terminal: Terminal) -> None:
    """By id, by name or by the key itself; afterwards it is listed as revoked."""
    terminal.good("keys", "create", "--name", "N")
    key_id = terminal.good("keys", "show", "N", "--json").value["id"]
    assert terminal.good("keys", "revoke", key_id).out == "N is revoked.\n"
    assert terminal.good("keys", "revoke", "N", "--json").value["state"] == "revoked"
    assert "revoked" in terminal.good("keys", "list").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("create --name N --credits -1", "--credits: "),
        ("create --name N --dollars lots", "--dollars: 'lots' is no number of dollars."),
        ("create --name N --dollars nan", "--dollars: "),
        ("create --name N --rpm -5", "--rpm: "),
        ("create --name N --reset month", "--reset: A reset period belongs to an amount."),
        ("create --name N --credits 1 --reset fortnight", "--reset: 'fortnight' is no reset period."),
        ("create --name N --expires soon", "--expires: 'soon' says no time."),
        ("create --name taken", "--name: "),
        ("show nobody", "There is no such key."),
        ("revoke nobody", "There is no such key."),
        ("rotate taken --grace 1y", "--grace: '1y' is no span of time."),
        ("rotate taken --grace 31d", "--grace: A grace period is at most 30 days."),
        ("update taken --concurrency -1", "--concurrency: "),
    ],
)
def test_what_is_wrong_is_told_by_its_option(terminal: Terminal, arguments: str, said: str) -> None:
    """A fault names the option, has a remedy where there is one, and leaves status 1."""
    terminal.good("keys", "create", "--name", "taken")
    answer = terminal.run("keys", *arguments.split())
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.startswith(f"tollbar: {said}")


def test_a_name_cannot_speak_to_the_terminal(terminal: Terminal) -> None:
    """A name with an escape sequence is refused."""
    answer = terminal.run("keys", "create", "--name", "a\x1b[2Jb")
    assert (answer.status, "\x1b" in answer.err) == (1, False)


def test_data_and_config_choose_the_store(terminal: Terminal) -> None:
    """A key lives in the data directory that was named."""
    terminal.good("keys", "create", "--name", "N", "--data", "elsewhere")
    assert (terminal.directory / "elsewhere" / "tollbar.db").exists()
    assert terminal.run("keys", "show", "N").status == 1
    (terminal.directory / "other.yaml").write_text("data: elsewhere\n")
    assert "N" in terminal.good("keys", "show", "N", "--config", "other.yaml").out


def test_faulty_settings_stop_a_command(terminal: Terminal) -> None:
    """Nothing is opened with settings that do not hold."""
    answer = terminal.run("keys", "list", environment={"TOLLBAR_DAAT": "x"})
    assert answer.status == 1
    assert answer.err == (
        "tollbar: 1 setting is wrong:\n  environment: TOLLBAR_DAAT is no setting. Did you mean TOLLBAR_DATA?\n"
    )
    assert not (terminal.directory / "data").exists()


def test_another_secret_is_told(terminal: Terminal) -> None:
    """A store that was made with another secret is refused with the remedy."""
    terminal.good("keys", "create", "--name", "N")
    (terminal.directory / "data" / "secret").write_text("0" * 64)
    answer = terminal.run("keys", "list")
    assert (answer.status, "another secret" in answer.err) == (1, True)
