"""Calls as the gateway would make them, for tests of what serves them."""

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from tests.upstream import FakeUpstream
from tollbar.clock import SystemClock
from tollbar.domain.catalogue import Call, Target, Timeouts
from tollbar.domain.events import Frames, StreamEvent, Text
from tollbar.ports import Provider
from tollbar.providers import connect
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import Instance, Vendor, custom
from tollbar.wire.dialect import Incoming
from tollbar.wire.ollama.request import decode_chat
from tollbar.wire.openai_chat.request import decode

SECRET = "sk-upstream-0123456789abcdef"
QUICK = Timeouts(connect=0.3, write=0.2, first_byte_stream=0.25, first_byte_plain=0.3, between_bytes=0.2, total=5.0)


def call(model: str, stream: bool = False, timeouts: Timeouts = QUICK, seconds: float = 20.0, **fields: Any) -> Call:
    """A call of one model, with more fields of the caller's body."""
    body = {"model": "whatever", "stream": stream, "messages": [{"role": "user", "content": "Hi"}], **fields}
    target = Target("fake", model, timeouts=timeouts)
    return Call(decode(json.dumps(body).encode()), target, time.monotonic() + seconds, "req_test")


def provider(up: FakeUpstream, transport: Transport, vendor: Vendor | None = None) -> Provider:
    """A provider of the fake upstream."""
    instance = Instance("fake", vendor or custom("fake", "openai"), up.url, SECRET, "FAKE_API_KEY")
    return connect(instance, transport, SystemClock())


async def ask(serving: Provider, asked: Call) -> list[StreamEvent]:
    """Every event of a call."""
    async with serving.open(asked) as events:
        return [event async for event in events]


def joined(events: list[StreamEvent]) -> bytes:
    """The bytes that events relay, or the words that they tell."""
    return b"".join(
        event.raw if isinstance(event, Frames) else event.text.encode()
        for event in events
        if isinstance(event, Frames | Text)
    )


def foreign(asked: Call) -> Call:
    """The same call as if it had come in another dialect."""
    request = asked.request
    source = request.source._replace(wire="another", raw=b"", spans={})
    return asked._replace(request=request._replace(source=source))


class Foreign:
    """A provider whose callers all speak another dialect."""

    def __init__(self, serving: Provider) -> None:
        self._serving = serving

    def open(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """The answer, translated."""
        return self._serving.open(foreign(call))

    async def models(self) -> Sequence[str]:
        """The same names."""
        return await self._serving.models()


def translating(up: FakeUpstream, transport: Transport) -> Provider:
    """A provider of the fake upstream, for callers of another dialect."""
    return Foreign(provider(up, transport))


def speaking_ollama(up: FakeUpstream, transport: Transport) -> Provider:
    """The fake upstream as an Ollama, for callers of OpenAI's dialect."""
    return connect(Instance("fake", custom("fake", "ollama"), up.root, SECRET), transport, SystemClock())


class Ollamas:
    """A provider whose callers all speak Ollama's dialect."""

    def __init__(self, serving: Provider) -> None:
        self._serving = serving

    def open(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """The answer to the same question in Ollama's words."""
        told = {"model": "whatever", "messages": [{"role": "user", "content": "Hi"}], "stream": call.request.stream}
        return self._serving.open(call._replace(request=decode_chat(Incoming(json.dumps(told).encode()))))

    async def models(self) -> Sequence[str]:
        """The same names."""
        return await self._serving.models()


def ollama_to_ollama(up: FakeUpstream, transport: Transport) -> Provider:
    """The fake upstream as an Ollama, for callers of its own dialect."""
    return Ollamas(speaking_ollama(up, transport))
