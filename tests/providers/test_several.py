"""Each caller is served in his own wire where the provider has it."""

from collections.abc import AsyncIterator

import pytest

from tests.providers.calls import SECRET, ask, call, foreign, joined, provider, responding
from tests.upstream import FakeUpstream
from tollbar.clock import SystemClock
from tollbar.providers import connect
from tollbar.providers.several import SeveralWires
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import Instance, custom, load

pytestmark = pytest.mark.anyio


@pytest.fixture
async def up() -> AsyncIterator[FakeUpstream]:
    """A provider that misbehaves on request."""
    async with FakeUpstream() as server:
        yield server


async def test_a_callers_wire_chooses(up: FakeUpstream) -> None:
    """A chat goes to chats, a response to responses, anything else to the usual wire, all with the one key."""
    async with Transport(SystemClock()) as transport:
        vendor = load()["openai"]
        await ask(provider(up, transport, vendor), call("ok"))
        await ask(provider(up, transport, vendor), foreign(call("ok")))
        await ask(responding(up, transport), call("ok"))
    assert [entry.path for entry in up.journal] == ["/v1/chat/completions"] * 2 + ["/v1/responses"]
    assert {entry.headers["authorization"] for entry in up.journal} == {f"Bearer {SECRET}"}


async def test_its_models_are_those_of_the_usual_wire(up: FakeUpstream) -> None:
    """There is one list."""
    async with Transport(SystemClock()) as transport:
        serving = connect(Instance("x", load()["vllm"], up.url), transport, SystemClock())
        assert isinstance(serving, SeveralWires)
        assert list(await serving.models()) == ["fake-1", "fake-2"]


async def test_one_wire_needs_no_choice(up: FakeUpstream) -> None:
    """And costs none."""
    async with Transport(SystemClock()) as transport:
        assert not isinstance(
            connect(Instance("x", custom("x", "openai"), up.url), transport, SystemClock()), SeveralWires
        )
        assert b"word0" in joined(await ask(provider(up, transport), call("ok")))
