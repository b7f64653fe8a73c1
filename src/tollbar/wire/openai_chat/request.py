"""OpenAI's chat completion request: what we must know of it, and the same bytes on their way out.

Reference: the Chat Completions API. Only the fields that routing and money need are read; every other one, known or
not yet invented, travels inside the untouched body.
"""

import msgspec

from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.errors import RequestError
from tollbar.wire import reading
from tollbar.wire.body import Body, refuse_look_alikes, scan, splice
from tollbar.wire.openai_chat.conversation import expand
from tollbar.wire.uploads import MARKS, TYPED, Words, uploads_in

WIRE = "openai"
MAX_CHOICES = 128
MAX_MESSAGES = 10_000
MAX_TOOLS = 512
MAX_TOKENS = 100_000_000
KINDS = {
    "model": str,
    "messages": list,
    "stream": bool,
    "stream_options": dict,
    "max_tokens": int,
    "max_completion_tokens": int,
    "n": int,
    "user": str,
    "safety_identifier": str,
    "tools": list,
}
MODELLED = frozenset((*KINDS, "functions", "response_format", "logprobs"))
_NONE: frozenset[str] = frozenset()
_ABSENT = msgspec.Raw(b"null")
_MARKS = ((b'"image_url"', "images"), (b'"input_audio"', "audio"), (b'"file"', "files"))
_WORDS = Words(frozenset({"metadata", "annotations", "parameters", "schema"}))


class _Head(msgspec.Struct, gc=False):
    """The members of `KINDS`, to be read at once."""

    model: str
    messages: list[msgspec.Raw]
    stream: bool | None = None
    stream_options: msgspec.Raw = _ABSENT
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = None
    user: str | None = None
    safety_identifier: str | None = None
    tools: list[msgspec.Raw] | None = None


_DECODE = msgspec.json.Decoder(_Head).decode


def decode(raw: bytes) -> CompletionRequest:
    """The request in a body; raises RequestError naming the field at fault.

    Of several faults a missing field is told before a wrong type, and that before a wrong value.
    """
    body = scan(raw)
    refuse_look_alikes(body, MODELLED)
    try:
        head = _DECODE(raw)
    except msgspec.DecodeError:
        return _decode_by_member(body)
    limit = head.max_tokens if head.max_completion_tokens is None else head.max_completion_tokens
    if not (
        (limit is None or 1 <= limit <= MAX_TOKENS)
        and (head.n is None or 1 <= head.n <= MAX_CHOICES)
        and len(head.messages) <= MAX_MESSAGES
        and head.stream_options is _ABSENT
        and (head.tools is None or len(head.tools) <= MAX_TOOLS)
    ):
        return _decode_by_member(body)
    features = _features(body, has_tools=bool(head.tools))
    return CompletionRequest(
        head.model,
        Source(WIRE, raw, body.spans, lambda: expand(body)),
        head.stream is True,
        limit,
        head.n or 1,
        head.user or head.safety_identifier,
        False,
        features,
        uploads=_uploads(raw, features),
    )


def _decode_by_member(body: Body) -> CompletionRequest:
    """The same, member by member: slower, and it finds the one at fault."""
    reading.demand(body, "model", "messages")
    head = reading.head(body, KINDS)
    reading.check_count(head, "messages", MAX_MESSAGES)
    tools = reading.check_count(head, "tools", MAX_TOOLS)
    limit = reading.bounded(head, "max_completion_tokens", 1, MAX_TOKENS)
    features = _features(body, has_tools=tools > 0)
    return CompletionRequest(
        model=head["model"],
        source=Source(WIRE, body.raw, body.spans, lambda: expand(body)),
        stream=bool(head.get("stream")),
        max_tokens=limit if limit is not None else reading.bounded(head, "max_tokens", 1, MAX_TOKENS),
        choices=reading.bounded(head, "n", 1, MAX_CHOICES) or 1,
        user=head.get("user") or head.get("safety_identifier"),
        wants_usage=wants_usage(head.get("stream_options")),
        features=features,
        uploads=_uploads(body.raw, features),
    )


def outgoing(request: CompletionRequest, model: str, ask_usage: bool, limit_name: str = "max_tokens") -> bytes:
    """The caller's body with the model replaced and, if we must ask, a usage report asked for; all else as it came.

    A length of the answer that is ours, and not the caller's, is added as the provider calls it.
    """
    body = Body(request.source.raw, request.source.spans)
    replacements = {"model": msgspec.json.encode(model)}
    if ask_usage:
        replacements["stream_options"] = _asking(body.value("stream_options"))
    if request.adds_limit:
        replacements[limit_name] = msgspec.json.encode(request.max_tokens)
    return splice(body, replacements)


def _asking(options: bytes | None) -> bytes:
    """The stream options with `include_usage` set to true, the caller's other options kept as they are."""
    if options is None or options == b"null":
        return b'{"include_usage":true}'
    return splice(scan(options), {"include_usage": b"true"})


def wants_usage(options: bytes | None) -> bool:
    """Whether stream options ask for a usage report; raises RequestError when they cannot be read."""
    if options is None:
        return False
    try:
        return bool(reading.head(scan(options), {"include_usage": bool}).get("include_usage"))
    except RequestError as fault:
        fault.field = "stream_options" if fault.field is None else f"stream_options.{fault.field}"
        raise


def _features(body: Body, has_tools: bool) -> frozenset[str]:
    """The capabilities a target must have, read from marks in the bytes: a mark in mere text errs on the safe side."""
    raw = body.raw
    found = [name for mark, name in _MARKS if mark in raw] if TYPED in raw else []
    if has_tools:
        found.append("tools")
    if "response_format" in body.spans and b'"json_schema"' in (body.value("response_format") or b""):
        found.append("json_schema")
    if "logprobs" in body.spans and body.value("logprobs") == b"true":
        found.append("logprobs")
    return frozenset(found) if found else _NONE


def _uploads(raw: bytes, features: frozenset[str]) -> tuple[str, ...]:
    """The files at providers that are named, which takes a part that is a picture or a file."""
    return uploads_in(raw, MARKS if "files" in features or "images" in features else (), _WORDS)
