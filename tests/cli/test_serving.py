"""`tollbar serve`, as a process of its own."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.running import Terminal
from tollbar.settings import read_environment

QUESTION = {"model": "tollbar-guide", "messages": [{"role": "user", "content": "How do I make a key?"}]}


@contextmanager
def served(directory: Path, *arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a directory, with what it told at its start."""
    command = [sys.executable, "-m", "tollbar.cli", "serve", *arguments]
    kept = {name: value for name, value in read_environment().items() if name in {"PATH", "HOME", "LANG"}}
    process = subprocess.Popen(
        command,
        cwd=directory,
        env={**kept, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    told = ""
    try:
        for line in process.stdout or ():
            told += line
            if "-d '{" in line:
                break
        yield process, told
    finally:
        process.kill()
        process.communicate()


def ask(url: str, key: str) -> dict[str, object]:
    """The answer to a question."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(QUESTION).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        result: dict[str, object] = json.load(answer)
        return result


def refused_at(url: str, directory: Path) -> str:
    """What a second server says that is to listen at an address that is taken."""
    directory.mkdir()
    taken = urlsplit(url)
    with served(directory, "--host", str(taken.hostname), "--port", str(taken.port)) as (process, told):
        _, complaint = process.communicate(timeout=60)
    assert (process.returncode, told) == (1, "")
    return complaint


@pytest.mark.slow
def test_a_start_tells_where_and_how(tmp_path: Path, terminal: Terminal) -> None:
    """The address, an admin key, a line whose key works; keys made meanwhile work at once; a signal ends it well.

    Meanwhile nobody else gets the address.
    """
    with served(tmp_path, "--port", "0", API_HOST="localhost", API_PORT="1") as (process, told):
        url = re.search(r"listens on (http://\S+)", told)
        keys = re.findall(r"sk-toll-[0-9A-Za-z]{44}", told)
        assert url is not None
        assert (len(keys), "Admin key, shown this once" in told) == (2, True)
        assert ask(url[1], keys[1])["object"] == "chat.completion"
        made = terminal.good("keys", "create", "--name", "meanwhile", "--quiet").out.strip()
        assert ask(url[1], made)["object"] == "chat.completion"
        assert "Choose another with --port or API_PORT" in refused_at(url[1], tmp_path / "other")
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=20)
        assert process.returncode == 0
    calls = [json.loads(line) for line in log.splitlines() if '"call"' in line]
    assert [call["key"] for call in calls] == ["starter", "meanwhile"]
    assert not [key for key in (*keys, made) if key in log]


@pytest.mark.slow
def test_faulty_settings_keep_it_from_starting(tmp_path: Path) -> None:
    """Every fault is told, the status is 1, and nothing is made."""
    with served(tmp_path, "--port", "70000", TOLLBAR_DAAT="x") as (process, told):
        _, complaint = process.communicate(timeout=20)
    assert (process.returncode, told) == (1, "")
    assert complaint == (
        "tollbar: 2 settings are wrong:\n"
        "  environment: TOLLBAR_DAAT is no setting. Did you mean TOLLBAR_DATA?\n"
        "  command line: --port is 70000 but must be 65535 or less. "
        "The port to listen on; 0 lets the system choose. The default is 8000.\n"
    )
    assert list(tmp_path.iterdir()) == []
