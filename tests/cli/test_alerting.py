"""`tollbar alerts`, over a real store and a real webhook."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.cli.running import Terminal


class _Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Takes a message."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.taken.append((dict(self.headers), body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Says nothing."""


@pytest.fixture
def hook() -> Iterator[HTTPServer]:
    """A webhook; `taken` is what it was sent."""
    with HTTPServer(("127.0.0.1", 0), _Taking) as server:
        server.taken, server.status = [], 204  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


def test_alerts_are_set_tried_and_listed(terminal: Terminal, hook: HTTPServer) -> None:
    """From nothing to a webhook that takes a test."""
    assert "none: set one" in terminal.good("alerts", "list").out
    assert terminal.run("alerts", "test").status == 1
    url = f"http://127.0.0.1:{hook.server_port}/x"
    shown = terminal.good("alerts", "webhook", url).out
    assert "whsec_" in shown
    assert "took it" in terminal.good("alerts", "test").out
    ((headers, body),) = hook.taken  # type: ignore[attr-defined]
    assert (headers["webhook-id"][:6], json.loads(body)["type"]) == ("alert_", "tollbar.test")
    terminal.good("keys", "create", "--name", "ana", "--credits", "5", "-q")
    assert "50 %, 100 %" in terminal.good("alerts", "set", "key", "ana", "--at", "100,50%").out
    listed = terminal.good("alerts", "list", "--json").value
    assert (listed["webhook"], listed["thresholds"][0]["at"]) == (url, [50, 100])
    assert "credits: 50 %, 100 %" in terminal.good("alerts", "list").out
    assert "usual" in terminal.good("alerts", "set", "key", "ana", "--at", "usual", "--unit", "credits").out
    assert terminal.run("alerts", "set", "team", "installation", "--at", "80").status == 1  # it has no allowance
    assert terminal.run("alerts", "set", "key", "ana", "--at", "most").status == 1
    hook.status = 500  # type: ignore[attr-defined]
    said = terminal.run("alerts", "test")
    assert (said.status, "status 500" in said.err) == (1, True)
    assert "nowhere" in terminal.good("alerts", "webhook", "--remove").out
    assert terminal.run("alerts", "webhook").status == 1
