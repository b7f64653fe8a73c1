"""Models of this machine behind the port: a turn, an engine, and the answer."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.providers.calls import foreign, joined
from tests.providers.local.making import shelve
from tollbar.clock import SystemClock
from tollbar.domain.catalogue import Call, Target
from tollbar.domain.errors import EngineUnavailable, InvalidValue, UpstreamRejected, UpstreamTimeout
from tollbar.domain.events import Frames, UsageSeen
from tollbar.domain.place import Place
from tollbar.ports.providers import Provider
from tollbar.providers.local.fleet import Fleet
from tollbar.providers.local.process import EngineProcess, Launch
from tollbar.providers.local.provider import LocalProvider
from tollbar.providers.local.terms import Terms
from tollbar.providers.openai import OpenAIProvider
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import Instance, custom
from tollbar.wire import embeddings, forwarded
from tollbar.wire.dialect import Dialect, Incoming
from tollbar.wire.gemini import embedding
from tollbar.wire.openai_chat.request import decode

pytestmark = pytest.mark.anyio

VECTORS = embeddings.OPENAI.decode(Incoming(b'{"model": "tiny", "input": "go"}'))
PICTURE = forwarded.dialect("/images/generations").decode(Incoming(b'{"model": "vectors", "prompt": "A gate"}'))
TERMS = Terms(context_tokens=512, parallel=1, threads=1, weights={"gold": 2.0})


def call(model: str, text: str = "go t", seconds: float = 20.0, **fields: Any) -> Call:
    """A call as the gateway would make it."""
    body = {"model": model, "messages": [{"role": "user", "content": text}], "temperature": 0, **fields}
    request = decode(json.dumps(body).encode())
    return Call(request, Target("local", model, is_local=True), time.monotonic() + seconds, "req", caller="key")


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[tuple[LocalProvider, Fleet]]:
    """A provider with a model that chats and one that does not."""
    async with a_provider(tmp_path, TERMS) as made:
        yield made


@asynccontextmanager
async def a_provider(directory: Path, terms: Terms) -> AsyncIterator[tuple[LocalProvider, Fleet]]:
    """A provider of these two on other terms."""
    models = {"tiny": shelve(directory), "vectors": shelve(directory, "vectors", kind="embedding")}
    clock = SystemClock()
    async with Transport(clock) as transport:

        def connect(engine: EngineProcess) -> Provider:
            instance = Instance("local", custom("local", "openai"), f"{engine.url}/v1", engine.order.key)
            return OpenAIProvider(instance, transport, clock)

        async with Fleet(terms, Launch(environment={}), connect, clock) as fleet:
            fleet.know(models)
            yield LocalProvider(fleet, terms, clock), fleet


async def test_an_answer(local: tuple[LocalProvider, Fleet]) -> None:
    """Whole, streamed, and translated for a caller of another dialect; the turn is given back each time."""
    provider, fleet = local
    for asked in (call("tiny"), call("tiny", stream=True), foreign(call("tiny", stream=True))):
        async with provider.open(asked) as events:
            assert fleet.find("tiny").queue.active == 1
            said = [event async for event in events]
        usage = [event.usage for event in said if isinstance(event, Frames | UsageSeen) and event.usage]
        assert [(one.prompt_tokens, one.completion_tokens) for one in usage] == [(5, 7)]
        assert b"z" in joined(said)
        assert fleet.find("tiny").queue.active == 0
    assert list(await provider.models()) == ["tiny", "vectors"]


@pytest.mark.parametrize("dialect", [embeddings.OPENAI, embeddings.OLLAMA_EMBED, embedding.BATCH])
async def test_vectors(local: tuple[LocalProvider, Fleet], dialect: Dialect) -> None:
    """A model for them makes them, for callers of each shape, and counts their tokens."""
    provider, _ = local
    asked: dict[str, Any] = {"input": ["go", "stay"], "model": "vectors"}
    if dialect is embedding.BATCH:
        asked = {"requests": [{"content": {"parts": [{"text": text}]}} for text in asked["input"]]}
    request = dialect.decode(Incoming(json.dumps(asked).encode(), name="vectors"))
    async with provider.open(call("vectors")._replace(request=request)) as events:
        (told,) = [event async for event in events]
    assert isinstance(told, Frames)
    assert told.usage is not None
    assert told.usage.prompt_tokens > 0
    (found,) = [value for value in json.loads(told.raw).values() if isinstance(value, list)]
    assert len(found) == 2


async def test_a_failure_gives_the_turn_back(local: tuple[LocalProvider, Fleet]) -> None:
    """What the engine refuses, what no model does, and what is not there."""
    provider, fleet = local
    for asked, kind in (
        (call("tiny", "x" * 1_000), UpstreamRejected),
        (call("tiny", n=2), InvalidValue),
        (call("vectors"), InvalidValue),
        (call("tiny")._replace(request=VECTORS), InvalidValue),
        (call("vectors")._replace(request=PICTURE), InvalidValue),
        (call("gone"), EngineUnavailable),
    ):
        with pytest.raises(kind):
            async with provider.open(asked):
                pytest.fail("it was answered")
    assert fleet.find("tiny").queue.active == 0


async def test_a_call_waits_no_longer_than_it_may(local: tuple[LocalProvider, Fleet]) -> None:
    """Then it is told which setting bounds it, and its place is free."""
    provider, fleet = local
    queue = fleet.find("tiny").queue
    turn = await queue.take("other", 1.0, Place())
    served = provider.open(call("tiny", seconds=0.1))
    with pytest.raises(UpstreamTimeout, match="waited for tiny") as told:
        await served.__aenter__()
    assert "timeouts.total_seconds" in told.value.hint
    assert (served.place.position, queue.waiting) == (1, 0)
    turn.end()


async def test_a_tier_has_its_weight(local: tuple[LocalProvider, Fleet]) -> None:
    """Gold goes twice for each time that the others go."""
    provider, fleet = local
    turn = await fleet.find("tiny").queue.take("other", 1.0, Place())
    order = list[str]()

    async def ask(tier: str) -> None:
        async with provider.open(call("tiny")._replace(caller=tier, tier=tier)) as events:
            order.append(tier[0])
            _ = [event async for event in events]

    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            for tier in ("plain", "gold", "gold"):
                group.create_task(ask(tier))
        await asyncio.sleep(0)
        turn.end()
    assert order[:6].count("g") == 4


async def test_each_conversation_stays_with_its_engine(tmp_path: Path) -> None:
    """Of two engines with one slot each: what was said before is known there, for both conversations, turn by turn."""
    async with a_provider(tmp_path, replace(TERMS, replicas=2)) as (provider, fleet):
        known = dict[str, list[int]]()
        said = {rules: [{"role": "system", "content": rules * 50}] for rules in ("a", "b")}
        first = provider.open(call("tiny", messages=[*said["a"], {"role": "user", "content": "go t"}]))
        await first.__aenter__()  # while it is answered the other conversation begins, and goes elsewhere
        for rules in ("b", "a", "b", "a", "b"):
            said[rules].append({"role": "user", "content": "go t"})
            async with provider.open(call("tiny", messages=said[rules])) as events:
                usages = [event.usage for event in events_of([event async for event in events])]
            known.setdefault(rules, []).append(usages[0].cached_read_tokens)
            said[rules].append({"role": "assistant", "content": "uvwxyz"})
            if first is not None:
                await first.__aexit__(None, None, None)
                first = None
        assert [fleet.find("tiny", replica).running is not None for replica in range(2)] == [True, True]
    for rules in ("a", "b"):
        assert known[rules][-1] > 50  # the system prompt, and more with each turn
        assert known[rules] == sorted(known[rules])
    assert known["b"][0] < 5


def events_of(events: list[Any]) -> list[Any]:
    """Those that report usage."""
    return [event for event in events if getattr(event, "usage", None) is not None]
