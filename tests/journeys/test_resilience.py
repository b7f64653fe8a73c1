"""What callers see when a provider fails: retries before the first content, an honest end after it, no poison."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import openai
import pytest
import requests

from tests.journeys.bodies import SAID, chat, frames, raw_chat, receive, text_of
from tests.journeys.stand import Gateway, connected
from tests.upstream import Entry, FakeUpstream
from tests.upstream_scripts import STREAM, Script, delta
from tests.upstream_table import script_for

CONFIG = """
models:
  steady: lab/steady
  retried: lab/retried
  asked-to-wait: lab/asked-to-wait
  fallback: {targets: [lab/error-500, lab/spare], attempts: 3}
  fallback-at-once: {targets: [lab/error-401, lab/spare], attempts: 2}
  broken: {targets: [lab/broken, lab/spare], attempts: 3}
  silent: {targets: [lab/silent, lab/spare], attempts: 2, timeouts: {between_bytes_seconds: 0.5}}
  dead: {targets: [lab/close, lab/spare], attempts: 2}
"""
FIVE = "word0 word1 word2 word3 word4 "
CUTS = ["cut", "cut-mid-frame", "cut-clean", "reset", "stall-middle", "garbled", "error-frame", "no-finish"]


def break_off(gateway: Gateway, key: str, up: FakeUpstream, name: str) -> requests.Response:
    """A stream with a fault of that name behind content that was already passed on, since its pieces come one by one.

    Silence is waited for where it is short; its pieces come at once, so that nothing else is taken for it.
    """
    if name == "stall-middle":
        up.plan(name)
        return gateway.post(key, chat("silent", stream=True))
    up.plan(paced(name))
    return gateway.post(key, chat("broken", stream=True))


def paced(name: str) -> Script:
    """A stream of that name whose pieces come one by one."""
    return replace(script_for(name, "", "ok", b'{"stream": true}'), between_seconds=0.02)


def asked(up: FakeUpstream, since: int = 0) -> list[Entry]:
    """The calls that reached the provider after the first so many."""
    return list(up.journal)[since:]


@pytest.mark.parametrize(
    ("fault", "streams"), [("error-500", False), ("close-mid-headers", True), ("early-error-frame", True)]
)
def test_a_fault_that_passes_is_not_seen(gateway: Gateway, up: FakeUpstream, fault: str, streams: bool) -> None:
    """One failure and then an answer: the caller gets the answer, one second later, for one credit."""
    key = gateway.make_key("lucky", credits=5)
    up.plan(fault, "ok")
    since = len(up.journal)
    answer = gateway.post(key, chat("retried", stream=streams))
    assert answer.status_code == 200
    first, second = asked(up, since)
    assert second.at - first.at > 0.7
    assert gateway.settled(key)["spent"] == 1
    request_id = answer.headers["x-request-id"]
    assert gateway.call_line(request_id)["attempts"] == 2
    lines = [(line["attempt"], line["paid"], line["credits"], line["outcome"]) for line in gateway.ledger(request_id)]
    assert lines == [(0, 0, 0, "failed"), (1, 1, 1, "ok")]


def test_the_providers_word_on_when_to_return_is_obeyed(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """A Retry-After of two seconds is waited for, where one second would have been the rule."""
    up.plan("rate-limited:2", "ok")
    since = len(up.journal)
    assert gateway.post(key, chat("asked-to-wait")).status_code == 200
    first, second = asked(up, since)
    assert second.at - first.at >= 2.0


def test_a_provider_that_asks_for_too_long_is_not_waited_for(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """Nobody waits an hour: the caller is told at once, and when to come back is the provider's affair."""
    up.plan("rate-limited:3600")
    answer = gateway.post(key, chat("asked-to-wait"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "upstream_busy")


@pytest.mark.parametrize("streams", [False, True])
def test_the_second_target_answers_when_the_first_cannot(gateway: Gateway, up: FakeUpstream, streams: bool) -> None:
    """A target whose fault is not worth repeating is left at once; the answer names who gave it."""
    key = gateway.make_key("ana", credits=5)
    since = len(up.journal)
    answer = gateway.post(key, chat("fallback-at-once", stream=streams))
    assert (answer.status_code, answer.headers["x-tollbar-target"]) == (200, "lab/spare")
    assert [entry.model for entry in asked(up, since)] == ["error-401", "spare"]
    lines = gateway.ledger(answer.headers["x-request-id"])
    assert [(line["target"], line["paid"]) for line in lines] == [("lab/error-401", 0), ("lab/spare", 1)]
    assert gateway.settled(key)["spent"] == 1


def test_the_same_target_is_tried_again_before_the_next(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """Of three attempts two are the first target's, a second apart; the third is another's."""
    since = len(up.journal)
    answer = gateway.post(key, chat("fallback"))
    first, second, third = asked(up, since)
    assert [first.model, second.model, third.model] == ["error-500", "error-500", "spare"]
    assert second.at - first.at >= 0.75
    assert answer.headers["x-tollbar-target"] == "lab/spare"


@pytest.mark.parametrize("cut", CUTS)
def test_a_broken_stream_ends_with_an_error_and_no_end_mark(gateway: Gateway, up: FakeUpstream, cut: str) -> None:
    """After the first content nothing is tried again: what came stands, then an error in-band, and it costs nothing."""
    key = gateway.make_key("ben", credits=5)
    since = len(up.journal)
    answer = break_off(gateway, key, up, cut)
    events = frames(answer.content)
    assert len(asked(up, since)) == 1
    assert answer.status_code == 200
    assert text_of(events).startswith("word0 ")
    assert "[DONE]" not in events
    assert events[-1]["error"]["code"] in {"stream_broken", "upstream_timeout"}
    assert events[-1]["error"]["request_id"] == answer.headers["x-request-id"]
    assert not [event for event in events[:-1] if event["choices"][0]["finish_reason"] == "stop" and cut != "no-finish"]
    assert gateway.settled(key)["spent"] == 0
    (line,) = gateway.ledger(answer.headers["x-request-id"])
    assert (line["outcome"], line["provenance"], line["credits"]) == ("broken", "estimate", 0)


def test_the_sdk_raises_for_a_broken_stream(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """A program cannot take half an answer for a whole one."""
    up.plan("cut")
    with gateway.sdk(key) as client, pytest.raises(openai.APIError) as caught:
        list(client.chat.completions.create(model="broken", messages=SAID, stream=True))
    assert caught.value.code == "stream_broken"


@pytest.mark.parametrize("cut", ["cut", "reset", "garbled", "stall-middle", "short-length"])
def test_a_broken_document_is_tried_again(gateway: Gateway, key: str, up: FakeUpstream, cut: str) -> None:
    """A plain answer that is not whole was never given: the next attempt's is."""
    up.plan(cut, "ok")
    answer = gateway.post(key, chat("silent"))
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["finish_reason"] == "stop"


def test_a_role_alone_is_no_content(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """A provider that breaks off behind the role chunk is tried again, and the caller sees one role, not two."""
    role = Script(
        headers=STREAM, pieces=(delta({"role": "assistant", "content": ""}),), framing="chunked", ending="close"
    )
    up.plan(role, "ok")
    events = frames(gateway.post(key, chat("retried", stream=True)).content)
    assert events[-1] == "[DONE]"
    assert len([event for event in events[:-1] if event["choices"][0]["delta"].get("role")]) == 1


def test_a_hundred_later_calls_are_unharmed(gateway: Gateway, up: FakeUpstream) -> None:
    """After every kind of break, pooled connections serve a hundred calls without one byte of another's answer."""
    key = gateway.make_key("eva", credits=1_000)
    for cut in CUTS:
        break_off(gateway, key, up, cut)
    spent = gateway.settled(key)["spent"]

    def call(number: int) -> bool:
        answer = gateway.post(key, chat("steady", stream=bool(number % 2)))
        if number % 2:
            events = frames(answer.content)
            return text_of(events) == FIVE and events[-1] == "[DONE]"
        return answer.json()["choices"][0]["message"]["content"] == FIVE

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(call, range(100))) == [True] * 100
    assert gateway.settled(key)["spent"] - spent == 100


def test_a_stream_arrives_as_it_is_made(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """Pieces are passed on one by one: the first is there before the provider says the next."""
    up.plan("gated")
    with connected(gateway) as connection:
        connection.sendall(raw_chat(key, chat("steady", stream=True)))
        begin = receive(connection, lambda data: b"word0" in data)
        up.gate.set()
        rest = receive(connection, lambda data: b"[DONE]" in data)
    assert b"\r\nx-accel-buffering: no\r\n" in begin
    assert (b"word1" in begin, b"word1" in rest) == (False, True)


def test_a_dead_target_is_soon_left_out(gateway: Gateway, up: FakeUpstream) -> None:
    """With a fallback, callers notice nothing of a dead provider, and after five failures it is not asked any more."""
    key = gateway.make_key("eve", credits=100)
    since = len(up.journal)
    answers = [gateway.post(key, chat("dead")) for _ in range(30)]
    assert [answer.status_code for answer in answers] == [200] * 30
    tried = [entry.model for entry in asked(up, since)]
    assert tried.count("spare") == 30
    assert tried[-25:] == ["spare"] * 25
    assert gateway.settled(key)["spent"] == 30


def test_faults_are_counted_for_the_operator(gateway: Gateway, key: str) -> None:
    """The metrics tell attempts from calls."""
    gateway.post(key, chat("steady"))
    text = gateway.request("GET", "/metrics").text
    figures: dict[str, Any] = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("toll_"))
    attempts = sum(float(value) for name, value in figures.items() if name.startswith("toll_attempts_total"))
    calls = sum(float(value) for name, value in figures.items() if name.startswith("toll_calls_total"))
    assert attempts > calls > 1
