"""Ollama's wire as a provider: where requests go, what goes out, and what is asked for whom."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.providers.calls import SECRET, Speaking, ask, call, joined, ollama_call
from tests.upstream import FakeUpstream
from tests.upstream_scripts import Script
from tollbar.clock import SystemClock
from tollbar.domain.errors import InvalidValue, UpstreamFailed
from tollbar.domain.events import Dropped, Text
from tollbar.ports.providers import Provider
from tollbar.providers import connect
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import Instance, custom
from tollbar.wire.dialect import Incoming
from tollbar.wire.ollama.request import decode_generate

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


def ollama(up: FakeUpstream, transport: Transport, path: str = "", key: str = "") -> Provider:
    """The upstream as an Ollama."""
    return connect(Instance("fake", custom("fake", "ollama"), up.root + path, key), transport, SystemClock())


@pytest.mark.parametrize("path", ["", "/api"])
async def test_callers_of_its_own_dialect_have_their_bytes_passed(
    up: FakeUpstream, transport: Transport, path: str
) -> None:
    """To the endpoint that they called, with the model replaced; the address may be given with `/api` or without."""
    serving = ollama(up, transport, path)
    raw = b'{"model": "mine", "prompt": "Hi",  "options": {"num_ctx": 1.50}, "raw": true, "suffix": "x"}'
    asked = call("ok", stream=True)
    said = joined(await ask(serving, asked._replace(request=decode_generate(Incoming(raw)))))
    assert (up.journal[0].path, up.journal[0].body) == ("/api/generate", raw.replace(b'"mine"', b'"ok"'))
    assert b'"response":"word0 "' in said
    assert b'"done":true,"done_reason":"stop"' in said
    await ask(Speaking(serving, ollama_call), asked)
    assert (up.journal[1].path, "authorization" in up.journal[1].headers) == ("/api/chat", False)


async def test_others_are_translated_and_told_what_was_lost(up: FakeUpstream, transport: Transport) -> None:
    """A server behind a proxy, or Ollama's cloud, is shown its key."""
    events = await ask(ollama(up, transport, key=SECRET), call("ok", max_tokens=7, store=True))
    assert Dropped(("store",)) in events
    assert Text("word0 word1 word2 word3 word4 ") in events
    assert up.journal[0].headers["authorization"] == f"Bearer {SECRET}"
    assert json.loads(up.journal[0].body) == {
        "model": "ok",
        "messages": [{"role": "user", "content": "Hi"}],
        "options": {"num_predict": 7},
        "stream": False,
    }


async def test_what_cannot_be_said_is_refused_before_anything_is_sent(up: FakeUpstream, transport: Transport) -> None:
    """The gateway goes to the next target then."""
    with pytest.raises(InvalidValue):
        await ask(ollama(up, transport), call("ok", n=2))
    assert list(up.journal) == []


async def test_a_list_that_is_none_is_a_failure(up: FakeUpstream, transport: Transport) -> None:
    """Whatever answers there is no Ollama."""
    assert list(await ollama(up, transport).models()) == ["fake-1", "fake-2"]
    up.models = replace(Script(), pieces=(b"5",))
    with pytest.raises(UpstreamFailed):
        await ollama(up, transport).models()
