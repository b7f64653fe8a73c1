"""Ollama's requests for a chat and for a text: what we must know of them, and the same bytes on their way out.

Reference: the Ollama API, `/api/chat` and `/api/generate`. An answer is streamed unless `stream` is false. Ollama reads
member names without regard to case, so look-alikes of those read here are refused.
"""

from collections.abc import Callable, Collection, Mapping

import msgspec

from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.conversation import Conversation
from tollbar.domain.errors import InvalidValue, RequestError
from tollbar.wire import reading
from tollbar.wire.body import Body, refuse_look_alikes, scan, splice
from tollbar.wire.dialect import Incoming
from tollbar.wire.ollama.conversation import CHAT_MEMBERS, GENERATE_MEMBERS, expand_chat, expand_generate

CHAT_WIRE = "ollama"
GENERATE_WIRE = "ollama_generate"
MAX_MESSAGES = 10_000
MAX_TOOLS = 512
MAX_IMAGES = 1_000
MAX_TOKENS = 100_000_000
_CHAT_KINDS = {"model": str, "messages": list, "stream": bool, "tools": list, "options": dict}
_GENERATE_KINDS = {"model": str, "prompt": str, "system": str, "images": list, "stream": bool, "options": dict}
_CHAT_PROMPT = ("messages", "tools", "format")
_GENERATE_PROMPT = ("prompt", "system", "suffix", "template", "context", "images", "format")
_EMPTY = (b"null", b"[]")


def decode_chat(incoming: Incoming) -> CompletionRequest:
    """The request in a body of `/api/chat`; raises RequestError naming the field at fault."""
    body = _read(incoming, CHAT_MEMBERS)
    reading.demand(body, "model", "messages")
    head = reading.head(body, _CHAT_KINDS)
    reading.check_count(head, "messages", MAX_MESSAGES)
    features = {"tools"} if reading.check_count(head, "tools", MAX_TOOLS) else set[str]()
    if b'"images"' in head["messages"]:
        features.add("images")
    source = Source(CHAT_WIRE, body.raw, body.spans, _expanding(expand_chat, body))
    return _request(body, head, source, features, _CHAT_PROMPT)


def decode_generate(incoming: Incoming) -> CompletionRequest:
    """The request in a body of `/api/generate`; raises RequestError naming the field at fault."""
    body = _read(incoming, GENERATE_MEMBERS)
    reading.demand(body, "model")
    head = reading.head(body, _GENERATE_KINDS)
    features = {"images"} if reading.check_count(head, "images", MAX_IMAGES) else set[str]()
    source = Source(GENERATE_WIRE, body.raw, body.spans, _expanding(expand_generate, body))
    return _request(body, head, source, features, _GENERATE_PROMPT)


def outgoing(request: CompletionRequest, model: str) -> bytes:
    """The caller's body with the model replaced; all else as it came."""
    return splice(Body(request.source.raw, request.source.spans), {"model": msgspec.json.encode(model)})


def _read(incoming: Incoming, members: Collection[str]) -> Body:
    body = scan(incoming.body)
    refuse_look_alikes(body, members)
    return body


def _expanding(expand: Callable[[Body], Conversation], body: Body) -> Callable[[], Conversation]:
    return lambda: expand(body)


def _request(
    body: Body, head: Mapping[str, object], source: Source, features: set[str], prompt: Collection[str]
) -> CompletionRequest:
    if (body.value("format") or b"").startswith(b"{"):
        features.add("json_schema")
    if body.value("logprobs") == b"true":
        features.add("logprobs")
    return CompletionRequest(
        model=str(head["model"]),
        source=source,
        stream=head.get("stream") is not False,
        max_tokens=_limit(head.get("options")),
        features=frozenset(features),
        prompt_bytes=sum(len(body.value(name) or b"") for name in prompt if body.value(name) not in _EMPTY),
    )


def _limit(options: object) -> int | None:
    """The most tokens of the answer; Ollama's -1 (no limit) and -2 (what the context holds) are no number of ours."""
    if not isinstance(options, bytes):
        return None
    try:
        head = reading.head(scan(options), {"num_predict": int})
    except RequestError as fault:
        fault.field = "options" if fault.field is None else f"options.{fault.field}"
        raise
    limit = head.get("num_predict")
    if limit is None or limit in (-1, -2):
        return None
    if not 1 <= limit <= MAX_TOKENS:
        field = "options.num_predict"
        raise InvalidValue(
            f"{field!r} must be from 1 to {MAX_TOKENS}, or -1 or -2.", field=field, details={"received": limit}
        )
    return limit
