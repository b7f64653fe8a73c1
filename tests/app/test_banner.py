"""What a start tells the person at the terminal."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from tests.app.making import a_server, an_offer
from tollbar.app.banner import banner, made_keys, own_command
from tollbar.app.wiring import Readiness, Running

URL = "http://127.0.0.1:8000"


def a_start(directory: Path, **fields: Any) -> Running:
    """A start of which only what it tells is there."""
    unused = cast("Any", None)
    start = Running(unused, unused, an_offer(directory), (), None, None, Readiness())
    return replace(start, **fields)


def test_a_first_start_on_this_machine(tmp_path: Path) -> None:
    """The address, the admin key, the model, a line to paste with a key that works."""
    start = a_start(tmp_path, admin_key="sk-toll-ADMIN", starter_key="sk-toll-STARTER")
    assert (
        banner(URL, start)
        == f"""
  Tollbar listens on {URL}   (documents: {URL}/docs)

  Admin key, shown this once:  sk-toll-ADMIN

  Default model: tollbar-guide

  Try it (this key works for a day; 'tollbar keys create --name NAME' makes lasting ones):

  curl {URL}/v1/chat/completions -H 'Authorization: Bearer sk-toll-STARTER' \\
    -H 'Content-Type: application/json' \\
    -d '{{"model": "tollbar-guide", "messages": [{{"role": "user", "content": "How do I give a teammate a key?"}}]}}'
"""
    )


def test_the_command_is_told_as_it_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name where a shell finds it, else by its path, a short one below this directory."""
    bin_folder = tmp_path / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "tollbar").touch(0o755)
    python = str(bin_folder / "python")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(bin_folder))
    assert own_command(python) == "tollbar"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert own_command(python) == ".venv/bin/tollbar"
    assert "  Make a key for calls:  .venv/bin/tollbar keys" in banner(URL, a_start(tmp_path), own_command(python))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert own_command(python) == str(bin_folder / "tollbar")
    assert own_command(str(tmp_path / "python")) == "tollbar"


def test_keys_alone(tmp_path: Path) -> None:
    """What a server of others' shows: the keys made now, or nothing."""
    start = a_start(tmp_path, admin_key="sk-toll-ADMIN", starter_key="sk-toll-STARTER")
    assert made_keys(start) == (
        "Admin key, shown this once: sk-toll-ADMIN\nKey for calls, for a day: sk-toll-STARTER\n"
    )
    assert made_keys(a_start(tmp_path)) == ""


def test_a_later_start_for_others(tmp_path: Path) -> None:
    """Without keys made now there are none to show, and the way to one is told."""
    assert (
        banner("http://[::]:80", a_start(tmp_path))
        == """
  Tollbar listens on http://[::]:80   (documents: http://[::]:80/docs)

  Default model: tollbar-guide

  Make a key for calls:  tollbar keys create --name NAME
"""
    )


def test_servers_and_warnings_are_told(tmp_path: Path) -> None:
    """What was found, with at most three of its models; what is configured in vain."""
    offered = an_offer(tmp_path, CLOUDFLARE_API_TOKEN="sk-cloud", OPENAI_API_KEY="sk-real")
    servers = (a_server("ollama", "a", "b", "c", "d", "e"), a_server("lmstudio"), a_server("vllm", "x"))
    lines = banner(URL, a_start(tmp_path, offer=offered, servers=servers)).splitlines()
    assert lines[3:7] == [
        "  Default model: openai/gpt-4o-mini",
        "  Found ollama at http://127.0.0.1:11434/v1: ollama/a, ollama/b, ollama/c and 2 more",
        "  Found lmstudio at http://127.0.0.1:1234/v1: no models yet",
        "  Found vllm at http://127.0.0.1:8000/v1: vllm/x",
    ]
    assert lines[7] == f"  Not usable: {offered.warnings[0]}"


def test_the_line_to_paste_names_the_default_model(tmp_path: Path) -> None:
    """The model in the line is the one that is the default."""
    offered = an_offer(tmp_path, OPENAI_API_KEY="sk-real", DEFAULT_MODEL="gpt-4o")
    assert '"model": "gpt-4o"' in banner(URL, a_start(tmp_path, offer=offered, starter_key="sk-toll-STARTER"))
