"""Failures as a program with OpenAI's SDK meets them: its own exception classes, one call each, an id for the log."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import openai
import pytest

from tests.journeys.bodies import SAID, chat
from tests.journeys.stand import LAB_KEY, Gateway, wait_until
from tests.upstream import FakeUpstream
from tollbar.domain.identity import assemble

CONFIG = "timeouts: {first_byte_plain_seconds: 1.5, first_byte_stream_seconds: 1.5}\n"
UNKNOWN_KEY = assemble("0" * 10, "1" * 28)


@dataclass(frozen=True, slots=True)
class Failure:
    """What the SDK raised for a call, and how many calls it made of it."""

    error: openai.APIStatusError
    attempts: int

    @property
    def told(self) -> tuple[type[Exception], int, str | None]:
        """The class, the status and the code."""
        return type(self.error), self.error.status_code, self.error.code

    @property
    def request_id(self) -> str:
        """The id that finds the log's line."""
        return self.error.response.headers["x-request-id"]


def fail(gateway: Gateway, key: str, model: str = "lab/ok", **more: Any) -> Failure:
    """The failure of one call made with the SDK as it comes, its own retries included."""
    asked: list[object] = []
    watching = openai.DefaultHttpxClient(event_hooks={"request": [asked.append]})
    arguments: Any = {"messages": SAID, **more}
    with gateway.sdk(key, max_retries=openai.DEFAULT_MAX_RETRIES, http_client=watching) as client:
        with pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(model=model, **arguments)
    return Failure(caught.value, len(asked))


@pytest.fixture(scope="module")
def exhausted(gateway: Gateway) -> Mapping[tuple[str, bool], Failure]:
    """The failures of calls that take every attempt: each waits three seconds, so they are made at the same time."""
    key = gateway.make_key("patient", credits=100)
    models = ("lab/error-500", "lab/error-503", "lab/rate-limited", "lab/stall", "lab/close")
    cases = [(model, streams) for model in models for streams in (False, True)]
    with ThreadPoolExecutor(len(cases)) as pool:
        made = pool.map(lambda case: fail(gateway, key, case[0], stream=case[1]), cases)
        failures = dict(zip(cases, made, strict=True))
    assert gateway.settled(key)["spent"] == 0
    return failures


REFUSALS: dict[str, tuple[Callable[[Gateway], str], str, tuple[type[Exception], int, str]]] = {
    "a key that nobody made": (
        lambda gateway: UNKNOWN_KEY,
        "lab/ok",
        (openai.AuthenticationError, 401, "invalid_api_key"),
    ),
    "a mistyped key": (
        lambda gateway: UNKNOWN_KEY[:-1] + "!",
        "lab/ok",
        (openai.AuthenticationError, 401, "invalid_api_key"),
    ),
    "a revoked key": (
        lambda gateway: revoked(gateway),
        "lab/ok",
        (openai.AuthenticationError, 401, "invalid_api_key"),
    ),
    "an unknown model": (
        lambda gateway: gateway.make_key("lost"),
        "nowhere/at-all",
        (openai.NotFoundError, 404, "model_not_found"),
    ),
    "a model that the key may not use": (
        lambda gateway: gateway.make_key("narrow", models=["lab/fine-*"]),
        "lab/ok",
        (openai.PermissionDeniedError, 403, "forbidden"),
    ),
    "an empty purse": (
        lambda gateway: gateway.make_key("poor", credits=0),
        "lab/ok",
        (openai.RateLimitError, 429, "insufficient_quota"),
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_call_raises_the_sdks_own_class_at_once(gateway: Gateway, up: FakeUpstream, case: str) -> None:
    """Each refusal has its class, is not tried again, reaches no provider, and is found in the log by its id."""
    make, model, expected = REFUSALS[case]
    key = make(gateway)
    before = len(up.journal)
    failure = fail(gateway, key, model)
    assert (expected, 1) == (failure.told, failure.attempts)
    assert failure.error.response.headers["x-should-retry"] == "false"
    body: Any = failure.error.body
    assert body["request_id"] == failure.request_id
    assert body["message"]
    assert len(up.journal) == before


def test_keys_that_never_were_and_keys_that_ended_are_told_alike(gateway: Gateway) -> None:
    """Nobody can find out by trying whether a key once existed."""
    never, ended = fail(gateway, UNKNOWN_KEY), fail(gateway, revoked(gateway, "another"))
    told: Any = never.error.body, ended.error.body
    assert told[0]["message"] == told[1]["message"]


def test_a_call_without_a_key(gateway: Gateway) -> None:
    """The answer says that a key is missing and how to send one."""
    answer = gateway.post(None, chat("lab/ok"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "missing_api_key")
    assert "Authorization: Bearer" in answer.json()["error"]["message"]


def test_an_expired_key(gateway: Gateway) -> None:
    """A key works until its moment and is refused from then on, by a code of its own."""
    made_at = time.monotonic()
    key = gateway.make_key("brief", expires="1s")
    assert gateway.post(key, chat("lab/ok")).status_code == 200 or time.monotonic() - made_at > 1
    time.sleep(1.1)
    failure = fail(gateway, key)
    assert failure.told == (openai.AuthenticationError, 401, "key_expired")
    assert failure.attempts == 1


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (b'{"model": "lab/ok", "messages": [', "invalid_json", None),
        (b"", "invalid_json", None),
        (b'{"model": "lab/ok"}', "missing_required_field", "messages"),
        (b'{"model": 4, "messages": []}', "invalid_type", "model"),
        (b'{"model": "lab/ok", "messages": [], "n": 0}', "invalid_value", "n"),
        (b'{"model": "lab/ok", "messages": [], "model": "lab/dear"}', "invalid_value", "model"),
        (b"[]", "invalid_type", None),
    ],
)
def test_a_faulty_body_is_told_with_its_field(
    gateway: Gateway, key: str, body: bytes, code: str, field: str | None
) -> None:
    """What is wrong with a body is 400, names the place, and is found in the log."""
    answer = gateway.post(key, body)
    error = answer.json()["error"]
    assert (400, code, field) == (answer.status_code, error["code"], error["param"])
    assert error["type"] == "invalid_request_error"
    line = gateway.call_line(answer.headers["x-request-id"])
    assert (line["outcome"], line["status"], line["error"], line["credits"]) == ("refused", 400, code, 0)


@pytest.mark.parametrize("streams", [False, True])
def test_what_the_provider_finds_wrong_is_passed_on(gateway: Gateway, key: str, streams: bool) -> None:
    """The provider's own message, param and code reach the caller with status 400, after one attempt."""
    failure = fail(gateway, key, "lab/context", stream=streams)
    assert failure.told == (openai.BadRequestError, 400, "context_length_exceeded")
    assert (failure.error.param, failure.attempts) == ("messages", 1)
    assert "maximum context is 8 tokens" in failure.error.message
    assert gateway.call_line(failure.request_id)["attempts"] == 1


@pytest.mark.parametrize("script", ["error-401", "error-403", "no-quota"])
def test_a_provider_that_refuses_our_key_is_an_alarm_and_no_401(gateway: Gateway, key: str, script: str) -> None:
    """The caller sees 502 after one attempt; the operator sees an error in the log that names the target."""
    failure = fail(gateway, key, f"lab/{script}")
    assert failure.told == (openai.InternalServerError, 502, "upstream_misconfigured")
    assert failure.attempts == 1
    assert gateway.call_line(failure.request_id)["attempts"] == 1
    alarms = [line for line in gateway.lines_of(failure.request_id) if line["level"] == "error"]
    assert [(f"lab/{script}", "provider.misconfigured")] == [(line["target"], line["event"]) for line in alarms]
    assert LAB_KEY not in failure.error.response.text


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("lab/error-500", (502, "upstream_failed")),
        ("lab/error-503", (503, "upstream_busy")),
        ("lab/rate-limited", (503, "upstream_busy")),
        ("lab/stall", (504, "upstream_timeout")),
        ("lab/close", (502, "upstream_failed")),
    ],
)
def test_a_provider_that_fails_three_times_is_given_up(
    gateway: Gateway,
    exhausted: Mapping[tuple[str, bool], Failure],
    model: str,
    expected: tuple[int, str],
    streams: bool,
) -> None:
    """Three attempts here, one of the SDK's; the status says what kept happening; nothing is charged."""
    failure = exhausted[model, streams]
    assert failure.told == (openai.InternalServerError, *expected)
    assert failure.attempts == 1
    assert failure.error.response.headers["x-should-retry"] == "false"
    line = gateway.call_line(failure.request_id)
    assert (line["attempts"], line["outcome"], line["credits"]) == (3, "failed", 0)


def test_failed_attempts_are_on_the_installation(
    gateway: Gateway, exhausted: Mapping[tuple[str, bool], Failure]
) -> None:
    """Each attempt has its line, and the caller pays none of them."""
    lines = gateway.ledger(exhausted["lab/stall", False].request_id)
    assert [(line["attempt"], line["paid"], line["credits"]) for line in lines] == [(0, 0, 0), (1, 0, 0), (2, 0, 0)]


def test_a_limit_that_passes_is_retried_by_the_sdk(gateway: Gateway, up: FakeUpstream) -> None:
    """A rate limit is the one refusal that tells the SDK when to come back, and then the call succeeds."""
    key = gateway.make_key("single", concurrency=1)
    asked: list[object] = []

    def let_go(_: object) -> None:
        up.gate.set()
        assert slow.result().status_code == 200

    hooks = {"request": [asked.append], "response": [let_go]}
    watching = openai.DefaultHttpxClient(event_hooks=hooks)
    with ThreadPoolExecutor(1) as pool, gateway.sdk(key, max_retries=2, http_client=watching) as client:
        slow = pool.submit(gateway.post, key, chat("lab/gated"))
        wait_until(gateway.calls)
        answer = client.chat.completions.create(model="lab/ok", messages=SAID)
    assert answer.choices[0].finish_reason == "stop"
    assert len(asked) == 2


def test_a_callers_own_timeout_is_the_sdks(gateway: Gateway, key: str) -> None:
    """A client that gives up first raises its own class, and the call behind it ends."""
    with gateway.sdk(key, timeout=0.1) as client, pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="lab/slow-headers:450", messages=SAID)
    wait_until(lambda: gateway.calls() == 0)


def test_no_answer_shows_a_key(gateway: Gateway, key: str) -> None:
    """Whatever goes wrong, neither the caller's key nor the provider's is in the answer."""
    answers = [
        gateway.post(key + "x", chat("lab/ok")),
        gateway.post(key, chat("lab/plain-error-401")),
        gateway.post(key, chat("lab/error-400")),
        gateway.post(key, f'{{"model": "lab/ok", "messages": [], "{key}": }}'.encode()),
        gateway.request("GET", "/nowhere", key),
    ]
    assert [answer.status_code for answer in answers] == [401, 502, 400, 400, 404]
    shown = [f"{answer.headers}{answer.text}" for answer in answers]
    assert [text for text in shown if key in text or LAB_KEY in text] == []


def revoked(gateway: Gateway, name: str = "gone") -> str:
    """A key that was revoked."""
    issued = gateway.issue(name)
    assert gateway.post(issued["key"], chat("lab/ok")).status_code == 200
    gateway.admin("POST", f"/keys/{issued['id']}/revoke", {})
    return str(issued["key"])
