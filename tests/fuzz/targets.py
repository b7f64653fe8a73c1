"""What is fuzzed: every dialect's reading of requests, and every wire's hearing of answers with all that follows.

Whatever the bytes: nothing but our own errors is raised, what is written is JSON, and how an answer is cut into reads
changes nothing of what it says.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from tests.fuzz.seeds import RICH
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import GatewayError
from tollbar.domain.events import Frames, StreamEvent
from tollbar.edge.routes import CALLS
from tollbar.gateway.estimate import prompt_bytes
from tollbar.providers.faults import Peer, read
from tollbar.wire import embeddings, ndjson, ollama, openai_chat, openai_responses, openai_text, sse
from tollbar.wire.anthropic import DIALECT as ANTHROPIC
from tollbar.wire.anthropic import asking as anthropic_asking
from tollbar.wire.anthropic import hearing as anthropic_hearing
from tollbar.wire.anthropic import request as anthropic_request
from tollbar.wire.asked import Asked
from tollbar.wire.bedrock import asking as bedrock_asking
from tollbar.wire.dialect import Dialect, Incoming, Stamp
from tollbar.wire.forwarded import told_in
from tollbar.wire.gemini import DIALECT as GEMINI
from tollbar.wire.gemini import STREAM as GEMINI_STREAM
from tollbar.wire.gemini import asking as gemini_asking
from tollbar.wire.gemini import embedding as gemini_embedding
from tollbar.wire.gemini import hearing as gemini_hearing
from tollbar.wire.gemini import request as gemini_request
from tollbar.wire.hearing import FrameHearing, Listener, Passing
from tollbar.wire.ollama import asking as ollama_asking
from tollbar.wire.ollama import hearing as ollama_hearing
from tollbar.wire.openai_chat import asking as chat_asking
from tollbar.wire.openai_chat import hearing as chat_hearing
from tollbar.wire.openai_chat import relay as chat_relay
from tollbar.wire.openai_chat import request as chat_request
from tollbar.wire.openai_responses import asking as responses_asking
from tollbar.wire.openai_responses import hearing as responses_hearing
from tollbar.wire.openai_text import relay as text_relay
from tollbar.wire.simple.answered import EventText, PlainText

T = TypeVar("T")

STAMP = Stamp("abc", 1_700_000_000)
MODELS = ("m", "claude-opus-4-6", "claude-3-opus", "gemini-2.5-flash", "gemini-3-pro", "gpt-4o", "gpt-oss")
FORM = b"multipart/form-data; boundary=x"
_PEER = Peer("lab")


class Fault(AssertionError):
    """Something that was promised does not hold."""


class Relay(Protocol):
    """What passes an answer on."""

    def feed(self, data: bytes) -> Frames | None:
        """The frames of one read."""
        ...

    def end(self) -> Frames | None:
        """What remains."""
        ...


class Wire(NamedTuple):
    """How answers of one wire are heard, and passed on."""

    hearing: Callable[[bool], Listener]
    relay: Callable[[bool], Relay]


def _passing(listener: FrameHearing, stream: bool) -> Passing:
    return Passing(listener, sse.Splitter() if stream else None)


WIRES: Mapping[str, Wire] = {
    "openai": Wire(chat_hearing.Hearing, lambda stream: chat_relay.Relay(stream, hide_usage=True)),
    "completions": Wire(text_relay.Hearing, lambda stream: text_relay.Relay(stream, hide_usage=True)),
    "responses": Wire(responses_hearing.Hearing, lambda stream: _passing(responses_hearing.Hearing(stream), stream)),
    "anthropic": Wire(anthropic_hearing.Hearing, lambda stream: _passing(anthropic_hearing.Hearing(stream), stream)),
    "gemini": Wire(
        gemini_hearing.Hearing, lambda stream: _passing(gemini_hearing.Hearing(stream, passes=True), stream)
    ),
    "ollama": Wire(
        ollama_hearing.Hearing,
        lambda stream: Passing(ollama_hearing.Hearing(stream), ndjson.Splitter() if stream else None),
    ),
}
OUTGOING: Mapping[str, Callable[[CompletionRequest, str], bytes]] = {
    "openai": lambda request, model: chat_request.outgoing(request, model, ask_usage=request.stream),
    "completions": lambda request, model: chat_request.outgoing(request, model, ask_usage=request.stream),
    "responses": lambda request, model: openai_responses.request.outgoing(request, model, "provider"),
    "anthropic": anthropic_request.outgoing,
    "gemini": gemini_request.outgoing_counting,
    "ollama": ollama.request.outgoing,
}
ASKING: Sequence[Callable[[CompletionRequest, str], Asked]] = (
    lambda request, model: chat_asking.asking(request, model, ask_usage=request.stream),
    responses_asking.asking,
    anthropic_asking.asking,
    gemini_asking.asking,
    ollama_asking.asking,
    bedrock_asking.asking,
)
DIALECTS: Mapping[str, Dialect] = {f"{route.method} {route.path}": route.dialect for route in CALLS}
_CHAT = b'{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}'
_MESSAGES = b'{"model":"m","messages":[],"max_tokens":1}'
WRITERS: tuple[tuple[Dialect, Incoming], ...] = (
    (openai_chat.DIALECT, Incoming(_CHAT)),
    (openai_text.DIALECT, Incoming(b'{"model":"m","prompt":"a","stream_options":{"include_usage":true}}')),
    (openai_responses.DIALECT, Incoming(b'{"model":"m","input":"a"}')),
    (ANTHROPIC, Incoming(_MESSAGES)),
    (GEMINI, Incoming(b'{"contents":[]}', name="m")),
    (GEMINI_STREAM, Incoming(b'{"contents":[]}', name="m")),
    (ollama.CHAT, Incoming(_MESSAGES)),
    (ollama.GENERATE, Incoming(b'{"model":"m","prompt":"a"}')),
    (DIALECTS["POST /generate"], Incoming(b'{"prompt":"a"}')),
    (DIALECTS["POST /chat"], Incoming(b'{"prompt":"a"}')),
    (DIALECTS["POST /local/generate"], Incoming(b'{"prompt":"a"}')),
)
"""Who may be told what a provider says."""
_WORDS = (EventText, PlainText)
"""Streams that are words and no JSON."""


def question(route: str, body: bytes, model: str) -> str:
    """Reads a request, and asks providers of every wire with it; gives what became of it, in short."""
    dialect = DIALECTS[route]
    headers = ((b"content-type", FORM),) if body.startswith(b"--x") else ()
    incoming = Incoming(body, headers, name="m" if "{" in route else "")
    if dialect.variant is not None:
        dialect = dialect.variant(incoming)
    request, fault = _tried(lambda: dialect.decode(incoming))
    if request is None:
        return fault
    prompt_bytes(request)
    if request.errand is not None:
        return _errand(request)
    outgoing = OUTGOING.get(dialect.wire.partition(",")[0].partition("_")[0])
    if outgoing is not None:
        _check_json(outgoing(request, model), body)
    told = []
    for asking in ASKING:
        asked, fault = _tried(lambda asking=asking: asking(request, model))  # type: ignore[misc]
        if asked is not None:
            _check_json(asked.body)
        told.append(fault)
    return "|".join(told)


def answer(wire: str, raw: bytes, stream: bool, pieces: Sequence[bytes]) -> str:
    """Hears an answer, whole and as it arrives, and tells callers of every dialect of it."""
    spoken = WIRES[wire]
    events, fault = _tried(lambda: _heard(spoken.hearing(stream), [raw]))
    again, other = _tried(lambda: _heard(spoken.hearing(stream), pieces))
    if (events, fault) != (again, other):
        raise Fault(f"cut into reads it says something else: {fault or events!r} and {other or again!r}")
    passed, refusal = _tried(lambda: _passed(spoken.relay(stream), [raw]))
    repassed, rerefusal = _tried(lambda: _passed(spoken.relay(stream), pieces))
    if refusal != rerefusal or passed != repassed:
        raise Fault(f"cut into reads it passes on something else: {refusal or passed!r} and {rerefusal or repassed!r}")
    if events is None:
        return f"{fault} {refusal}"
    _check_text(events)
    for dialect, incoming in WRITERS:
        _tell(dialect, incoming, events)
    return f"{refusal} {sorted({type(event).__name__ for event in events})}"


def rich(wire: str, stream: bool) -> Iterator[bytes]:
    """An answer in a wire that says everything there is to say, where we write that wire."""
    for dialect, incoming in WRITERS:
        if dialect.wire == wire:
            request = dialect.decode(incoming)
            encoder = dialect.stream_encoder(request, STAMP)
            told = b"".join([*map(encoder.encode, RICH), encoder.end()])
            yield told if stream else dialect.encode(request, RICH, STAMP)


def failure(raw: bytes) -> str:
    """Reads the body of a refusal, and of the answer to an errand, in every way in which one may come."""
    said = read(raw, _PEER)
    if not all(isinstance(text, str) for text in (said.message, said.code, said.param, said.kind)):
        raise Fault(f"a refusal that is no text: {said!r}")
    hears: tuple[Callable[[], object], ...] = (
        lambda: told_in(raw, "application/json"),
        lambda: embeddings.told_by_ollama(raw, "application/json"),
        lambda: gemini_embedding.told_by_google(raw, "application/json"),
        lambda: embeddings.hear_openai(raw, 1),
        lambda: embeddings.hear_ollama(raw, 1),
        lambda: gemini_embedding.hear_google("m", raw, 1),
    )
    return "|".join(_tried(hear)[1] for hear in hears)


def _tried(act: Callable[[], T]) -> tuple[T | None, str]:
    """What an act gives, or which of our own errors it raises; any other goes on."""
    try:
        return act(), ""
    except GatewayError as fault:
        for dialect in (openai_chat.DIALECT, ANTHROPIC, GEMINI, ollama.CHAT):
            _check_json(dialect.encode_error(fault, "x")[1])
        return None, f"{type(fault).__name__} {fault.field or ''}"[:60]


def _errand(request: CompletionRequest) -> str:
    errand = request.errand
    if errand is None or errand.embedding is None:
        return "errand"
    texts, fault = _tried(errand.embedding.texts)
    if texts is not None:
        for asked in (
            embeddings.asking_openai(texts, "m"),
            embeddings.asking_ollama(texts, "m"),
            gemini_embedding.asking_google(texts, "models/m"),
        ):
            _check_json(asked.body)
    return fault


def _heard(listener: Listener, pieces: Sequence[bytes]) -> list[StreamEvent]:
    events: list[StreamEvent] = []
    for piece in pieces:
        events += listener.feed(piece)
        if listener.is_done:
            return events
    return [*events, *listener.end()]


def _passed(relay: Relay, pieces: Sequence[bytes]) -> tuple[bytes, int]:
    frames = [relay.feed(piece) for piece in pieces]
    found = [one for one in (*frames, relay.end()) if one is not None]
    raw = b"".join(one.raw for one in found)
    raw = re.sub(rb"\n{3,}", b"\n\n", raw)  # one line too many belongs to the frame before it or behind it
    return raw, sum(one.output_bytes for one in found)


def _check_text(events: Sequence[StreamEvent]) -> None:
    """Raises Fault where an event holds half of a surrogate pair, which no other dialect could tell."""
    for event in events:
        for value in event:
            if isinstance(value, str) and value.encode("utf-8", "replace").decode() != value:
                raise Fault(f"what was heard is no text: {event!r}")


def _tell(dialect: Dialect, incoming: Incoming, events: Sequence[StreamEvent]) -> None:
    if dialect.variant is not None:
        dialect = dialect.variant(incoming)
    request = dialect.decode(incoming)
    document, _ = _tried(lambda: dialect.encode(request, events, STAMP))
    if document is not None:
        _check_json(document)
    encoder = dialect.stream_encoder(request, STAMP)
    told, _ = _tried(lambda: b"".join([*map(encoder.encode, events), encoder.end()]))
    for data in _data(told) if told is not None and dialect.stream_encoder not in _WORDS else ():
        _check_json(data)


def _data(told: bytes) -> Iterator[bytes]:
    for data in sse.payloads(told):
        if data is not None and data != b"[DONE]":
            yield data


def _check_json(raw: bytes, given: bytes = b"") -> None:
    """Raises Fault where bytes are no JSON; bytes of a caller's may hold what nobody but Python reads."""
    try:
        json.loads(raw.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as fault:
        raise Fault(f"what was written is no JSON: {raw[:200]!r} of {given[:200]!r}: {fault}") from None


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
