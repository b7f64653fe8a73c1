"""One call as an ASGI application: what its caller hears, and what is left behind, whatever happens."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.edge.stage import CALL_KEY, PEER, Answer, Application, Caller, a_stage, bearer, call
from tests.fakes import FakeProvider, Hook, MemoryLedger, Script, Stall, quiet, refuses, says
from tests.making import Scene, a_body, a_model, a_scene, a_told_answer, an_answer
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import InvalidKey, Overloaded, StreamBroken, UpstreamFailed, UpstreamRejected
from tollbar.domain.events import Dropped, Frames, Text
from tollbar.domain.identity import Grant, Key, Permission
from tollbar.domain.limits import Limit, Measure
from tollbar.domain.money import Unit
from tollbar.domain.records import Outcome
from tollbar.edge.middleware import RequestIds
from tollbar.edge.sparing import MOST
from tollbar.edge.streaming import Endpoint
from tollbar.gateway.resolve import Pin
from tollbar.wire.openai_chat import DIALECT

pytestmark = pytest.mark.anyio

PATH = "/v1/chat/completions"
KEY = bearer(CALL_KEY)
TALK = (Frames(b"data: 1\n\n", False), Frames(b"data: 2\n\n", True, 1))
DOCUMENT = b'{"choices": [], "answer": "\xc3\xa9"}'


class Doorbell:
    """Rings when the provider is asked for what follows its prelude."""

    def __init__(self) -> None:
        self.rang = asyncio.Event()
        self._asked = 0

    async def hook(self, point: str) -> None:
        """Counts what the provider is asked for."""
        self._asked += point == "provider.next"
        if self._asked == 2:
            self.rang.set()


async def a_call_scene(
    *scripts: Script, limits: tuple[Limit, ...] = (), grants: Sequence[Grant] = (), hook: Hook = quiet
) -> Scene:
    """A gateway whose provider follows these scripts, with one key for calls."""
    provider = FakeProvider(*scripts or (says(*an_answer()),), hook=hook)
    scene = a_scene(provider, models=(a_model(attempts=1),))
    key = Key(CALL_KEY[8:18], "caller", "…", Permission.CALL, scene.clock.now(), limits=limits)
    await scene.keys.add(key, CALL_KEY.encode(), grants)
    return scene


def surface(scene: Scene, **fields: Any) -> Application:
    """The endpoint over a gateway."""
    endpoint = Endpoint(scene.gateway, replace(DIALECT, **fields.pop("dialect", {})), **fields)
    return RequestIds(endpoint, scene.clock.now())


def ask(scene: Scene, body: bytes = a_body(), *headers: tuple[bytes, bytes], **fields: Any) -> Caller:
    """Sends a call."""
    return call(surface(scene, **fields), "POST", PATH, headers or (KEY,), (body,))


def error_in(answer: Answer) -> dict[str, Any]:
    """The error that a body tells of."""
    return answer.json()["error"]


async def settled(scene: Scene) -> Outcome:
    """How the only call ended, having checked that nothing of it is left: no hold, no connection, no visit."""
    assert scene.ledger.open == {}
    assert scene.main.open_calls == 0
    assert scene.gateway.recorder.visits == {}
    assert len(scene.records) == 1
    return scene.records[0].outcome


PROCESS_HEADERS = {b"x-process-time", b"x-memory-used", b"x-memory-delta"}


async def test_a_stream_is_relayed_untouched() -> None:
    """The provider's frames come out byte for byte, in order, under the headers of a stream."""
    scene = await a_call_scene(says(*TALK, Frames(b"data: [DONE]\n\n", False, is_last=True)))
    caller = ask(scene)
    answer = await caller.answer()
    assert (answer.status, answer.body) == (200, b"data: 1\n\ndata: 2\n\ndata: [DONE]\n\n")
    assert caller.is_whole is True
    told = [header for header in answer.headers if header[0] not in PROCESS_HEADERS]
    assert {name for name, _ in answer.headers} >= PROCESS_HEADERS
    assert told == [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-cache"),
        (b"x-accel-buffering", b"no"),
        (b"x-request-id", str(answer.header("x-request-id")).encode()),
        (b"x-tollbar-target", b"main/m"),
    ]
    assert await settled(scene) is Outcome.OK
    assert scene.records[0].request_id == answer.header("x-request-id")


async def test_a_plain_answer_is_the_providers_document() -> None:
    """One body with its length, the document untouched."""
    scene = await a_call_scene(says(Frames(DOCUMENT, True, 3, is_last=True)))
    answer = await ask(scene, a_body(stream=None)).answer()
    assert (answer.status, answer.body) == (200, DOCUMENT)
    assert answer.header("content-type") == "application/json"
    assert answer.header("content-length") == str(len(DOCUMENT))
    assert answer.header("x-tollbar-target") == "main/m"
    assert await settled(scene) is Outcome.OK


async def test_an_answer_in_our_own_events_is_written_in_the_dialect() -> None:
    """A provider that does not speak the dialect is translated, plain and streamed, to the same words."""
    scene = await a_call_scene(says(*a_told_answer("Hel", "lo")))
    streamed = await ask(scene).answer()
    events = [line.removeprefix("data: ") for line in streamed.body.decode().split("\n\n") if line]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event)["choices"][0]["delta"].get("content") or "" for event in events[:-1]]
    assert "".join(chunks) == "Hello"
    plain = await ask(scene, a_body(stream=None)).answer()
    assert plain.json()["choices"][0]["message"]["content"] == "Hello"


@pytest.mark.parametrize("stream", [True, None])
async def test_what_the_request_lost_is_told_in_a_header(stream: bool | None) -> None:
    """A knob that the provider's dialect has no word for is never dropped in silence."""
    scene = await a_call_scene(says(Dropped(("top_k", "logit_bias")), *a_told_answer("Hi")))
    answer = await ask(scene, a_body(stream=stream)).answer()
    assert (answer.status, answer.header("x-tollbar-dropped")) == (200, "top_k, logit_bias")
    assert b"Hi" in answer.body


async def test_a_stream_that_has_begun_tells_of_it_in_a_comment() -> None:
    """The headers went out with a sign of life, before anybody knew."""
    gate = asyncio.Event()

    async def slow(point: str) -> None:
        if point == "provider.open":
            await gate.wait()

    scene = a_scene(FakeProvider(says(Dropped(("top_k",)), *a_told_answer("Hi")), hook=slow))
    await scene.keys.add(Key("callcallca", "caller", "…", Permission.CALL, scene.clock.now()), CALL_KEY.encode(), ())
    caller = ask(scene, silence_seconds=0.002)
    await caller.until(lambda: DIALECT.comment in caller.body)
    gate.set()
    answer = await caller.answer()
    assert b": x-tollbar-dropped: top_k\n\n" in answer.body


async def test_rates_are_told_and_kept() -> None:
    """A stream and a plain answer tell what is left; the call beyond is refused with the time to wait, and not sent."""
    scene = await a_call_scene(limits=(Limit(Measure.REQUESTS, 2, 60),))
    for body, left in ((a_body(), "1"), (a_body(stream=None), "0")):
        answer = await ask(scene, body).answer()
        assert answer.status == 200
        assert answer.header("x-ratelimit-limit-requests") == "2"
        assert answer.header("x-ratelimit-remaining-requests") == left
    refused = await ask(scene).answer()
    assert (refused.status, error_in(refused)["code"]) == (429, "rate_limit_exceeded")
    assert int(str(refused.header("retry-after"))) >= 1
    assert refused.header("x-should-retry") is None
    assert len(scene.main.calls) == 2


async def test_rates_are_told_with_the_refusal() -> None:
    """429 carries the same headers as the answers before it."""
    scene = await a_call_scene(limits=(Limit(Measure.REQUESTS, 1, 60),))
    await ask(scene).answer()
    refused = await ask(scene).answer()
    assert refused.header("x-ratelimit-limit-requests") == "1"
    assert refused.header("x-ratelimit-remaining-requests") == "0"


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        (b"{", 400, "invalid_json", None),
        (b"\xff\xfe", 400, "invalid_json", None),
        (b"[" * 100_000, 400, "invalid_json", None),
        (a_body(seed=10**30), 400, "invalid_json", None),
        (b'{"model": "a", "model": "b", "messages": []}', 400, "invalid_value", "model"),
        (b'{"messages": []}', 400, "missing_required_field", "model"),
        (b'{"model": 3, "messages": []}', 400, "invalid_type", "model"),
        (a_body(n=0), 400, "invalid_value", "n"),
        (a_body(model="dumb"), 404, "model_not_found", "model"),
    ],
)
async def test_a_faulty_request_is_told_before_any_provider_is_called(
    body: bytes, status: int, code: str, param: str | None
) -> None:
    """An ordinary HTTP error in the dialect's shape, with the field, for streams as well."""
    scene = await a_call_scene()
    answer = await ask(scene, body).answer()
    assert (answer.status, error_in(answer)["code"], error_in(answer)["param"]) == (status, code, param)
    assert answer.header("content-type") == "application/json"
    assert answer.header("content-length") == str(len(answer.body))
    assert answer.header("x-should-retry") == "false"
    assert error_in(answer)["request_id"] == answer.header("x-request-id")
    assert scene.main.calls == []
    assert await settled(scene) is Outcome.REFUSED


@pytest.mark.parametrize(
    "headers", [((b"x", b"y"),), (bearer("sk-other"),), (KEY, (b"x-api-key", b"another")), (KEY, KEY)]
)
async def test_without_a_valid_key_the_body_is_not_read(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    """401 before a byte of the body is asked for."""
    scene = await a_call_scene()
    answer = await call(surface(scene), "POST", PATH, headers, pieces=()).answer()
    assert answer.status == 401
    assert scene.records == []


async def test_a_flood_of_bad_keys_is_no_flood_of_lines() -> None:
    """Each of the first few is told; then they are counted, on whatever address, and the next line says how many."""
    stage = await a_stage()
    with capture_logs() as log:
        for number in range(3 * MOST):
            path = (PATH, "/generate")[number % 2]
            assert (await stage.ask("POST", path, bearer("sk-other"))).status in {401, 429}
        stage.scene.clock.advance(1)
        await stage.ask("POST", PATH, bearer("sk-other"))
    assert [line["left_out"] for line in log if line["event"] == "call.refused"] == [0] * MOST + [2 * MOST]


async def test_a_body_over_the_limit_is_refused_and_counted() -> None:
    """413 after the first gate, with the limit of this endpoint."""
    scene = await a_call_scene()
    answer = await ask(scene, b"x" * 11, KEY, (b"content-length", b"11"), max_body_bytes=10).answer()
    assert (answer.status, error_in(answer)["details"]) == (413, {"max": 10})
    assert await settled(scene) is Outcome.REFUSED


async def test_an_allowance_that_is_used_up_is_told() -> None:
    """429 `insufficient_quota`, with no invitation to try again."""
    scene = await a_call_scene(grants=[Grant(Unit.CREDITS, 0)])
    scene.ledger.grant(Unit.CREDITS, 0)
    answer = await ask(scene).answer()
    assert (answer.status, error_in(answer)["type"]) == (429, "insufficient_quota")
    assert answer.header("x-should-retry") == "false"
    assert answer.header("retry-after") is None


async def test_an_address_that_is_pinned_to_this_machine_calls_no_other() -> None:
    """A row's pin is obeyed."""
    scene = await a_call_scene()
    answer = await ask(scene, pin=Pin.LOCAL).answer()
    assert (answer.status, error_in(answer)["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (UpstreamFailed("It answered 500."), 502, "upstream_failed"),
        (UpstreamRejected("No such field.", details={"code": "unknown_field", "param": "foo"}), 400, "unknown_field"),
    ],
)
async def test_a_provider_that_fails_before_content_is_an_http_error(fault: Exception, status: int, code: str) -> None:
    """Also after a prelude: nothing of it was sent."""
    for script in (refuses(fault), says(TALK[0], fault)):
        scene = await a_call_scene(script)
        caller = ask(scene)
        answer = await caller.answer()
        assert (answer.status, error_in(answer)["code"]) == (status, code)
        assert answer.header("x-should-retry") == "false"
        assert await settled(scene) is Outcome.FAILED


async def test_a_provider_that_fails_after_content_is_told_in_the_stream() -> None:
    """An error event and a proper end of the body, but no `[DONE]`: nobody takes it for whole."""
    scene = await a_call_scene(says(*TALK, StreamBroken("It was cut.")))
    caller = ask(scene)
    answer = await caller.answer()
    sent, error = answer.body.split(b"data: 2\n\n")
    assert (answer.status, sent) == (200, b"data: 1\n\n")
    assert json.loads(error.removeprefix(b"data: "))["error"]["code"] == "stream_broken"
    assert error.endswith(b"\n\n")
    assert b"[DONE]" not in answer.body
    assert caller.is_whole is True
    assert await settled(scene) is Outcome.BROKEN


async def test_a_plain_answer_that_breaks_is_an_http_error() -> None:
    """Nothing was sent yet, so the status says it."""
    scene = await a_call_scene(says(Text("Hel"), StreamBroken("It was cut.")))
    answer = await ask(scene, a_body(stream=None)).answer()
    assert (answer.status, error_in(answer)["code"]) == (502, "stream_broken")


async def test_a_call_that_is_interrupted_in_its_stream_hears_why() -> None:
    """A revoked key ends a stream with an error event, and the books are closed."""
    scene = await a_call_scene(says(*TALK, Stall()))
    caller = ask(scene)
    await caller.until(lambda: b"2" in caller.body)
    scene.gateway.recorder.interrupt(InvalidKey("The API key was revoked."))
    answer = await caller.answer()
    assert json.loads(answer.body.rpartition(b"data: ")[2])["error"]["code"] == "invalid_api_key"
    assert caller.is_whole is True
    assert await settled(scene) is Outcome.BROKEN


async def test_a_call_that_is_interrupted_before_its_stream_hears_why() -> None:
    """A shutdown before the first byte is an ordinary 503."""
    bell = Doorbell()
    scene = await a_call_scene(says(TALK[0], Stall()), hook=bell.hook)
    caller = ask(scene)
    await bell.rang.wait()
    scene.gateway.recorder.interrupt(Overloaded("We are going down."))
    answer = await caller.answer()
    assert (answer.status, error_in(answer)["code"]) == (503, "overloaded")
    assert answer.header("retry-after") == "1"
    await settled(scene)


@pytest.mark.parametrize("stream", [True, None])
async def test_a_caller_who_leaves_while_it_waits_frees_everything(stream: bool | None) -> None:
    """During the wait for the first byte: the provider is let go, the hold ends, and nothing is sent any more."""
    bell = Doorbell()
    scene = await a_call_scene(says(TALK[0], Stall()), hook=bell.hook)
    caller = ask(scene, a_body(stream=stream))
    await bell.rang.wait()
    caller.leave()
    answer = await caller.answer()
    assert (answer.status, answer.fault) == (0, None)
    assert await settled(scene) is Outcome.ABANDONED


async def test_a_caller_who_leaves_mid_stream_frees_everything() -> None:
    """What was delivered is on record; the stream has no end and no error, since nobody listens."""
    scene = await a_call_scene(says(*TALK, Stall()))
    caller = ask(scene)
    await caller.until(lambda: b"2" in caller.body)
    caller.leave()
    answer = await caller.answer()
    assert (answer.status, answer.body, answer.fault) == (200, b"data: 1\n\ndata: 2\n\n", None)
    assert caller.is_whole is False
    assert await settled(scene) is Outcome.ABANDONED
    assert scene.records[0].first_token_seconds is not None


async def test_a_caller_who_leaves_before_its_body_is_whole_is_let_go() -> None:
    """No provider is called and no answer is sent."""
    scene = await a_call_scene()
    caller = call(surface(scene), "POST", PATH, (KEY,), (a_body()[:20],), leaves=True)
    answer = await caller.answer()
    assert (answer.status, answer.fault) == (0, None)
    assert scene.main.calls == []
    assert scene.gateway.recorder.visits == {}


async def test_a_caller_who_leaves_before_its_body_is_whole_is_on_record_as_such() -> None:
    """It is the caller who left, no failure of the gateway."""
    scene = await a_call_scene()
    await call(surface(scene), "POST", PATH, (KEY,), (a_body()[:20],), leaves=True).answer()
    assert await settled(scene) is Outcome.ABANDONED


async def test_a_killed_task_closes_the_books_and_stays_killed() -> None:
    """A server that stops hard is not swallowed."""
    scene = await a_call_scene(says(*TALK, Stall()))
    caller = ask(scene)
    await caller.until(lambda: b"2" in caller.body)
    caller.task.cancel()
    await asyncio.wait([caller.task])
    assert caller.task.cancelled() is True
    assert await settled(scene) is Outcome.ABANDONED


async def test_a_silent_stream_says_that_it_is_alive() -> None:
    """After each stretch of silence a comment, which no client takes for content."""
    scene = await a_call_scene(says(*TALK, Stall()))
    caller = ask(scene, silence_seconds=0.005)
    await caller.until(lambda: caller.body.count(DIALECT.comment) == 2)
    assert caller.body.startswith(b"data: 1\n\ndata: 2\n\n")
    assert DIALECT.comment.startswith(b":")
    caller.leave()
    await caller.answer()


async def test_a_stream_that_waits_for_its_first_content_says_that_it_is_alive() -> None:
    """Once the hold is durable the status goes out with a comment, and a later failure is told in the stream."""
    scene = await a_call_scene(says(TALK[0], Stall()))
    caller = ask(scene, silence_seconds=0.005)
    try:
        async with asyncio.timeout(60):
            await caller.until(lambda: DIALECT.comment in caller.body)
    finally:
        caller.leave()
        await caller.answer()


async def test_before_the_hold_is_durable_nothing_is_said() -> None:
    """Not even a comment: a crash now must not leave a caller with half an answer that nobody knows of."""
    gate = asyncio.Event()

    async def slow_disk(point: str) -> None:
        if point == "committed.before":
            await gate.wait()

    scene = a_scene(FakeProvider(says(*TALK, Stall())), ledger=MemoryLedger(slow_disk))
    await scene.keys.add(Key("callcallca", "caller", "…", Permission.CALL, scene.clock.now()), CALL_KEY.encode(), ())
    caller = ask(scene, silence_seconds=0.002)
    await asyncio.sleep(0.02)
    assert caller.heard == []
    gate.set()
    await caller.until(lambda: b"2" in caller.body)
    caller.leave()
    await caller.answer()


async def test_a_dialect_without_comments_keeps_silent() -> None:
    """Raw text has no room for a word beside the answer."""
    scene = await a_call_scene(says(*TALK, Stall()))
    caller = ask(scene, silence_seconds=0.002, dialect={"comment": b""})
    await caller.until(lambda: b"2" in caller.body)
    await asyncio.sleep(0.02)
    assert caller.body == b"data: 1\n\ndata: 2\n\n"
    caller.leave()
    await caller.answer()


async def test_a_plain_answer_is_never_interspersed() -> None:
    """A caller who does not stream hears nothing until its document is whole."""
    scene = await a_call_scene(says(Text("Hel"), Stall()))
    caller = ask(scene, a_body(stream=None), silence_seconds=0.002)
    await asyncio.sleep(0.02)
    assert caller.heard == []
    caller.leave()
    await caller.answer()


async def test_a_fault_of_ours_is_told_by_its_id_alone() -> None:
    """An unforeseen exception is a 500 whose text says nothing of it."""

    def crash(raw: bytes) -> CompletionRequest:
        raise ZeroDivisionError("swordfish")

    scene = await a_call_scene()
    with capture_logs() as lines:
        answer = await ask(scene, dialect={"decode": crash}).answer()
    assert [(line["event"], line["request_id"]) for line in lines] == [("call.crashed", answer.header("x-request-id"))]
    assert (answer.status, error_in(answer)["code"], answer.fault) == (500, "internal_error", None)
    assert str(answer.header("x-request-id")) in error_in(answer)["message"]
    assert b"swordfish" not in answer.body


async def test_a_fault_of_ours_in_the_stream_is_told_in_the_stream() -> None:
    """After the first byte there is no other place for it."""
    scene = await a_call_scene(says(*TALK, ZeroDivisionError("swordfish")))
    caller = ask(scene)
    with capture_logs():
        answer = await caller.answer()
    assert json.loads(answer.body.rpartition(b"data: ")[2])["error"]["code"] == "internal_error"
    assert b"swordfish" not in answer.body
    assert caller.is_whole is True


async def test_the_record_has_what_the_caller_was_told() -> None:
    """Address, route, model and status; no key."""
    scene = await a_call_scene()
    await ask(scene).answer()
    record = scene.records[0]
    told = (record.route, record.address, record.model, record.status, record.stream)
    assert told == (PATH, PEER, "smart", 200, True)
    assert CALL_KEY not in repr(record)
