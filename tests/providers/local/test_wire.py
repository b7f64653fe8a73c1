"""The wire to an engine, a real one: it notices who leaves, and its answers are as if we had not asked for more."""

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.providers.local.making import shelve
from tests.providers.local.test_provider import call
from tollbar.clock import SystemClock
from tollbar.domain.catalogue import Call
from tollbar.domain.events import Frames
from tollbar.providers.local.child import MOST_TOKENS
from tollbar.providers.local.process import EngineProcess, Launch
from tollbar.providers.local.runner import order_of
from tollbar.providers.local.terms import Terms
from tollbar.providers.local.wire import EngineTransport
from tollbar.providers.openai import OpenAIProvider
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import Instance, custom

pytestmark = pytest.mark.anyio

TERMS = Terms(context_tokens=8_192, parallel=2, threads=1)
ENDLESS = 8_000
PROMPT = "x" * 7_000
FEW = 1_000
"""Tokens, of thousands, that may still come when the caller has left: a busy machine delays whoever notices it."""


class Engine:
    """An engine that is slow, and what it is at."""

    def __init__(self, process: EngineProcess, transport: Transport, asking: aiohttp.ClientSession) -> None:
        self._instance = Instance("local", custom("local", "openai"), f"{process.url}/v1", process.order.key)
        self._url, self._transport, self._asking = process.url, transport, asking

    async def slots(self) -> list[dict[str, Any]]:
        """What each slot works on."""
        async with self._asking.get(f"{self._url}/slots") as answer:
            return await answer.json()

    async def busy(self) -> int:
        """How many slots are at work."""
        return sum(slot["is_processing"] for slot in await self.slots())

    async def until_busy(self, count: int) -> None:
        """Returns once so many slots are at work."""
        async with asyncio.timeout(60):
            while await self.busy() != count:  # noqa: ASYNC110 - it is another process that gets there
                await asyncio.sleep(0.01)

    async def read(self, asked: Call, transport: Transport | None = None) -> bytes:
        """The bytes of an answer, or what a usual transport gets of it."""
        provider = OpenAIProvider(self._instance, transport or self._transport, SystemClock())
        async with provider.open(asked) as events:
            return b"".join([event.raw async for event in events if isinstance(event, Frames)])


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine that needs a millisecond for a token."""
    order, _ = order_of(shelve(tmp_path, "slow", context=8_192, layers=2, hidden=2_048), TERMS)
    process = await EngineProcess.start(order, Launch(environment={}))
    headers = {"Authorization": f"Bearer {order.key}"}
    async with EngineTransport(SystemClock()) as transport, aiohttp.ClientSession(headers=headers) as asking:
        yield Engine(process, transport, asking)
    await process.stop()


async def leave(task: "asyncio.Task[Any]") -> None:
    """Cancels a call, as the edge does when its caller has gone."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_caller_who_leaves_stops_the_engine(engine: Engine) -> None:
    """Whatever it wanted, a stream or a document, and though the engine has others to answer; also during its prompt.

    Not the time is looked at but how many tokens came after it, which is the same on a busy machine.
    """
    other = asyncio.create_task(engine.read(call("slow", "go 7", max_tokens=ENDLESS, stream=True)))
    await engine.until_busy(1)
    for stream in (True, False):
        asked = call("slow", "go 7", max_tokens=ENDLESS, stream=stream)
        leaving = asyncio.create_task(engine.read(asked))
        await engine.until_busy(2)
        before = {slot["id"]: slot["next_token"][0]["n_decoded"] for slot in await engine.slots()}
        await leave(leaving)
        await engine.until_busy(1)
        (left,) = (slot for slot in await engine.slots() if not slot["is_processing"])
        assert left["next_token"][0]["n_decoded"] - before[left["id"]] < FEW
    leaving = asyncio.create_task(engine.read(call("slow", PROMPT, max_tokens=5)))
    await engine.until_busy(2)
    await leave(leaving)
    await engine.until_busy(1)
    (left,) = (slot for slot in await engine.slots() if not slot["is_processing"])
    assert left["n_prompt_tokens_processed"] < len(PROMPT)
    assert not other.done()
    await leave(other)


async def test_answers_are_as_the_engine_gives_them(engine: Engine) -> None:
    """A document is the engine's own; a stream shows no progress but to who asks for it."""
    asked = call("slow", "go t", logprobs=True)
    gathered = json.loads(await engine.read(asked))
    async with Transport(SystemClock()) as transport:
        own = json.loads(await engine.read(asked, transport))
        stream = await engine.read(call("slow", "go t", stream=True), transport)
    for document in (gathered, own):
        assert document.pop("timings")["predicted_n"] == 7
        assert document.pop("usage")["prompt_tokens"] == 5
        document["id"] = document["created"] = None
    assert own["choices"][0]["logprobs"]["content"].pop()["token"] == ""  # the end, which no stream tells of
    assert gathered == own
    assert shape(await engine.read(call("slow", "go t", stream=True))) == shape(stream)
    told = await engine.read(call("slow", "x" * 1_300, stream=True, return_progress=True, max_tokens=1))
    read = [int(number) for number in re.findall(rb'"processed":(\d+)', told)]
    assert read == sorted(read)
    assert max(after - before for before, after in itertools.pairwise([0, *read])) <= MOST_TOKENS


def shape(stream: bytes) -> list[Any]:
    """What each chunk of a stream says."""
    frames = [frame.removeprefix(b"data: ") for frame in stream.split(b"\n\n") if frame]
    return [json.loads(frame)["choices"] if frame != b"[DONE]" else None for frame in frames]
