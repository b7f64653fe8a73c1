"""`tollbar import`: keys of other systems, taken over from the terminal."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.running import Terminal

TABLE = {"key1": {"credits": 100, "tier": "basic"}, "another-secret-of-some-length": {"credits": 5}}


def refusal(terminal: Terminal, file: Path, **environment: str) -> str:
    """What is said of a file that cannot be taken over."""
    said = terminal.run("import", str(file), environment=environment)
    assert (said.status, said.out) == (1, "")
    return said.err


def test_a_table_is_taken_over(terminal: Terminal) -> None:
    """Each key is told without its secret; short ones are warned of; a second time nothing is added."""
    file = terminal.directory / "keys.json"
    file.write_text(json.dumps(TABLE))
    said = terminal.good("import", str(file))
    assert said.out.splitlines() == [
        "imported-1  …  basic  100 of 100 credits left",
        "imported-2  …ngth  no tier  5 of 5 credits left",
    ]
    assert "1 of these keys can be guessed" in said.err
    again = terminal.good("import", str(file))
    assert (again.out, "2 of the keys were there already" in again.err) == ("", True)


def test_a_rotating_key_is_taken_over(terminal: Terminal) -> None:
    """Where an admin secret says that there is one; without it the setting is named."""
    file = terminal.directory / "current_key.json"
    expiry = (datetime.now(UTC) + timedelta(days=2)).replace(tzinfo=None, microsecond=0)
    file.write_text(json.dumps({"api_key": "sk-0123456789abcdef", "expiry": expiry.isoformat()}))
    assert "ADMIN_SECRET" in refusal(terminal, file)
    environment = {"ADMIN_SECRET": "open sesame"}
    assert f"{expiry:%Y-%m-%d %H:%M} UTC" in terminal.good("import", str(file), environment=environment).out
    assert "rotating" in terminal.good("keys", "list").out
    file.write_text('{"api_key": "sk-0123456789abcdef", "expiry": "2024-01-15T10:30:00"}')
    assert "expired at 2024-01-15" in refusal(terminal, file, **environment)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"words", b'{"a": {"tier": "gold"}}'])
def test_what_cannot_be_taken_over_is_told(terminal: Terminal, content: bytes | None) -> None:
    """No file, no text, no keys, no such tier."""
    file = terminal.directory / "keys.json"
    if content is not None:
        file.write_bytes(content)
    assert refusal(terminal, file).startswith("tollbar: ")
