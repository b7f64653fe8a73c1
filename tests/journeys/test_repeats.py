"""Calls sent again under one `Idempotency-Key`, and alerts, over real sockets: across workers, and across a kill."""

import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
import requests

from tests.journeys.bodies import chat
from tests.journeys.stand import ADMIN_KEY, LAB_KEY, Gateway, query, started, wait_until
from tests.journeys.test_workers import processes
from tests.upstream import FakeUpstream

VARIABLES = {"TOLLBAR_ADMIN_KEY": ADMIN_KEY, "LAB_KEY": LAB_KEY, "TOLLBAR_WORKERS": "2"}
NAMED = {"idempotency-key": "order 66"}
BODY = chat("lab/slow-headers:300", stream=True)
CROWD = 50
NAMES = 30
PAGE = Path(__file__).parents[2] / "docs" / "alerts.md"


class Hook(ThreadingHTTPServer):
    """A webhook that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.taken: list[tuple[dict[str, str], bytes]] = []

    @property
    def ids(self) -> set[str]:
        """The alerts that came, however often."""
        return {headers["webhook-id"] for headers, _ in self.taken}


class _Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Takes a message."""
        body = self.rfile.read(int(self.headers["content-length"]))
        cast("Hook", self.server).taken.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(204)
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


def test_what_a_kill_leaves(tmp_path: Path, up: FakeUpstream, hook: Hook) -> None:
    """Each name is answered and charged once, by whichever worker; each threshold is told in the end, verifiably."""
    before = len(up.journal)
    with started(tmp_path, up, environment=VARIABLES) as gateway:
        secret = gateway.admin("POST", "/alerts/webhook", {"url": f"http://127.0.0.1:{hook.server_port}/x"})["secret"]
        key, said = a_crowd_is_one_call(gateway)
        assert len(up.journal) - before == 1
        many = gateway.make_key("many", credits=NAMES)
        gateway.admin("POST", f"/keys/{gateway.me(many)['id']}/alerts", {"at": [10, 100, 150]})
        answered = killed_under(gateway, many)
    data = tmp_path / "data"
    charged = {row["request_id"] for row in query(data, "select * from ledger where credits > 0")}
    kept = {row["request_id"] for row in query(data, "select * from answers where status is not null")}
    assert charged == kept  # both or neither
    assert answered <= kept
    with started(tmp_path, up, environment=VARIABLES) as gateway:
        gateway.secrets.add(secret)
        again = gateway.post(key, BODY, headers=NAMED)
        assert (again.status_code, again.content) == (200, said)
        assert again.headers["x-tollbar-replayed"]
        assert gateway.post(key, {**BODY, "stream": False}, headers=NAMED).status_code == 409
        assert gateway.settled(key)["spent"] == 1
        with ThreadPoolExecutor(NAMES) as pool:
            told = [answer for answer in pool.map(lambda number: named(gateway, many, number), range(NAMES)) if answer]
        assert [answer.status_code for answer in told] == [200] * NAMES
        replayed = {answer.headers.get("x-tollbar-replayed") for answer in (*told, again)} - {None}
        assert replayed == kept
        assert gateway.settled(many)["spent"] == NAMES
        wait_until(lambda: len(hook.ids) == 2, 30)
        assert len(gateway.admin("GET", "/alerts")["data"]) == 2
    assert thresholds_of(hook, secret) == [10, 100]


def a_crowd_is_one_call(gateway: Gateway) -> tuple[str, bytes]:
    """Fifty at once on two workers: one is answered, one credit is spent. The key, and the answer."""
    key = gateway.make_key("crowd", credits=10)
    with ThreadPoolExecutor(CROWD) as pool:
        told = list(pool.map(lambda _: gateway.post(key, BODY, headers=NAMED), range(CROWD)))
    answered = [answer for answer in told if answer.status_code == 200]
    refused = [answer for answer in told if answer.status_code != 200]
    assert {answer.content for answer in answered} == {answered[0].content}
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in refused} <= {(409, "1")}
    assert len([answer for answer in answered if "x-tollbar-replayed" not in answer.headers]) == 1
    assert gateway.settled(key)["spent"] == 1
    return key, answered[0].content


def killed_under(gateway: Gateway, key: str) -> set[str]:
    """Calls of many names at once, in the middle of which the server is killed; the ids of those that were answered."""
    with ThreadPoolExecutor(NAMES) as pool:
        calls = [pool.submit(named, gateway, key, number) for number in range(NAMES)]
        wait_until(lambda: len(gateway.query("select 1 from ledger")) > NAMES / 3, 10)
        workers = processes(gateway)
        gateway.kill()
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        told = [call.result() for call in calls]
    return {answer.headers["x-request-id"] for answer in told if answer is not None and answer.ok}


def named(gateway: Gateway, key: str, number: int) -> requests.Response | None:
    """A call under the how manyth name; None where the server died under it."""
    try:
        return gateway.post(key, chat("lab/paced:4", stream=bool(number % 2)), headers={"idempotency-key": str(number)})
    except requests.RequestException:
        return None


def thresholds_of(hook: Hook, secret: str) -> list[int]:
    """What the webhook was told was reached, each message verified as the documentation shows it."""
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    made: dict[str, Any] = {}
    exec(block, made)
    verify = made["verify"]
    told: dict[str, int] = {}
    for headers, body in hook.taken:
        assert verify(secret, headers, body)
        assert not verify(secret, {**headers, "webhook-timestamp": "1"}, body)
        assert not verify(secret, headers, body + b" ")
        told[headers["webhook-id"]] = json.loads(body)["data"]["threshold_percent"]
    return sorted(told.values())
