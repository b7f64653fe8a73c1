"""Stopping: calls in flight finish, newcomers are sent elsewhere, and what cannot finish ends with a word."""

import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest
import requests

from tests.journeys.bodies import chat, frames, raw_chat, receive, text_of
from tests.journeys.stand import STOP_SECONDS, Gateway, connected, query, started, wait_until
from tests.upstream import FakeUpstream

STREAMS = 20


def streaming(gateway: Gateway, key: str, pool: ThreadPoolExecutor, model: str) -> list[Future[bytes]]:
    """Streams whose callers have all heard a word."""
    speaking: SimpleQueue[None] = SimpleQueue()

    def call() -> bytes:
        data = b""
        for piece in gateway.post(key, chat(model, stream=True), stream=True).iter_content(None):
            if b"word0" in piece:
                speaking.put(None)
            data += piece
        return data

    calls = [pool.submit(call) for _ in range(STREAMS)]
    for _ in range(STREAMS):
        speaking.get(timeout=30)
    return calls


def test_calls_in_flight_finish(tmp_path: Path, up: FakeUpstream) -> None:
    """On SIGTERM nobody new is let in, twenty streams and a plain call come to their ends, and the exit is clean."""
    with started(tmp_path, up) as gateway, ThreadPoolExecutor(STREAMS + 1) as pool:
        key = gateway.make_key("ana", credits=100)
        calls = streaming(gateway, key, pool, "lab/gated:100")
        plain = pool.submit(gateway.post, key, chat("lab/gated"))
        wait_until(lambda: gateway.calls() == STREAMS + 1)
        gateway.terminate()
        wait_until(lambda: not accepts(gateway))
        assert not any(call.done() for call in calls)
        up.gate.set()
        answers = [frames(call.result()) for call in calls]
        assert [events[-1] for events in answers] == ["[DONE]"] * STREAMS
        assert {100} == {text_of(events).count("word") for events in answers}
        assert plain.result().json()["choices"][0]["finish_reason"] == "stop"
        assert gateway.process.wait(STOP_SECONDS) == 0
    assert query(tmp_path / "data", "select spent from allowances") == [{"spent": STREAMS + 1}]
    assert query(tmp_path / "data", "select * from holds") == []


def test_readiness_goes_first(tmp_path: Path, up: FakeUpstream) -> None:
    """With a delay, readiness says 503 at once while calls are still answered; the door closes when it is over.

    It ends by Ctrl+C here, not by itself, so that a slow machine has all the time it wants.
    """
    with started(tmp_path, up, "server: {drain_delay_seconds: 60}\n") as gateway, connected(gateway) as idle:
        key = gateway.make_key("ben")
        idle.sendall(b"GET /health/ready HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b" 200 " in receive(idle, lambda data: b"\r\n\r\n" in data)
        gateway.terminate()
        wait_until(lambda: requests.get(f"{gateway.url}/health/ready", timeout=30).status_code == 503)
        answer = gateway.post(key, chat("lab/ok"))
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        unready = requests.get(f"{gateway.url}/health/ready", timeout=30)
        assert unready.json()["error"]["code"] == "SERVICE_UNAVAILABLE"
        assert requests.get(f"{gateway.url}/health", timeout=30).status_code == 200  # it lives all the same
        gateway.process.send_signal(signal.SIGINT)
        assert gateway.process.wait(STOP_SECONDS) == 0
        assert not accepts(gateway)


def test_what_cannot_finish_ends_with_a_word(tmp_path: Path, up: FakeUpstream) -> None:
    """When the time is over, streams end with an error in-band, plain calls with one of their own: nothing is cut."""
    with started(tmp_path, up, "server: {drain_seconds: 0.3}\n") as gateway, ThreadPoolExecutor(STREAMS + 1) as pool:
        key = gateway.make_key("eva", credits=100)
        calls = streaming(gateway, key, pool, "lab/paced:500")
        plain = pool.submit(gateway.post, key, chat("lab/stall"))
        wait_until(lambda: gateway.calls() == STREAMS + 1)
        began = time.monotonic()
        gateway.terminate()
        for call in calls:
            events = frames(call.result())
            assert events[-1]["error"]["code"] == "overloaded"
            assert "[DONE]" not in events
            assert text_of(events).startswith("word0 ")
        assert (plain.result().status_code, plain.result().json()["error"]["code"]) == (503, "overloaded")
        assert gateway.process.wait(STOP_SECONDS) == 0
        assert time.monotonic() - began > 0.25
    assert query(tmp_path / "data", "select spent from allowances") == [{"spent": 0}]
    assert query(tmp_path / "data", "select * from holds") == []


def test_a_restart_in_between_is_seamless(tmp_path: Path, up: FakeUpstream) -> None:
    """Keys, credits and what was spent are there again; nothing of the first run is still held."""
    with started(tmp_path, up) as gateway:
        key = gateway.make_key("kim", credits=3)
        assert gateway.post(key, chat("lab/ok")).status_code == 200
    with started(tmp_path, up) as gateway:
        gateway.secrets.add(key)
        told = gateway.allowance(key)
        assert (told["spent"], told["held"], told["left"]) == (1, 0, 2)
        assert [gateway.post(key, chat("lab/ok")).status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("signals", [1, 2])
def test_a_second_signal_does_not_wait(tmp_path: Path, up: FakeUpstream, signals: int) -> None:
    """Ctrl+C lets a call finish; a second one ends everything at once, and the money is right all the same."""
    with started(tmp_path, up) as gateway, connected(gateway) as caller:
        key = gateway.make_key("sam", credits=5)
        caller.sendall(raw_chat(key, chat("lab/gated", stream=True)))
        receive(caller, lambda data: b"word0" in data)
        gateway.process.send_signal(signal.SIGINT)
        wait_until(lambda: not accepts(gateway))
        if signals == 1:
            up.gate.set()
        else:
            gateway.process.send_signal(signal.SIGINT)
        rest = receive(caller)
        gateway.process.wait(STOP_SECONDS)
    assert (b"[DONE]" in rest) == (signals == 1)
    assert query(tmp_path / "data", "select spent from allowances") == [{"spent": 2 - signals}]
    assert query(tmp_path / "data", "select * from holds") == []


def accepts(gateway: Gateway) -> bool:
    """Whether the gateway takes a new connection; one that came while it stopped listening is reset."""
    try:
        with connected(gateway):
            return True
    except (ConnectionRefusedError, ConnectionResetError):
        return False
