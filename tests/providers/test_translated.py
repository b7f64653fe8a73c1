"""What a caller of another dialect hears of a provider, event by event, over a real socket."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.providers.calls import ask, call, foreign, provider
from tests.upstream import FakeUpstream
from tollbar.clock import SystemClock
from tollbar.domain.catalogue import Timeouts
from tollbar.domain.events import Finished, FinishReason, Frames, Started, Text, ToolArguments, ToolCalled, UsageSeen
from tollbar.ports.providers import Provider
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import load

pytestmark = pytest.mark.anyio


@pytest.fixture
async def up() -> AsyncIterator[FakeUpstream]:
    """A provider that misbehaves on request."""
    async with FakeUpstream() as server:
        yield server


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """A pool of its own."""
    async with Transport(SystemClock()) as pool:
        yield pool


async def heard(serving: Provider, model: str, stream: bool, **fields: Any) -> list[Any]:
    """The events of a call that came in another dialect."""
    return await ask(serving, foreign(call(model, stream, Timeouts(), **fields)))


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_is_heard_as_events(up: FakeUpstream, transport: Transport, stream: bool) -> None:
    """Its start, its words, its usage and its end, and nothing in the provider's own bytes."""
    events = await heard(provider(up, transport), "chunks:3", stream)
    assert isinstance(events[0], Started)
    assert "".join(event.text for event in events if isinstance(event, Text)) == "word0 word1 word2 "
    assert [event for event in events if isinstance(event, Finished)] == [Finished(FinishReason.STOP)]
    (report,) = (event for event in events if isinstance(event, UsageSeen))
    assert report.usage.prompt_tokens == 10
    assert not any(isinstance(event, Frames) for event in events)


@pytest.mark.parametrize("stream", [True, False])
async def test_tool_calls_are_heard(up: FakeUpstream, transport: Transport, stream: bool) -> None:
    """Both of them, each with its arguments."""
    events = await heard(provider(up, transport), "two-tools", stream)
    assert [event.id for event in events if isinstance(event, ToolCalled)] == ["call_0", "call_1"]
    said = {0: "", 1: ""}
    for event in events:
        if isinstance(event, ToolArguments):
            said[event.index] += event.text
    assert said == {0: '{"page": 0}', 1: '{"page": 1}'}


async def test_how_it_arrives_changes_nothing(up: FakeUpstream, transport: Transport) -> None:
    """Cut into slices, paced, or at once."""
    serving = provider(up, transport)
    whole = await heard(serving, "ok", stream=True)
    for script in ("slices:1", "slices:7", "comments"):
        assert [event for event in await heard(serving, script, True) if not isinstance(event, Started)] == whole[1:]


@pytest.mark.parametrize(
    ("vendor", "field", "asks"),
    [("openai", "max_completion_tokens", True), ("mistral", "max_tokens", False), ("groq", "max_tokens", True)],
)
async def test_a_vendor_is_asked_in_its_own_words(
    up: FakeUpstream, transport: Transport, vendor: str, field: str, asks: bool
) -> None:
    """The name of the length, and whether usage is asked for."""
    await heard(provider(up, transport, load()[vendor]), "always-usage", stream=True, max_tokens=7)
    body = json.loads(up.journal[-1].body)
    assert body == {
        "model": "always-usage",
        "messages": [{"role": "user", "content": "Hi"}],
        field: 7,
        "stream": True,
        **({"stream_options": {"include_usage": True}} if asks else {}),
    }
