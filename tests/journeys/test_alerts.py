"""Alerts and kept answers over a `kill -9`: what was reached is told, what was charged is given again, and no more."""

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
import requests

from tests.journeys.bodies import chat
from tests.journeys.stand import ADMIN_KEY, LAB_KEY, Gateway, started, wait_until
from tests.upstream import FakeUpstream

VARIABLES = {"TOLLBAR_ADMIN_KEY": ADMIN_KEY, "LAB_KEY": LAB_KEY}
PAGE = Path(__file__).parents[2] / "docs" / "alerts.md"
NAMES = 30


class Hook(ThreadingHTTPServer):
    """A webhook that keeps what it is sent, and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.status = 204


class _Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Takes a message."""
        hook = cast("Hook", self.server)
        body = self.rfile.read(int(self.headers["content-length"]))
        hook.taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(hook.status)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Says nothing."""


@pytest.fixture
def hook() -> Iterator[Hook]:
    """One that listens."""
    with Hook() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


def verify_of_the_page() -> Any:
    """The function that the documentation shows, made from its very text."""
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    made: dict[str, Any] = {}
    exec(block, made)
    return made["verify"]


def named(gateway: Gateway, key: str, number: int) -> requests.Response | None:
    """A call under the how manyth name; None where the server died under it."""
    try:
        return gateway.post(key, chat("lab/paced:4", stream=bool(number % 2)), headers={"idempotency-key": str(number)})
    except requests.RequestException:
        return None


def test_what_a_kill_leaves(tmp_path: Path, up: FakeUpstream, hook: Hook) -> None:
    """Each threshold is told in the end, verifiably, once for its period; each name is answered and charged once."""
    with started(tmp_path, up, environment=VARIABLES) as gateway:
        secret = gateway.admin("POST", "/alerts/webhook", {"url": f"http://127.0.0.1:{hook.server_port}/x"})["secret"]
        gateway.secrets.add(secret)
        key = gateway.make_key("killed", credits=NAMES)
        identity = gateway.me(key)["id"]
        gateway.admin("POST", f"/keys/{identity}/alerts", {"at": [10, 100, 150]})
        with ThreadPoolExecutor(NAMES) as pool:
            calls = [pool.submit(named, gateway, key, number) for number in range(NAMES)]
            wait_until(lambda: len(gateway.query("select 1 from ledger")) >= NAMES / 3, 10)
            gateway.kill()
            before = [call.result() for call in calls]
    charged = {line["request_id"] for line in gateway.ledger() if line["credits"]}
    kept = {row["request_id"] for row in gateway.query("select request_id from answers where status is not null")}
    assert charged == kept
    assert {told.headers["x-request-id"] for told in before if told is not None and told.ok} <= kept
    with started(tmp_path, up, environment=VARIABLES) as gateway:
        gateway.secrets.add(secret)
        with ThreadPoolExecutor(NAMES) as pool:
            told = list(pool.map(lambda number: named(gateway, key, number), range(NAMES)))
        assert [answer.status_code for answer in told if answer is not None] == [200] * NAMES
        replayed = {
            answer.headers["x-tollbar-replayed"]
            for answer in told
            if answer and len(answer.history) == 0 and "x-tollbar-replayed" in answer.headers
        }
        assert replayed == kept
        assert gateway.settled(key)["spent"] == NAMES
        wait_until(lambda: len({headers["webhook-id"] for headers, _ in hook.taken}) == 2, 30)
        alerts = gateway.admin("GET", "/alerts")
        assert len(alerts["data"]) == 2
    verify = verify_of_the_page()
    told_of = {}
    for headers, body in hook.taken:
        assert verify(secret, headers, body)
        assert not verify(secret, {**headers, "webhook-timestamp": "1"}, body)
        assert not verify(secret, headers, body + b" ")
        told_of[headers["webhook-id"]] = json.loads(body)["data"]["threshold_percent"]
    assert sorted(told_of.values()) == [10, 100]
