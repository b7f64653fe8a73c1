"""`tollbar check` and `tollbar doctor`."""

import socket
from pathlib import Path

import pytest

from tests.cli.running import Terminal
from tollbar.cli.checking import OK, WARNING, WRONG

GOOD_KEY = "gT5kq0Lw2Zx8Vb3Nm6Yc1Ra7"


def test_a_check_shows_values_and_origins(terminal: Terminal) -> None:
    """Each setting with its value and where that came from; secrets masked; warnings beside."""
    (terminal.directory / "tollbar.yaml").write_text(
        "retries: {attempts: 2}\nproviders: {p: {vendor: openai, api_key: hush-a}}\n"
    )
    environment = {"PORT": "9000", "OPENAI_API_KEY": "hush-b", "TOLLBAR_ADMIN_KEY": GOOD_KEY}
    said = terminal.good("check", environment=environment)
    rows = {line.split()[0]: line.split()[1:] for line in said.out.splitlines()}
    assert rows["retries.attempts"] == ["2", "tollbar.yaml,", "line", "1"]
    assert rows["server.port"] == ["9000", "environment:", "PORT"]
    assert rows["server.host"] == ["127.0.0.1", "default"]
    assert rows["OPENAI_API_KEY"] == ["***", "environment"]
    assert said.err == (
        "note: tollbar.yaml, line 2: providers.p.api_key stands in clear. Refer to it: ${NAME} or file:PATH.\n"
    )
    assert not [secret for secret in ("hush", GOOD_KEY) if secret in said.out + said.err]
    changed = terminal.good("check", "--changed", environment=environment).out
    assert "default" not in changed
    assert not (terminal.directory / "data").exists()


def test_a_check_lists_every_fault(terminal: Terminal) -> None:
    """Faults of all sources, and status 1; as JSON too."""
    (terminal.directory / "tollbar.yaml").write_text("serer: {}\n")
    environment = {"API_PORT": "http"}
    said = terminal.run("check", environment=environment)
    assert (said.status, said.out) == (1, "")
    remedy = "The port to listen on; 0 lets the system choose. The default is 8000."
    assert said.err.splitlines() == [
        "tollbar: 2 settings are wrong:",
        f"  environment: API_PORT is 'http' but must be a whole number. {remedy}",
        "  tollbar.yaml, line 1: serer is no setting. Did you mean server?",
    ]
    said = terminal.run("check", "--json", environment=environment)
    assert (said.status, said.value["ok"]) == (1, False)
    assert [fault["key"] for fault in said.value["faults"]] == ["API_PORT", "serer"]


def test_a_check_for_programs(terminal: Terminal) -> None:
    """The same as JSON."""
    value = terminal.good("check", "--json").value
    assert (value["ok"], value["faults"]) == (True, [])
    assert {"name": "server.port", "value": "8000", "origin": "default"} in value["settings"]


def examined(
    terminal: Terminal, environment: dict[str, str] | None = None, status: int = 0
) -> dict[str, tuple[str, str]]:
    """What the doctor says of each thing: its level and its text (of several, the last)."""
    said = terminal.run("doctor", "--json", environment={"API_PORT": "0", **(environment or {})})
    assert said.status == status
    return {finding["thing"]: (finding["level"], finding["text"]) for finding in said.value}


def test_the_doctor_finds_a_fresh_directory_fine(terminal: Terminal) -> None:
    """Nothing is there yet, nothing is made, and only a provider is missing."""
    found = examined(terminal)
    assert {thing: level for thing, (level, _) in found.items()} == {
        "settings": OK,
        "data": OK,
        "secret": OK,
        "store": OK,
        "port": OK,
        "provider": WARNING,
    }
    assert list(terminal.directory.iterdir()) == []


def test_the_doctor_opens_the_store(terminal: Terminal) -> None:
    """A store that opens is told with the number of its keys."""
    terminal.good("keys", "create", "--name", "N")
    level, text = examined(terminal)["store"]
    assert (level, text.endswith("opens with this secret, 1 key")) == (OK, True)


def test_the_doctor_misses_the_secret(terminal: Terminal) -> None:
    """A store without its secret is wrong, and no other secret is made in its place."""
    terminal.good("keys", "create", "--name", "N")
    secret = terminal.directory / "data" / "secret"
    secret.unlink()
    assert examined(terminal, status=1)["secret"][0] == WRONG
    assert not secret.exists()


def test_the_doctor_knows_a_foreign_secret(terminal: Terminal) -> None:
    """A store that was made with another secret is wrong."""
    terminal.good("keys", "create", "--name", "N")
    found = examined(terminal, {"TOLLBAR_SECRET": f"{GOOD_KEY}-and-some-more"}, status=1)
    assert (found["secret"][0], found["store"][0]) == (OK, WRONG)


def test_the_doctor_sees_an_open_secret(terminal: Terminal) -> None:
    """A secret that others can read is noted, with the command that mends it."""
    terminal.good("keys", "create", "--name", "N")
    (terminal.directory / "data" / "secret").chmod(0o644)
    said = terminal.good("doctor", environment={"API_PORT": "0"})
    assert "chmod 600 data/secret" in said.out


def test_the_doctor_sees_a_taken_port(terminal: Terminal) -> None:
    """A port that somebody listens on is noted, for that may be Tollbar."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        level, text = examined(terminal, {"API_PORT": str(port)})["port"]
    assert (level, text.startswith(f"127.0.0.1:{port} cannot be had")) == (WARNING, True)


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1"])
def test_the_doctor_sees_an_address_that_is_not_ours(terminal: Terminal, host: str) -> None:
    """A host that is unknown, or another machine's, cannot be listened on."""
    assert examined(terminal, {"API_HOST": host})["port"][0] == WARNING


def test_the_doctor_sees_a_place_that_cannot_hold_data(terminal: Terminal) -> None:
    """A file in the way of the data directory is wrong."""
    Path("taken").touch()
    found = examined(terminal, {"TOLLBAR_DATA": "taken/data"}, status=1)
    assert (found["data"][0], "store" in found) == (WRONG, False)


def test_the_doctor_finds_providers_and_their_keys(terminal: Terminal) -> None:
    """Keys are told by where they come from, never by what they are; a provider without one is wrong."""
    environment = {"OPENAI_API_KEY": "hush-hush", "ANTHROPIC_API_KEY": "hush-hush"}
    said = terminal.good("doctor", environment={"API_PORT": "0", **environment})
    assert "openai, with a key from OPENAI_API_KEY" in said.out
    assert "hush" not in said.out + said.err
    (terminal.directory / "tollbar.yaml").write_text(
        "providers:\n  main: {vendor: groq}\n  lab: {wire: openai, base_url: 'http://127.0.0.1:9/v1'}\n"
    )
    said = terminal.run("doctor", environment={"API_PORT": "0"})
    assert said.status == 1
    assert "wrong  provider  provider main: has no key: set GROQ_API_KEY" in said.out
    assert "ok     provider  lab at http://127.0.0.1:9/v1, without a key" in said.out


def test_the_doctor_needs_settings_that_hold(terminal: Terminal) -> None:
    """With faulty settings there is nothing to look at."""
    said = terminal.run("doctor", environment={"API_PORT": "x"})
    assert (said.status, said.out) == (1, "")
