"""A provider of older completions: what goes out, and what is hidden of what comes back."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.providers.calls import In, ask, call, going_on, joined, provider
from tests.upstream import FakeUpstream
from tollbar.clock import SystemClock
from tollbar.domain.events import Frames
from tollbar.domain.usage import Usage
from tollbar.providers.completions import CompletionsProvider
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import Instance, custom
from tollbar.wire.openai_text.request import decode

pytestmark = pytest.mark.anyio


@pytest.fixture
async def up() -> AsyncIterator[FakeUpstream]:
    """A provider that misbehaves on request."""
    async with FakeUpstream() as server:
        yield server


async def test_usage_is_asked_for_and_kept_from_a_caller_who_did_not(up: FakeUpstream) -> None:
    """A stream is metered, and its caller sees no frame that he did not ask for."""
    async with Transport(SystemClock()) as transport:
        events = await ask(going_on(up, transport), call("ok", stream=True))
    assert up.journal[0].path == "/v1/completions"
    assert up.journal[0].json["stream_options"] == {"include_usage": True}
    assert [event.usage for event in events if isinstance(event, Frames) and event.usage] == [Usage(10, 5)]
    assert b"usage" not in joined(events)


async def test_vendors_that_refuse_the_question_are_not_asked(up: FakeUpstream) -> None:
    """As in chats."""
    vendor = replace(custom("fake", "openai"), also=("completions",), quirks=("no_stream_usage",))
    async with Transport(SystemClock()) as transport:
        await ask(In(provider(up, transport, vendor), decode, prompt="Hi"), call("always-usage", stream=True))
    assert "stream_options" not in up.journal[0].json


async def test_it_lists_no_models_of_its_own(up: FakeUpstream) -> None:
    """They are the provider's."""
    async with Transport(SystemClock()) as transport:
        serving = CompletionsProvider(Instance("x", custom("x", "openai"), up.url), transport, SystemClock())
        assert await serving.models() == ()
