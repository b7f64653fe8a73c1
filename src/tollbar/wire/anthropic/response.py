"""Anthropic's answers, whole and streamed, written from events that no relay could pass through."""

from collections.abc import Iterator, Mapping, Sequence

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.events import (
    Cited,
    Dropped,
    Finished,
    FinishReason,
    Frames,
    Refused,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolArguments,
    ToolCalled,
    UsageSeen,
)
from tollbar.domain.fold import fold
from tollbar.domain.messages import Part, RefusalPart, TextPart, ToolCallPart
from tollbar.domain.usage import Usage, merge
from tollbar.wire.anthropic.blocks import block, call_proof, citation, is_object, usage_object
from tollbar.wire.dialect import Relayed, Stamp
from tollbar.wire.writing import encoded

_REASONS = {
    FinishReason.STOP: "end_turn",
    FinishReason.LENGTH: "max_tokens",
    FinishReason.TOOL_CALLS: "tool_use",
    FinishReason.CONTENT_FILTER: "refusal",
    FinishReason.CANCELLED: "end_turn",
}


class EventEncoder:
    """Writes a stream of Anthropic's events.

    Blocks come one after the other, each with its end. Of tool calls that another dialect tells in turns, one speaks
    and the others wait until its arguments are whole. The end of the message is told last, since usage stands in it.
    """

    def __init__(self, request: CompletionRequest, stamp: Stamp) -> None:
        self._id = f"msg_{stamp.request_id}"
        self._model = request.model
        self._usage = Usage()
        self._has_begun = False
        self._kind = ""
        self._index = -1
        self._speaking: int | None = None
        self._said: list[str] = []
        self._waiting: dict[int, list[ToolCalled | ToolArguments]] = {}
        self._places: dict[int, int] = {}
        self._has_refused = False
        self._finished = Finished(FinishReason.STOP)

    @classmethod
    def resumed(cls, request: CompletionRequest, stamp: Stamp, relayed: Relayed) -> "EventEncoder":
        """Goes on where a relay stopped: the block that the last event belongs to is open, unless it ended it."""
        encoder = cls(request, stamp)
        encoder._has_begun = True
        last = relayed.event
        if last.get("type") in ("content_block_start", "content_block_delta"):
            encoder._kind, encoder._index = "relayed", int(last.get("index", 0))
        return encoder

    def encode(self, event: StreamEvent) -> bytes:
        """The events that tell of one of ours."""
        match event:
            case Frames():
                return event.raw
            case Started():
                self._model = event.model or self._model
                return b""
            case UsageSeen():
                self._usage = merge(self._usage, event.usage)
                return b""
            case Dropped():
                return b""
            case _ if event.choice != 0:
                return b""
            case Finished():
                self._finished = event
                return self._begun() + self._ended_block()
            case ToolCalled():
                return self._begun() + self._called(event)
            case ToolArguments():
                return self._arguments(event)
            case _:
                return self._begun() + self._told(event)

    def end(self) -> bytes:
        """Why the message ended, what it used, and its end."""
        reason = _reason(self._finished, self._has_refused, has_called=bool(self._places))
        delta = {"stop_reason": reason, "stop_sequence": self._finished.stop_sequence}
        last = {"type": "message_delta", "delta": delta, "usage": usage_object(self._usage)}
        return self._begun() + self._ended_block() + _event(last) + _event({"type": "message_stop"})

    def _begun(self) -> bytes:
        if self._has_begun:
            return b""
        self._has_begun = True
        message = _message(self._id, self._model, [], {"stop_reason": None, "stop_sequence": None}, self._usage)
        return _event({"type": "message_start", "message": message})

    def _told(self, event: Text | Refused | Thinking | Cited) -> bytes:
        match event:
            case Text(text) | Refused(text):
                self._has_refused = self._has_refused or isinstance(event, Refused)
                return self._open_text() + self._delta({"type": "text_delta", "text": text})
            case Cited(cited):
                return self._open_text() + self._delta({"type": "citations_delta", "citation": citation(cited)})
            case Thinking(_, _, signature, True):
                begun = self._open("redacted_thinking", {"type": "redacted_thinking", "data": signature})
                return begun + self._ended_block()
            case Thinking(text, _, signature):
                told = b""
                if self._kind != "thinking":
                    told = self._open("thinking", {"type": "thinking", "thinking": "", "signature": ""})
                if text:
                    told += self._delta({"type": "thinking_delta", "thinking": text})
                if signature:
                    told += self._delta({"type": "signature_delta", "signature": signature}) + self._ended_block()
                return told

    def _called(self, event: ToolCalled) -> bytes:
        if self._speaking is not None and not self._is_whole():
            self._waiting[event.index] = [event]
            return b""
        return self._begin_call(event)

    def _begin_call(self, event: ToolCalled) -> bytes:
        told = self._ended_kind()
        if event.signature:
            told += self._open_new("thinking", call_proof("") | {"signature": ""})
            told += self._delta({"type": "signature_delta", "signature": call_proof(event.signature)["signature"]})
            told += self._ended_kind()
        told += self._open_new("tool_use", {"type": "tool_use", "id": event.id, "name": event.name, "input": {}})
        self._speaking, self._said = event.index, []
        self._places[event.index] = self._index
        return told

    def _arguments(self, event: ToolArguments) -> bytes:
        if event.index in self._waiting:
            self._waiting[event.index].append(event)
            return b""
        place = self._places.get(event.index)
        if place is None:
            return b""
        told = self._delta({"type": "input_json_delta", "partial_json": event.text}, place)
        if event.index == self._speaking:
            self._said.append(event.text)
            while self._waiting and self._is_whole():
                told += self._next_call()
        return told

    def _is_whole(self) -> bool:
        return is_object("".join(self._said))

    def _next_call(self) -> bytes:
        index = next(iter(self._waiting))
        called, *arguments = self._waiting.pop(index)
        told = self._begin_call(called) if isinstance(called, ToolCalled) else b""
        for piece in arguments:
            self._said.append(piece.text if isinstance(piece, ToolArguments) else "")
            told += self._delta({"type": "input_json_delta", "partial_json": self._said[-1]})
        return told

    def _open_text(self) -> bytes:
        return b"" if self._kind == "text" else self._open("text", {"type": "text", "text": "", "citations": None})

    def _open(self, kind: str, begun: Mapping[str, object]) -> bytes:
        return self._ended_block() + self._open_new(kind, begun)

    def _open_new(self, kind: str, begun: Mapping[str, object]) -> bytes:
        self._kind = kind
        self._index += 1
        return _event({"type": "content_block_start", "index": self._index, "content_block": begun})

    def _ended_block(self) -> bytes:
        """The end of the block that is open, those of the calls that wait included."""
        told = b""
        while self._waiting:
            told += self._next_call()
        return told + self._ended_kind()

    def _ended_kind(self) -> bytes:
        if not self._kind:
            return b""
        self._kind, self._speaking = "", None
        return _event({"type": "content_block_stop", "index": self._index})

    def _delta(self, delta: Mapping[str, object], index: int | None = None) -> bytes:
        place = self._index if index is None else index
        return _event({"type": "content_block_delta", "index": place, "delta": delta})


def encode(request: CompletionRequest, events: Sequence[StreamEvent], stamp: Stamp) -> bytes:
    """One message that holds a complete answer."""
    for event in events:
        if isinstance(event, Frames):
            return event.raw
    completion = fold(events)
    answer = next(iter(completion.answers), None)
    parts = tuple(part for part in answer.parts if part != TextPart("")) if answer is not None else ()
    finished = Finished(FinishReason.STOP)
    if answer is not None and answer.reason is not None:
        finished = Finished(answer.reason, stop_sequence=answer.stop_sequence)
    ending = {
        "stop_reason": _reason(finished, _has(parts, RefusalPart), has_called=_has(parts, ToolCallPart)),
        "stop_sequence": finished.stop_sequence,
    }
    content = [told for part in parts for told in _blocks(part)]
    model = completion.model or request.model
    return encoded(_message(f"msg_{stamp.request_id}", model, content, ending, completion.usage))


def _blocks(part: Part) -> Iterator[dict[str, object]]:
    if isinstance(part, ToolCallPart) and part.signature:
        yield call_proof(part.signature)
    yield block(part)


def _has(parts: Sequence[Part], kind: type[Part]) -> bool:
    return any(isinstance(part, kind) for part in parts)


def _message(
    message_id: str, model: str, content: Sequence[object], ending: Mapping[str, object], usage: Usage
) -> dict[str, object]:
    head = {"id": message_id, "type": "message", "role": "assistant", "model": model, "content": content}
    return {**head, **ending, "usage": usage_object(usage)}


def _reason(finished: Finished, has_refused: bool, has_called: bool) -> str:
    if finished.reason is not FinishReason.STOP:
        return _REASONS[finished.reason]
    if has_refused:
        return "refusal"
    if finished.stop_sequence is not None:
        return "stop_sequence"
    return "tool_use" if has_called else "end_turn"


def _event(told: Mapping[str, object]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (str(told["type"]).encode(), encoded(told))
