"""`kill -9` at random moments of a busy server: after each restart the money is right, to the last call.

What a caller has read to its end is in the ledger exactly once; what the kill cut off is resolved by the next start.
"""

import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.journeys.bodies import chat, frames
from tests.journeys.stand import ADMIN_KEY, LAB, LAB_KEY, Gateway, query, start, used_seconds
from tests.upstream import FakeUpstream

KILLS = 6
CALLERS = 16
CREDITS = 110
TOKENS = 60_000
ENVIRONMENT = {"TOLLBAR_ADMIN_KEY": ADMIN_KEY, "LAB_KEY": LAB_KEY}
READY_SECONDS = 5.0
"""Of the processor, until a server that was killed is ready again."""


@dataclass(slots=True)
class Crowd:
    """Callers who never give up; `ended` are the ids of the answers that they have read to the end."""

    keys: list[str]
    gateway: Gateway
    ended: list[tuple[str, str]] = field(default_factory=list)
    refused: int = 0
    cut: int = 0
    strange: list[str] = field(default_factory=list)
    may_call: threading.Event = field(default_factory=threading.Event)
    is_over: bool = False

    def call_on(self, number: int) -> None:
        """One caller: calls of both kinds on its key, again and again."""
        key = self.keys[number % len(self.keys)]
        turn = 0
        while not self.is_over:
            if not self.may_call.wait(0.05):
                continue
            turn += 1
            streams = bool(turn % 2)
            model = "lab/paced:3" if streams else "lab/slow-headers:30"
            try:
                body = chat(model, stream=streams, max_tokens=20)
                with self.gateway.post(key, body, timeout=30, stream=True) as answer:
                    self._read(key, answer, b"[DONE]" if streams else b"}")
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                self.cut += 1
                time.sleep(0.01)

    def _read(self, key: str, answer: requests.Response, end: bytes) -> None:
        """Reads an answer; it has ended when its last word is there, whatever becomes of the connection."""
        data = b""
        for piece in answer.iter_content(None):
            data += piece
            if answer.status_code == 200 and data.strip().endswith(end) and is_whole(data):
                self.ended.append((answer.headers["x-request-id"], key))
                return
        if answer.status_code == 429:
            self.refused += 1
            time.sleep(0.02)
        else:
            self.strange.append(data[-300:].decode())


def is_whole(data: bytes) -> bool:
    """Whether an answer says all: a stream by its end mark, a document by being one."""
    if data.startswith(b"data:"):
        return frames(data)[-1] == "[DONE]"
    with suppress(ValueError):
        return bool(json.loads(data)["choices"])
    return False


@contextmanager
def calling(crowd: Crowd) -> Iterator[None]:
    """The callers at work."""
    threads = [threading.Thread(target=crowd.call_on, args=(number,)) for number in range(CALLERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        crowd.is_over = True
        for thread in threads:
            thread.join(60)


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_oversold(tmp_path: Path, up: FakeUpstream) -> None:
    """Six kills among some hundred calls on credits, tokens and without an allowance."""
    (tmp_path / "tollbar.yaml").write_text(LAB % up.url)
    gateway = start(tmp_path, ENVIRONMENT)
    data = tmp_path / "data"
    keys = [gateway.make_key("credits", credits=CREDITS), gateway.make_key("tokens", tokens=TOKENS)]
    keys.append(gateway.make_key("free"))
    crowd = Crowd(keys, gateway)
    dice = random.Random(20)
    restarts: list[float] = []
    try:
        with calling(crowd):
            for _ in range(KILLS):
                crowd.may_call.set()
                time.sleep(dice.uniform(0.2, 0.8))
                crowd.gateway.kill()
                crowd.may_call.clear()
                crowd.gateway.close()
                assert_answers_are_in_the_ledger(data, crowd)
                secrets = crowd.gateway.secrets
                crowd.gateway = start(tmp_path, ENVIRONMENT)
                crowd.gateway.secrets |= secrets
                ready = crowd.gateway.request("GET", "/health/ready")
                assert ready.status_code == 200
                restarts.append(used_seconds(crowd.gateway.process.pid))
                assert_accounts_are_right(data)
            crowd.may_call.set()
            time.sleep(0.5)
    finally:
        crowd.gateway.close()
    assert_answers_are_in_the_ledger(data, crowd)
    assert_accounts_are_right(data)
    assert crowd.strange == []
    ended = Counter(key for _, key in crowd.ended)
    assert ended[keys[0]] <= CREDITS
    assert max(restarts) < READY_SECONDS
    (spent,) = query(data, "select spent from allowances where unit = 'credits'")
    # Each kill may fall between the charge and the last byte on its way, of every caller at once, and no more often.
    assert 0 <= spent["spent"] - ended[keys[0]] <= KILLS * CALLERS
    sys.stdout.write(
        f"{len(crowd.ended)} answers ended, {crowd.cut} cut or not begun, {crowd.refused} refused for {KILLS} kills; "
        f"{len(up.journal)} calls at the provider; ready again in {max(restarts):.2f} s at the most\n"
    )


def assert_answers_are_in_the_ledger(data: Path, crowd: Crowd) -> None:
    """Each answer that ended has one paid line of its own, whose figures are the provider's."""
    lines: Counter[str] = Counter()
    for row in query(data, "select * from ledger where outcome = 'ok' and paid"):
        lines[row["request_id"]] += 1
        assert (row["prompt_tokens"], row["flag"]) == (10, None)
    assert [request_id for request_id, _ in tuple(crowd.ended) if lines[request_id] != 1] == []
    assert set(lines.values()) <= {1}


def assert_accounts_are_right(data: Path) -> None:
    """Behind a start: no hold is left, what is spent is what was billed, and the file is whole."""
    assert query(data, "select * from holds") == []
    assert query(data, "pragma integrity_check") == [{"integrity_check": "ok"}]
    billed = {
        "credits": "sum(credits)",
        "tokens": "sum(prompt_tokens + completion_tokens)",
    }
    for unit, total in billed.items():
        (row,) = query(data, f"select * from allowances where unit = '{unit}'")
        (paid,) = query(
            data, f"select coalesce({total}, 0) as total from ledger where paid and key_id = '{row['owner']}'"
        )
        assert row["spent"] == paid["total"]
        assert row["spent"] <= row["granted"]
        leased: Any = query(
            data, f"select coalesce(sum(amount), 0) as amount from leases where allowance = {row['id']}"
        )
        assert row["leased"] == leased[0]["amount"]
    lost = query(data, "select * from ledger where outcome = 'lost'")
    assert all((row["flag"], row["credits"]) == ("estimate", 0) for row in lost)
