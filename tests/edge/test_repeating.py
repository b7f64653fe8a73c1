"""The header `Idempotency-Key`: one answer, one charge, and the same bytes for whoever asks again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contracts.stores import keep
from tests.edge.stage import CALL_KEY, OTHER_KEY, Answer, Stage, a_stage, bearer, call
from tests.fakes import FakeProvider, Script, Stall, refuses, says
from tests.making import a_body, a_model
from tests.storage.making import StepClock, a_directory, opened
from tollbar.domain.errors import InvalidValue, Overloaded, StreamBroken, UpstreamFailed
from tollbar.domain.events import Frames
from tollbar.domain.records import Outcome
from tollbar.domain.repeats import Keeping
from tollbar.edge.repeating import name_in
from tollbar.gateway.repeats import Repeats
from tollbar.storage.store import Storage

pytestmark = pytest.mark.anyio

PATH = "/v1/chat/completions"
TALK = (Frames(b"data: 1\n\n", True, 1), Frames(b"data: [DONE]\n\n", False, is_last=True))
NAMED = (b"idempotency-key", b"5f0c8e1b")


@pytest.fixture
async def answers(tmp_path: Path) -> AsyncIterator[Storage]:
    """A real store."""
    async with opened(a_directory(tmp_path), StepClock()) as storage:
        yield storage


def keeping_in(storage: Storage) -> Callable[[Keeping], Awaitable[None]]:
    """What keeps an answer there, for a ledger that is kept elsewhere."""

    async def kept(keeping: Keeping) -> None:
        await keep(storage, *keeping)

    return kept


async def set_up(answers: Storage, *scripts: Script, most_bytes: int = 1_000) -> Stage:
    """A gateway that answers so."""
    stage = await a_stage(FakeProvider(*scripts), models=(a_model(attempts=1),))
    stage.scene.gateway.repeats = Repeats(answers.answers, timedelta(days=1), most_bytes)
    stage.scene.ledger.keep = keeping_in(answers)
    return stage


async def ask(stage: Stage, body: bytes = a_body(), *headers: tuple[bytes, bytes], key: str = CALL_KEY) -> Answer:
    """A call under the usual name, or under those of `headers`."""
    return await stage.ask("POST", PATH, bearer(key), *(headers or (NAMED,)), body=body)


def spent(stage: Stage) -> int:
    """The credits that were."""
    return sum(record.credits for record in stage.scene.records)


@pytest.mark.parametrize("stream", [True, None])
async def test_the_same_call_is_answered_once(answers: Storage, stream: bool | None) -> None:
    """The second is given the same bytes under the same headers, costs nothing, and says whose answer it is."""
    script = says(*TALK) if stream else says(Frames(b'{"choices": []}', True, 3, is_last=True))
    stage = await set_up(answers, script)
    first, second = [await ask(stage, a_body(stream=stream)) for _ in range(2)]
    assert (first.status, second.status) == (200, 200)
    assert second.body == first.body
    for name in ("content-type", "x-tollbar-target"):
        assert second.header(name) == first.header(name)
    assert first.header("x-tollbar-replayed") is None
    assert second.header("x-tollbar-replayed") == first.header("x-request-id") != second.header("x-request-id")
    assert spent(stage) == 1
    assert [record.outcome for record in stage.scene.records] == [Outcome.OK, Outcome.CACHED]
    assert len(stage.scene.main.calls) == 1


async def test_another_body_or_address_is_refused(answers: Storage) -> None:
    """With 409 and a code of its own, before any provider is asked; another name or caller is another call."""
    stage = await set_up(answers, *[says(*TALK)] * 3)
    await stage.add_key(OTHER_KEY, "other")
    assert (await ask(stage)).status == 200
    refused = await ask(stage, a_body(temperature=1))
    assert (refused.status, refused.error["code"]) == (409, "idempotency_key_reused")
    assert refused.header("x-should-retry") == "false"
    assert (await stage.ask("POST", "/chat/completions", bearer(CALL_KEY), NAMED, body=a_body())).status == 409
    assert (await ask(stage, a_body(temperature=1), (NAMED[0], b"another"))).status == 200
    assert (await ask(stage, a_body(temperature=1), key=OTHER_KEY)).header("x-tollbar-replayed") is None
    assert len(stage.scene.main.calls) == 3


async def test_fifty_at_once_are_one_call(answers: Storage) -> None:
    """One is answered; the others are told to come back, and then have the same answer."""
    gate = asyncio.Event()

    async def slow(point: str) -> None:
        if point == "provider.open":
            await gate.wait()

    stage = await a_stage(FakeProvider(says(*TALK), hook=slow), models=(a_model(),))
    stage.scene.gateway.repeats = Repeats(answers.answers, timedelta(days=1), 1_000)
    stage.scene.ledger.keep = keeping_in(answers)
    calls = [asyncio.create_task(ask(stage)) for _ in range(50)]
    ended = asyncio.as_completed(calls)
    for _ in range(49):
        await next(ended)
    gate.set()
    told = await asyncio.gather(*calls)
    assert sorted(answer.status for answer in told) == [200] + [409] * 49
    refused = next(answer for answer in told if answer.status == 409)
    assert (refused.error["code"], refused.header("retry-after")) == ("call_under_way", "1")
    assert refused.header("x-should-retry") is None
    [answered] = [answer for answer in told if answer.status == 200]
    assert (await ask(stage)).body == answered.body
    assert (len(stage.scene.main.calls), spent(stage)) == (1, 1)


@pytest.mark.parametrize(
    "script",
    [refuses(UpstreamFailed("no")), says(TALK[0], StreamBroken("cut"))],
    ids=["before content", "after content"],
)
async def test_a_failure_is_not_kept(answers: Storage, script: Script) -> None:
    """The next one is made anew, whether or not the caller had heard something."""
    stage = await set_up(answers, script, says(*TALK))
    failed = await ask(stage)
    assert b"error" in failed.body
    answered = await ask(stage)
    assert (answered.status, answered.header("x-tollbar-replayed")) == (200, None)
    assert answered.body == b"".join(frame.raw for frame in TALK)


@pytest.mark.parametrize("stream", [True, None])
async def test_what_cannot_be_kept_is_not_charged_either(answers: Storage, stream: bool | None) -> None:
    """Both are one transaction: where the store is away there is neither, the last byte is not sent, the name free."""
    whole = says(*TALK) if stream else says(Frames(b'{"choices": []}', True, 3, is_last=True))
    stage = await set_up(answers, whole, whole)

    async def away(keeping: Keeping) -> None:
        stage.scene.ledger.keep = keeping_in(answers)
        raise Overloaded("The store is away.")

    stage.scene.ledger.keep = away
    refused = await ask(stage, a_body(stream=stream))
    assert (refused.status, b"overloaded" in refused.body, b"[DONE]" in refused.body) == (
        200 if stream else 503,
        True,
        False,
    )
    assert spent(stage) == 0
    answered = await ask(stage, a_body(stream=stream))
    assert (answered.status, answered.header("x-tollbar-replayed"), spent(stage)) == (200, None, 1)


async def test_a_bad_request_takes_no_name(answers: Storage) -> None:
    """It is mended and sent again under the same one."""
    stage = await set_up(answers, says(*TALK))
    assert (await ask(stage, b"{")).status == 400
    assert (await ask(stage)).status == 200


async def test_too_large_an_answer_is_not_kept(answers: Storage) -> None:
    """It goes out whole, and the next one is made anew."""
    stage = await set_up(answers, says(*TALK), says(*TALK), most_bytes=10)
    assert [(await ask(stage)).body for _ in range(2)] == [b"".join(frame.raw for frame in TALK)] * 2
    assert len(stage.scene.main.calls) == 2


async def test_a_caller_who_leaves_frees_the_name(answers: Storage) -> None:
    """What it heard was no whole answer."""
    stage = await set_up(answers, says(TALK[0], Stall()), says(*TALK))
    caller = call(stage.application, "POST", PATH, (bearer(CALL_KEY), NAMED), (a_body(),))
    await caller.until(lambda: caller.body == TALK[0].raw)
    caller.leave()
    await caller.answer()
    again = await ask(stage)
    assert (again.status, again.header("x-tollbar-replayed")) == (200, None)


async def test_without_the_header_nothing_is_kept(answers: Storage) -> None:
    """Two equal calls are two; and where the setting takes the header's meaning, so they are with it."""
    stage = await set_up(answers, *[says(*TALK)] * 4)
    for _ in range(2):
        await stage.ask("POST", PATH, bearer(CALL_KEY), body=a_body())
    stage.scene.gateway.repeats = None
    for _ in range(2):
        await ask(stage)
    assert len(stage.scene.main.calls) == 4


@pytest.mark.parametrize(
    "headers",
    [[b""], [b"x" * 256], [b"a", b"a"], ["é".encode()], [b"a\tb"]],
    ids=["empty", "long", "twice", "not ascii", "unprintable"],
)
def test_what_is_no_name_is_refused(headers: list[bytes]) -> None:
    """The fault names the header."""
    with pytest.raises(InvalidValue) as refused:
        name_in([(b"idempotency-key", value) for value in headers])
    assert refused.value.field == "idempotency-key"
    assert name_in([(b"idempotency-key", b" a b ")]) == b"a b"
