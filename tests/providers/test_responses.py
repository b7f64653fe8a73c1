"""A provider of responses: what goes out, for callers of its dialect and for others."""

import json
from collections.abc import AsyncIterator

import pytest

from tests.providers.calls import ask, call, foreign, joined, provider, responding
from tests.upstream import FakeUpstream
from tollbar.clock import SystemClock
from tollbar.domain.events import Dropped
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import custom

pytestmark = pytest.mark.anyio


@pytest.fixture
async def up() -> AsyncIterator[FakeUpstream]:
    """A provider that misbehaves on request."""
    async with FakeUpstream() as server:
        yield server


async def test_the_callers_bytes_go_out_with_the_model_replaced(up: FakeUpstream) -> None:
    """And the provider's come back."""
    async with Transport(SystemClock()) as transport:
        events = await ask(responding(up, transport), call("ok", stream=True, future={"x": 1.50}))
    assert up.journal[0].path == "/v1/responses"
    assert up.journal[0].json == {"model": "ok", "stream": True, "future": {"x": 1.5}, "input": "Hi"}
    assert joined(events).count(b"response.output_text.delta") == 10


async def test_other_callers_are_translated(up: FakeUpstream) -> None:
    """With nothing kept there; what has no place is told."""
    async with Transport(SystemClock()) as transport:
        serving = provider(up, transport, custom("fake", "responses"))
        first, *rest = await ask(serving, foreign(call("ok", seed=1)))
    assert first == Dropped(("seed",))
    assert joined(rest) == b"word0 word1 word2 word3 word4 "
    assert json.loads(up.journal[0].body)["store"] is False


async def test_models_are_listed(up: FakeUpstream) -> None:
    """As everywhere."""
    async with Transport(SystemClock()) as transport:
        assert list(await provider(up, transport, custom("fake", "responses")).models()) == ["fake-1", "fake-2"]
