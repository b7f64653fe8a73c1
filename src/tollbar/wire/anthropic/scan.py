"""Anthropic's events and documents as typed structs of the few fields that anybody here reads.

msgspec refuses some JSON that is legal (half of a surrogate pair); such data is mended and read again. Kinds of events
and blocks that do not exist yet are read as their kind alone, so that a relay lets them pass.
"""

import json
from typing import TypeVar

import msgspec

from tollbar.domain.errors import StreamBroken
from tollbar.domain.usage import Usage, possible

T = TypeVar("T")

_NULL = msgspec.Raw(b"null")


class CacheCreation(msgspec.Struct, gc=False):
    """What was written into the cache, by how long it stays."""

    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class OutputDetails(msgspec.Struct, gc=False):
    """What of the output were thoughts."""

    thinking_tokens: int | None = None


class Report(msgspec.Struct, gc=False):
    """A usage report: of what it leaves out, the one before it holds."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: CacheCreation | None = None
    output_tokens_details: OutputDetails | None = None


class StopDetails(msgspec.Struct, gc=False):
    """Why the model declined."""

    explanation: str | None = None


class Delta(msgspec.Struct, gc=False):
    """A piece of a block, or of the message's own end."""

    text: str = ""
    thinking: str = ""
    partial_json: str = ""
    signature: str = ""
    citation: msgspec.Raw = _NULL
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None


class Block(msgspec.Struct, gc=False):
    """A block, whole or as it begins."""

    type: str = ""
    text: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = _NULL
    thinking: str = ""
    signature: str | None = None
    data: str = ""
    citations: msgspec.Raw = _NULL


class Citation(msgspec.Struct, gc=False):
    """A source, in whichever of the ways of telling it."""

    cited_text: str | None = None
    title: str | None = None
    document_title: str | None = None
    url: str | None = None
    source: str | None = None


class Document(msgspec.Struct, gc=False):
    """A whole message, or its head as a stream begins."""

    type: str = ""
    id: str = ""
    model: str = ""
    content: list[msgspec.Raw] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None
    usage: Report | None = None
    error: msgspec.Raw = _NULL


class Event(msgspec.Struct, gc=False):
    """One event of a stream."""

    type: str
    index: int = 0
    delta: Delta | None = None
    content_block: msgspec.Raw = _NULL
    message: Document | None = None
    usage: Report | None = None
    error: msgspec.Raw = _NULL


class _Kind(msgspec.Struct, gc=False):
    type: str


KNOWN = frozenset(
    ("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "error")
)
_NOT_WRITTEN = CacheCreation()
_EVENT = msgspec.json.Decoder(Event).decode


def event(data: bytes) -> Event:
    """Reads one event; raises StreamBroken when it is none, or tells of an error."""
    try:
        found = _EVENT(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        found = _event_leniently(data)
    if found.type == "error":
        raise StreamBroken(f"The provider answered with an error: {told_error(found.error)}", is_retryable=True)
    return found


def document(data: bytes) -> Document:
    """Reads a whole answer; raises StreamBroken when it is none, or tells of an error."""
    found = decoded(data, Document)
    if found is None:
        raise StreamBroken("The provider answered with something that is no message.", is_retryable=True)
    if found.type == "error" or found.error != _NULL:
        raise StreamBroken(f"The provider answered with an error: {told_error(found.error)}", is_retryable=True)
    return found


def block(raw: msgspec.Raw) -> Block:
    """Reads a block; one of an unknown kind is known by nothing else."""
    return decoded(bytes(raw), Block) or Block()


def citations(raw: msgspec.Raw) -> list[Citation]:
    """Reads the sources of a text; those that cannot be read are left out."""
    return decoded(bytes(raw), list[Citation]) or []


def decoded(data: bytes, kind: type[T]) -> T | None:
    """Some JSON as a kind of value; None where it is not that."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        mended = _mended(data)
        return None if mended is None or mended == data else decoded(mended, kind)


def usage(report: Report) -> Usage:
    """A report in the one reading of tokens: what was cached is a part of the prompt."""
    by_time = report.cache_creation or _NOT_WRITTEN
    hour = _figure(by_time.ephemeral_1h_input_tokens)
    written = _figure(report.cache_creation_input_tokens) or _figure(by_time.ephemeral_5m_input_tokens) + hour
    read = _figure(report.cache_read_input_tokens)
    details = report.output_tokens_details
    return Usage(
        prompt_tokens=_figure(report.input_tokens) + written + read,
        completion_tokens=_figure(report.output_tokens),
        cached_read_tokens=read,
        cached_write_tokens=written,
        reasoning_tokens=_figure(details.thinking_tokens) if details is not None else 0,
        cached_write_hour_tokens=min(hour, written),
    )


def later(before: Report, after: Report) -> Report:
    """Two reports of one call as one: each figure is the last that was not zero, as in `domain.usage.merge`."""
    said = {name: found for name in Report.__struct_fields__ if (found := getattr(after, name))}
    return msgspec.structs.replace(before, **said)


def told_error(error: msgspec.Raw) -> str:
    """The words of an error."""
    try:
        told = json.loads(bytes(error))
    except (ValueError, RecursionError):
        return "one that cannot be told"
    text = told.get("message", told) if isinstance(told, dict) else told
    return str(text)[:300]


def _event_leniently(data: bytes) -> Event:
    """What the typed decoder refused: mended, or of a kind that does not exist yet; anything else is a fault."""
    found = decoded(data, Event)
    if found is not None:
        return found
    kind = decoded(data, _Kind)
    if kind is None or kind.type in KNOWN:
        raise StreamBroken("The provider sent a frame that is no event.", is_retryable=True)
    return Event(kind.type)


def _figure(told: int | None) -> int:
    return possible(told or 0)


def _mended(data: bytes) -> bytes | None:
    """The same JSON with each half of a surrogate pair as U+FFFD; None where it is no JSON."""
    try:
        text = json.dumps(json.loads(data), ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
