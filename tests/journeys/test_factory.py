"""`uvicorn --factory tollbar.app:create`: a server that somebody else runs and that writes a log of its own."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.journeys.stand import START_SECONDS, STOP_SECONDS, clean, tollbar, wait_until

STATIC_KEY = "swordfish-0123456789"


@dataclass(frozen=True, slots=True)
class Server:
    """What it is reached by, and what it wrote."""

    url: str
    directory: Path

    def log(self) -> str:
        """All that it wrote so far."""
        return (self.directory / "log").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """uvicorn with its access log, in an empty directory."""
    directory = tmp_path_factory.mktemp("factory")
    command = [sys.executable, "-m", "uvicorn", "--factory", "tollbar.app:create", "--port", "0"]
    with (directory / "log").open("wb") as log:
        environment = clean(directory, {"x_api_key": STATIC_KEY})
        process = subprocess.Popen(command, cwd=directory, env=environment, stdout=log, stderr=log)
    try:
        began, found = time.monotonic(), None
        while not found:
            assert process.poll() is None, (directory / "log").read_text()
            assert time.monotonic() - began < START_SECONDS
            time.sleep(0.02)
            found = re.search(r"running on (http://[\d.:]+)", (directory / "log").read_text())
        yield Server(found[1], directory)
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def test_an_admin_key_can_be_had_while_the_server_runs(server: Server) -> None:
    """Nobody may have seen the one that the first start made: the command makes another and shows it."""
    key = tollbar(server.directory, "admin", "reset", "--quiet", environment={})
    url, head = f"{server.url}/admin/api/keys", {"authorization": f"Bearer {key}"}
    wait_until(lambda: requests.get(url, headers=head, timeout=30).status_code == 200)


def test_the_key_of_the_environment_opens_calls(server: Server) -> None:
    """In the header that the third system's clients send, with underscores; nothing else is its key."""
    url, body = (
        f"{server.url}/v1/chat/completions",
        {"model": "tollbar-guide", "messages": [{"role": "user", "content": "?"}]},
    )
    answers = [
        requests.post(url, json=body, headers={name: value}, timeout=30).status_code
        for name, value in (("x_api_key", STATIC_KEY), ("x-api-key", STATIC_KEY), ("x_api_key", STATIC_KEY[:-1]))
    ]
    assert answers == [200, 200, 401]
    assert requests.get(f"{server.url}/v1/me", headers={"x_api_key": STATIC_KEY}, timeout=30).json()["kind"] == "static"
    assert (
        requests.get(f"{server.url}/admin/api/keys", headers={"x_api_key": STATIC_KEY}, timeout=30).status_code == 403
    )


@pytest.mark.parametrize("path", ["/response", "/v1/models", "/nowhere", "/v1/chat/completions"])
def test_a_key_in_an_address_is_in_no_log(server: Server, path: str) -> None:
    """Neither in ours nor in the server's, whatever becomes of the request; the rest of the address is there."""
    secret = "1a2b3C4d5E6f7G8h9I0J1K2L3M4N5O6"
    requests.get(f"{server.url}{path}?trace={path[1:3]}&api_key={secret}", timeout=30)
    requests.get(f"{server.url}{path}?api%5Fkey={secret}&trace={path[1:3]}", timeout=30)
    wait_until(lambda: server.log().count(f"{path}?trace={path[1:3]}") == 2)
    assert secret not in server.log()
