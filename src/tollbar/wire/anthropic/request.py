"""Anthropic's Messages request: what we must know of it, and the same bytes on their way out.

Reference: the Messages API. Only the fields that routing and money need are read; every other one, known or not yet
invented, travels inside the untouched body, and so do the two headers that say in which version it is to be understood.
"""

from collections.abc import Sequence

import msgspec

from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.errors import InvalidValue
from tollbar.wire import reading
from tollbar.wire.anthropic.blocks import CALL_PROOF, is_call_proof
from tollbar.wire.anthropic.conversation import expand
from tollbar.wire.body import Body, refuse_look_alikes, scan, splice
from tollbar.wire.dialect import Incoming
from tollbar.wire.uploads import ID, MARKS, TYPED, Words, uploads_in

WIRE = "anthropic"
VERSION = "2023-06-01"
"""The only version of the API that there is."""
MAX_MESSAGES = 10_000
MAX_TOOLS = 512
MAX_TOKENS = 100_000_000
TRAVELLING = (b"anthropic-version", b"anthropic-beta")
"""The headers that a provider of this wire is sent as they came."""
LONGEST_HEADER = 4_000
KINDS = {
    "model": str,
    "messages": list,
    "stream": bool,
    "max_tokens": int,
    "metadata": dict,
    "tools": list,
}
MODELLED = frozenset((*KINDS, "system", "thinking", "output_config", "output_format"))
_NONE: frozenset[str] = frozenset()
_MARKS = ((b'"image"', "images"), (b'"document"', "files"))
_RAN = ("bash_code_execution_tool_result", "code_execution_tool_result", "text_editor_code_execution_tool_result")
_WORDS = Words(frozenset({"metadata", "input", "citations", "input_schema", "schema"}), frozenset(_RAN))


class _Metadata(msgspec.Struct, gc=False):
    user_id: str | None = None


class _Head(msgspec.Struct, gc=False):
    """The members of `KINDS`, to be read at once."""

    model: str
    messages: list[msgspec.Raw]
    max_tokens: int
    stream: bool | None = None
    metadata: _Metadata | None = None
    tools: list[msgspec.Raw] | None = None


_DECODE = msgspec.json.Decoder(_Head).decode
_DECODE_TURNS = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_DECODE_BLOCKS = msgspec.json.Decoder(list[msgspec.Raw]).decode
_PROOF = f'"{CALL_PROOF}'.encode()
_DECODE_METADATA = msgspec.json.Decoder(_Metadata).decode


def decode(incoming: Incoming) -> CompletionRequest:
    """The request in a body; raises RequestError naming the field at fault.

    Of several faults a missing field is told before a wrong type, and that before a wrong value.
    """
    body = scan(incoming.body)
    refuse_look_alikes(body, MODELLED)
    headers = travelling(incoming.headers)
    try:
        head = _DECODE(incoming.body)
    except msgspec.DecodeError:
        return _decode_by_member(body, headers, ("model", "max_tokens", "messages"))
    if not (
        0 <= head.max_tokens <= MAX_TOKENS
        and len(head.messages) <= MAX_MESSAGES
        and (head.tools is None or len(head.tools) <= MAX_TOOLS)
    ):
        return _decode_by_member(body, headers, ("model", "max_tokens", "messages"))
    is_typed = TYPED in body.raw
    features = _features(body, bool(head.tools), is_typed)
    return CompletionRequest(
        head.model,
        Source(WIRE, incoming.body, body.spans, lambda: expand(body), headers),
        head.stream is True,
        head.max_tokens,
        user=head.metadata.user_id if head.metadata is not None else None,
        features=features,
        uploads=_uploads(body.raw, features, is_typed),
    )


def decode_counting(incoming: Incoming) -> CompletionRequest:
    """The same of a request that only wants its tokens counted: it has no length to answer, and is never streamed."""
    body = scan(incoming.body)
    refuse_look_alikes(body, MODELLED)
    request = _decode_by_member(body, travelling(incoming.headers), ("model", "messages"))
    return request._replace(stream=False)


def outgoing(request: CompletionRequest, model: str) -> bytes:
    """The caller's body with the model replaced; all else as it came, but for what was ours and no provider's."""
    body = Body(request.source.raw, request.source.spans)
    changes = {"model": msgspec.json.encode(model)}
    if _PROOF in body.raw:
        changes["messages"] = _without_proofs(body.value("messages") or b"")
    return splice(body, changes)


def _without_proofs(messages: bytes) -> bytes:
    """The messages without the proofs of calls that a provider of another wire made: this one would refuse them."""
    try:
        turns = _DECODE_TURNS(messages)
        for turn in turns:
            if bytes(turn.get("content", b"")).startswith(b"["):
                blocks = [one for one in _DECODE_BLOCKS(turn["content"]) if not is_call_proof(bytes(one))]
                turn["content"] = msgspec.Raw(msgspec.json.encode(blocks))
    except msgspec.DecodeError:  # no messages at all, of which the provider shall tell
        return messages
    return msgspec.json.encode(turns)


def travelling(headers: Sequence[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    """The headers that travel with a body; raises InvalidValue where one could not be sent on."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name not in TRAVELLING:
            continue
        text, key = value.decode("latin-1").strip(), name.decode()
        if not (text.isascii() and text.isprintable() and len(text) <= LONGEST_HEADER):
            raise InvalidValue(f"The header {key!r} cannot be sent on.", field=key)
        if text:
            found[key] = f"{found[key]},{text}" if key in found else text
    return tuple(found.items())


def _decode_by_member(body: Body, headers: tuple[tuple[str, str], ...], needed: Sequence[str]) -> CompletionRequest:
    """The same, member by member: slower, and it finds the one at fault."""
    reading.demand(body, *needed)
    head = reading.head(body, KINDS)
    reading.check_count(head, "messages", MAX_MESSAGES)
    tools = reading.check_count(head, "tools", MAX_TOOLS)
    is_typed = TYPED in body.raw
    features = _features(body, tools > 0, is_typed)
    return CompletionRequest(
        model=head["model"],
        source=Source(WIRE, body.raw, body.spans, lambda: expand(body), headers),
        stream=bool(head.get("stream")),
        max_tokens=reading.bounded(head, "max_tokens", 0, MAX_TOKENS),
        user=_user(head.get("metadata")),
        features=features,
        uploads=_uploads(body.raw, features, is_typed),
    )


def _user(metadata: bytes | None) -> str | None:
    try:
        return None if metadata is None else _DECODE_METADATA(metadata).user_id
    except msgspec.DecodeError:
        raise InvalidValue("'metadata.user_id' must be a string.", field="metadata.user_id") from None


def _features(body: Body, has_tools: bool, is_typed: bool) -> frozenset[str]:
    """The capabilities a target must have, read from marks in the bytes: a mark in mere text errs on the safe side."""
    messages = (body.value("messages") or b"") if is_typed else b""
    found = [name for mark, name in _MARKS if mark in messages]
    if has_tools:
        found.append("tools")
    if any(b'"json_schema"' in (body.value(name) or b"") for name in ("output_config", "output_format")):
        found.append("json_schema")
    return frozenset(found) if found else _NONE


def _uploads(raw: bytes, features: frozenset[str], is_typed: bool) -> tuple[str, ...]:
    """The files at providers that are named: in the place of a picture or a document, or for code to read."""
    marks = MARKS if "files" in features or "images" in features else (ID,)
    return uploads_in(raw, marks if is_typed else (), _WORDS)
