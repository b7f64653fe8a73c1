"""Calls as the gateway would make them, for tests of what serves them."""

import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from tests.upstream import FakeUpstream
from tollbar.clock import SystemClock
from tollbar.domain.catalogue import Call, Target, Timeouts
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.events import Frames, StreamEvent, Text
from tollbar.ports.providers import Provider
from tollbar.providers import connect
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import Instance, Vendor, custom
from tollbar.wire import openai_responses, openai_text
from tollbar.wire.anthropic.request import decode as decode_anthropic
from tollbar.wire.dialect import Incoming
from tollbar.wire.gemini import request as gemini
from tollbar.wire.ollama.request import decode_chat
from tollbar.wire.openai_chat.request import decode

SECRET = "sk-upstream-0123456789abcdef"
PATIENT = Timeouts()
QUICK = Timeouts(connect=0.3, write=0.2, first_byte_stream=0.25, first_byte_plain=0.3, between_bytes=0.2, total=5.0)


def call(model: str, stream: bool = False, timeouts: Timeouts = PATIENT, seconds: float = 60.0, **fields: Any) -> Call:
    """A call of one model, with more fields of the caller's body."""
    body = {"model": "whatever", "stream": stream, "messages": [{"role": "user", "content": "Hi"}], **fields}
    target = Target("fake", model, timeouts=timeouts)
    return Call(decode(json.dumps(body).encode()), target, time.monotonic() + seconds, "req_test")


def anthropic_call(asked: Call, *headers: tuple[bytes, bytes]) -> Call:
    """The same call as a caller of Anthropic's dialect makes it."""
    body = {"max_tokens": 100, **json.loads(asked.request.source.raw)}
    return asked._replace(request=decode_anthropic(Incoming(json.dumps(body).encode(), headers)))


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


class Speaking:
    """A provider whose callers all speak one dialect: `as_caller` makes a call one of theirs."""

    def __init__(self, serving: Provider, as_caller: Callable[[Call], Call]) -> None:
        self._serving = serving
        self._as_caller = as_caller

    def open(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """The answer, relayed."""
        return self._serving.open(self._as_caller(call))

    async def models(self) -> Sequence[str]:
        """The same names."""
        return await self._serving.models()


class In:
    """A provider whose callers all speak one of OpenAI's other dialects; they are given what `call` made for a chat."""

    def __init__(self, serving: Provider, decode: Callable[[bytes], CompletionRequest], **fields: Any) -> None:
        self._serving = serving
        self._decode = decode
        self._fields = fields

    def open(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """The answer to the same question in that dialect."""
        asked = json.loads(call.request.source.raw)
        del asked["messages"]
        return self._serving.open(call._replace(request=self._decode(json.dumps({**asked, **self._fields}).encode())))

    async def models(self) -> Sequence[str]:
        """The same names."""
        return await self._serving.models()


def anthropic(up: FakeUpstream, transport: Transport) -> Provider:
    """A provider of the fake upstream that speaks Anthropic's wire."""
    instance = Instance("fake", custom("fake", "anthropic"), up.url, SECRET, "FAKE_API_KEY")
    return connect(instance, transport, SystemClock())


def anthropic_relayed(up: FakeUpstream, transport: Transport) -> Provider:
    """The same for callers of that dialect."""
    return Speaking(anthropic(up, transport), anthropic_call)


def gemini_call(asked: Call, wire: str = gemini.WIRE) -> Call:
    """The same call as a caller of Google's dialect makes it."""
    incoming = Incoming(b'{"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}', name="whatever")
    return asked._replace(request=gemini.decode(incoming, asked.request.stream, wire))


def speaking_gemini(up: FakeUpstream, transport: Transport) -> Provider:
    """A provider of the fake upstream that speaks Google's wire."""
    instance = Instance("fake", custom("fake", "gemini"), up.google_url, SECRET, "FAKE_API_KEY")
    return connect(instance, transport, SystemClock())


def gemini_relayed(up: FakeUpstream, transport: Transport) -> Provider:
    """The same for callers of that dialect."""
    return Speaking(speaking_gemini(up, transport), gemini_call)


def gemini_array(up: FakeUpstream, transport: Transport) -> Provider:
    """The same for callers who want streams as arrays."""
    return Speaking(speaking_gemini(up, transport), lambda asked: gemini_call(asked, gemini.ARRAY_WIRE))


def responding(up: FakeUpstream, transport: Transport) -> Provider:
    """A provider of the fake upstream that has Responses as well, for callers of those."""
    vendor = replace(custom("fake", "openai"), also=("responses", "completions"))
    return In(provider(up, transport, vendor), openai_responses.request.decode, input="Hi")


def responding_to_others(up: FakeUpstream, transport: Transport) -> Provider:
    """A provider of the fake upstream that is asked by Responses alone, for callers of another dialect."""
    return Foreign(provider(up, transport, custom("fake", "responses")))


def going_on(up: FakeUpstream, transport: Transport) -> Provider:
    """A provider of the fake upstream that has the older completions as well, for callers of those."""
    vendor = replace(custom("fake", "openai"), also=("responses", "completions"))
    return In(provider(up, transport, vendor), openai_text.request.decode, prompt="Hi")


def translating(up: FakeUpstream, transport: Transport) -> Provider:
    """A provider of the fake upstream, for callers of another dialect."""
    return Foreign(provider(up, transport))


def speaking_ollama(up: FakeUpstream, transport: Transport) -> Provider:
    """The fake upstream as an Ollama, for callers of OpenAI's dialect."""
    return connect(Instance("fake", custom("fake", "ollama"), up.root, SECRET), transport, SystemClock())


def ollama_call(asked: Call) -> Call:
    """The same call as a caller of Ollama's dialect makes it."""
    told = {"model": "whatever", "messages": [{"role": "user", "content": "Hi"}], "stream": asked.request.stream}
    return asked._replace(request=decode_chat(Incoming(json.dumps(told).encode())))


def ollama_to_ollama(up: FakeUpstream, transport: Transport) -> Provider:
    """The fake upstream as an Ollama, for callers of its own dialect."""
    return Speaking(speaking_ollama(up, transport), ollama_call)


def speaking_bedrock(up: FakeUpstream, transport: Transport) -> Provider:
    """The fake upstream as Amazon Bedrock, whose callers all speak another dialect; its requests are signed."""
    key = f"AKIDEXAMPLE:{SECRET}:session-token"
    instance = Instance("fake", custom("fake", "bedrock"), up.root, key, "FAKE_API_KEY", region="us-east-1")
    return connect(instance, transport, SystemClock())
