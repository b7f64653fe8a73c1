"""What of a request and its answer is kept, and how a later request goes on from it.

What was said before is told as items: what each request brought, then what was answered. Instructions are no items, and
are not taken over, as in OpenAI's own API. Thoughts go back to the model that had them and to no other, which could not
tell whose they are.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from tollbar.domain.completion import CompletionRequest, Memory
from tollbar.domain.conversation import Conversation
from tollbar.domain.errors import InvalidValue, RequestError, StreamBroken, UnknownResponse
from tollbar.domain.responses import KeptResponse, Thread
from tollbar.wire import reading, sse
from tollbar.wire.body import Body, scan, splice
from tollbar.wire.openai_responses.conversation import expand
from tollbar.wire.openai_responses.report import object_in, read, text_in
from tollbar.wire.openai_responses.request import content_in
from tollbar.wire.writing import encoded

_LAST = ("response.completed", "response.incomplete")
_MARKS = tuple(kind.encode() for kind in _LAST)
_NONE = (None, b"null", b'""')


class Wish(NamedTuple):
    """The response that a request goes on from, and whether its own is to be kept."""

    previous: str | None
    is_kept: bool


class Told(NamedTuple):
    """A response as it was told: its id, and whether its provider says that it keeps it too."""

    id: str
    is_kept_there: bool
    document: bytes


def wish_in(request: CompletionRequest) -> Wish:
    """What a request says of keeping; raises InvalidValue where it names a conversation."""
    body = _body(request)
    if body.value("conversation") not in _NONE:
        raise InvalidValue(
            "'conversation' names one that a provider keeps, and nobody here knows whose it is.",
            field="conversation",
            hint="Go on from a response with 'previous_response_id'.",
        )
    previous = reading.member(body, "previous_response_id", str)
    return Wish(previous or None, body.value("store") != b"false")


def items_in(request: CompletionRequest) -> bytes:
    """What a request brings, as an array of items."""
    given = _body(request).value("input") or b"[]"
    return given if given.startswith(b"[") else b'[{"type":"message","role":"user","content":%b}]' % given


def kept(request: CompletionRequest) -> CompletionRequest:
    """The request whose answer will be kept: it says so, and no knob is lost with it."""

    def read_out() -> Conversation:
        conversation = request.source.expand()
        return replace(conversation, unmodelled=tuple(name for name in conversation.unmodelled if name != "store"))

    echoed = {**request.echoed, "store": b"true"}
    return request._replace(source=request.source._replace(expand=read_out), echoed=echoed)


def continued(request: CompletionRequest, thread: Thread) -> CompletionRequest:
    """The request with the memory of all that was said before."""
    body, turns = _body(request), thread.turns
    told = partial(_told, body, thread, request.model)
    memory = Memory(turns[-1].provider, partial(told, keeps_thoughts=False))
    before = [part for turn in turns for part in (turn.items, _output(turn))]

    def read_out() -> Conversation:
        return expand(scan(splice(scan(told()), {"store": b"false"})))

    return request._replace(
        source=request.source._replace(expand=read_out),
        features=request.features.union(*(content_in(part) for part in before)),
        memory=memory,
    )


def items_of(turn: KeptResponse) -> list[dict[str, Any]]:
    """What the request of a response brought, each item with an id and a type, its words as parts."""
    return [
        _complete(item, f"{turn.id.removeprefix('resp_')}_{place}") for place, item in enumerate(_array(turn.items))
    ]


def size_of(thread: Thread) -> int:
    """How many bytes were said before."""
    return sum(len(turn.items) + len(_output(turn)) for turn in thread.turns)


def told_in(data: bytes, is_stream: bool) -> Told | None:
    """The whole response in a document, or in the last event of a stream; None where there is none yet."""
    if not is_stream:
        return _response(data)
    if not any(mark in data for mark in _MARKS):
        return None
    steps = [step for step in map(_step, sse.payloads(data)) if step is not None and text_in(step, "type") in _LAST]
    return _response(encoded(object_in(steps[-1], "response"))) if steps else None


def _response(document: bytes) -> Told | None:
    """A response that can be told again; None where it is none."""
    try:
        body = scan(document)
        found = reading.head(body, {"id": str, "object": str, "output": list})
        if found.get("object") != "response" or not found.get("id") or "output" not in found:
            return None
        return Told(found["id"], body.value("store") == b"true", document)
    except RequestError:
        return None


def _step(data: bytes | None) -> Any:
    try:
        return None if data is None else read(data)
    except StreamBroken:
        return None


def _told(body: Body, thread: Thread, model: str, keeps_thoughts: bool = True) -> bytes:
    """The request's body with all that was said before; raises UnknownResponse where some of it is gone."""
    if not thread.is_complete:
        raise UnknownResponse(
            "Not all is there any more of what this request goes on from.",
            field="previous_response_id",
            hint="An earlier response was deleted or is too old, or they are too large together. "
            "Send the whole conversation in 'input'.",
        )
    items = [item for turn in thread.turns for item in _items(turn, keeps_thoughts and turn.model == model)]
    given = body.value("input") or b"[]"
    new = given[1:-1].strip() if given.startswith(b"[") else b'{"type":"message","role":"user","content":%b}' % given
    said = encoded(items)[1:-1]
    array = b"[%b]" % b",".join(part for part in (said, new) if part)
    return splice(body, {"input": array, "previous_response_id": b"null"})


def _items(turn: KeptResponse, keeps_thoughts: bool) -> Iterator[dict[str, Any]]:
    brought = _array(turn.items)
    answered: Iterable[dict[str, Any]] = _array(_output(turn))
    if not keeps_thoughts:
        answered = (item for item in answered if item.get("type") != "reasoning")
    return iter((*brought, *answered))


def _complete(item: dict[str, Any], mark: str) -> dict[str, Any]:
    content = item.get("content")
    if isinstance(content, str):
        kind = "output_text" if item.get("role") == "assistant" else "input_text"
        part: dict[str, Any] = {"type": kind, "text": content}
        content = [{**part, "annotations": []} if kind == "output_text" else part]
    told = {"type": "message", "status": "completed", **item}
    return {"id": f"item_{mark}", **told, **({} if content is None else {"content": content})}


def _array(raw: bytes) -> Sequence[dict[str, Any]]:
    found = reading.member(Body(raw, {"input": (0, len(raw))}), "input", list[dict[str, Any]])
    return found or ()


def _output(turn: KeptResponse) -> bytes:
    return (scan(turn.document).value("output") or b"[]") if turn.is_whole else b"[]"


def _body(request: CompletionRequest) -> Body:
    return Body(request.source.raw, request.source.spans)
