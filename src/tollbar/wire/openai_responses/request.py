"""OpenAI's Responses request: what we must know of it, and the same bytes on their way out.

Reference: the Responses API. Only the fields that routing and money need are read; every other one travels inside the
untouched body.
"""

import msgspec

from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.errors import InvalidValue
from tollbar.wire import reading
from tollbar.wire.body import Body, refuse_look_alikes, scan, splice
from tollbar.wire.openai_chat.request import MAX_MESSAGES, MAX_TOKENS, MAX_TOOLS
from tollbar.wire.openai_responses.conversation import expand
from tollbar.wire.uploads import ID, MARKS, TYPED, Words, uploads_in

WIRE = "responses"
_TEXTS = ("model", "user", "safety_identifier", "previous_response_id")
_FLAGS = ("stream", "background", "store")
KINDS = {"max_output_tokens": int, "tools": list, **dict.fromkeys(_TEXTS, str), **dict.fromkeys(_FLAGS, bool)}
MODELLED = frozenset((*KINDS, "input", "instructions", "conversation", "text"))
ECHOED = (
    *("instructions", "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls", "prompt_cache_key"),
    *("reasoning", "safety_identifier", "service_tier", "temperature", "text", "tool_choice", "tools", "top_p"),
    *("truncation", "user", "previous_response_id"),
)
"""What a response repeats of its request."""
_MARKS = ((b'"input_image"', "images"), (b'"input_audio"', "audio"), (b'"input_file"', "files"))
_STORES = b'"vector_store_ids'
_WORDS = Words(frozenset({"metadata", "annotations", "results", "parameters", "schema"}))


def decode(raw: bytes) -> CompletionRequest:
    """The request in a body; raises RequestError naming the field at fault."""
    body = scan(raw)
    refuse_look_alikes(body, MODELLED)
    reading.demand(body, "model")
    head = reading.head(body, KINDS)
    if head.get("background"):
        raise InvalidValue(
            "'background' answers cannot be metered.", field="background", hint="Leave it out, and stream instead."
        )
    given = body.value("input") or b""
    if given.startswith(b"["):
        reading.check_count({"input": given}, "input", MAX_MESSAGES)
    tools = reading.check_count(head, "tools", MAX_TOOLS)
    is_typed = TYPED in raw
    features = _features(body, tools > 0, is_typed)
    return CompletionRequest(
        model=head["model"],
        source=Source(WIRE, raw, body.spans, lambda: expand(body)),
        stream=bool(head.get("stream")),
        max_tokens=reading.bounded(head, "max_output_tokens", 1, MAX_TOKENS),
        user=head.get("user") or head.get("safety_identifier"),
        wants_usage=True,
        features=features,
        echoed={name: value for name in ECHOED if (value := body.value(name)) is not None},
        uploads=_uploads(body, features) if is_typed else uploads_in(raw, (), _WORDS),
    )


def outgoing(request: CompletionRequest, model: str, provider: str) -> bytes:
    """The caller's body with the model replaced; all else as it came.

    Where it goes on from a response that the provider does not have, it brings along what was said before.
    """
    body, memory = Body(request.source.raw, request.source.spans), request.memory
    if memory is not None and memory.provider != provider:
        body = scan(memory.told())
    return splice(body, {"model": msgspec.json.encode(model)})


def _features(body: Body, has_tools: bool, is_typed: bool) -> frozenset[str]:
    """The capabilities a target must have, read from marks in the bytes: a mark in mere text errs on the safe side."""
    found = content_in(body.raw) if is_typed else set[str]()
    if has_tools:
        found.add("tools")
    if b'"json_schema"' in (body.value("text") or b""):
        found.add("json_schema")
    return frozenset(found)


def content_in(raw: bytes) -> set[str]:
    """The capabilities that items want, read from marks in their bytes."""
    return {name for mark, name in _MARKS if mark in raw}


def _uploads(body: Body, features: frozenset[str]) -> tuple[str, ...]:
    """The files at providers that are named: by parts, or for tools to read and to search in."""
    marks = MARKS if "files" in features or "images" in features else (ID,)
    if "tools" in features and _STORES in (body.value("tools") or b""):
        marks = (_STORES,)
    return uploads_in(body.raw, marks, _WORDS)
