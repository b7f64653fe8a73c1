"""Ollama's answers to a chat or a text, whole and streamed, written from events that no relay could pass through.

Words for declining are ordinary words here, sources are not told, and a tool's call is told in one piece, once its
arguments are whole. Only durations that were measured are told: those of the model's own work are not known here.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import UpstreamFailed
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
from tollbar.domain.fold import Answer, fold
from tollbar.domain.messages import RefusalPart, TextPart, ThinkingPart, ToolCallPart
from tollbar.domain.usage import Usage, merge
from tollbar.wire.dialect import Stamp, StreamEncoder
from tollbar.wire.writing import encoded

_REASONS = dict.fromkeys((FinishReason.STOP, FinishReason.TOOL_CALLS, FinishReason.CANCELLED), "stop")
NANOSECONDS = 1_000_000_000
Said = Mapping[str, Any]
Place = Callable[[Said], Said]
"""Where `content`, `thinking` and `tool_calls` stand in a document."""


def in_message(said: Said) -> Said:
    """Where a chat has them."""
    return {"message": {"role": "assistant", "content": "", **said}}


def in_response(said: Said) -> Said:
    """Where a text has them."""
    return {"response": said.get("content", ""), **{name: said[name] for name in said if name != "content"}}


class LineEncoder:
    """Writes a stream of lines, each a document; the last one says `done`. It tells of the first choice only."""

    def __init__(self, place: Place, request: CompletionRequest, stamp: Stamp) -> None:
        self._place = place
        self._head = _head(stamp, request.model)
        self._stamp = stamp
        self._began_seconds: float | None = None
        self._calls: dict[int, tuple[ToolCalled, list[str]]] = {}
        self._usage = Usage()
        self._reason = FinishReason.STOP

    def encode(self, event: StreamEvent) -> bytes:
        """The line that tells of one event."""
        match event:
            case Started():
                self._head["model"] = event.model or self._head["model"]
                return b""
            case Frames():
                return event.raw
            case UsageSeen():
                self._usage = merge(self._usage, event.usage)
                return b""
            case Dropped() | Cited():
                return b""
            case _ if event.choice != 0:
                return b""
        if self._began_seconds is None:
            self._began_seconds = self._stamp.elapsed()
        match event:
            case Text(text) | Refused(text):
                return self._flush() + self._line({"content": text})
            case Thinking(text):
                return self._line({"content": "", "thinking": text}) if text else b""
            case ToolCalled(index):
                self._calls[index] = event, []
                return b""
            case ToolArguments(index, text):
                if index in self._calls:
                    self._calls[index][1].append(text)
                return b""
            case Finished():
                self._reason = event.reason
                if event.reason is FinishReason.CANCELLED:
                    self._calls = {}  # a call whose arguments are half there is none
                return self._flush()

    def end(self) -> bytes:
        """The last line: why it ended, and what it took."""
        total = self._stamp.elapsed()
        began = total if self._began_seconds is None else self._began_seconds
        took = {
            "total_duration": _nanoseconds(total),
            "prompt_eval_duration": _nanoseconds(began),
            "eval_duration": _nanoseconds(total - began),
        }
        return self._line({"content": ""}, **_done(self._reason, self._usage, took))

    def _flush(self) -> bytes:
        """The calls of tools that are whole now."""
        calls, self._calls = self._calls, {}
        if not calls:
            return b""
        told = [_call(ToolCallPart(call.id, call.name, "".join(pieces)), at) for at, (call, pieces) in calls.items()]
        return self._line({"content": "", "tool_calls": told})

    def _line(self, said: Said, **more: Any) -> bytes:
        return encoded({**self._head, **self._place(said), "done": False, **more}) + b"\n"


def encode(place: Place, request: CompletionRequest, events: Sequence[StreamEvent], stamp: Stamp) -> bytes:
    """One document that holds a complete answer, the first choice of it."""
    for event in events:
        if isinstance(event, Frames):
            return event.raw
    completion = fold(events)
    answer = next(iter(completion.answers), Answer(0, (), FinishReason.STOP))
    took = {"total_duration": _nanoseconds(stamp.elapsed())}
    done = _done(answer.reason or FinishReason.STOP, completion.usage, took)
    return encoded({**_head(stamp, completion.model or request.model), **place(_said(answer)), **done})


def encoder(place: Place) -> Callable[[CompletionRequest, Stamp], StreamEncoder]:
    """What makes the encoder of a stream."""
    return partial(LineEncoder, place)


def _said(answer: Answer) -> Said:
    words = "".join(part.text for part in answer.parts if isinstance(part, TextPart | RefusalPart))
    thoughts = "".join(part.text for part in answer.parts if isinstance(part, ThinkingPart))
    parts = [part for part in answer.parts if isinstance(part, ToolCallPart)]
    calls = [_call(part, index) for index, part in enumerate(parts)]
    return {
        "content": words,
        **({"thinking": thoughts} if thoughts else {}),
        **({"tool_calls": calls} if calls else {}),
    }


def _call(part: ToolCallPart, index: int) -> dict[str, Any]:
    """A call of a tool; raises UpstreamFailed where the model wrote arguments that are no object."""
    text = part.arguments.strip() or "{}"
    try:
        arguments = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise UpstreamFailed(f"The model called {part.name[:100]!r} with arguments that are no JSON object.")
    function = {"index": index, "name": part.name, "arguments": msgspec.Raw(text.encode())}
    return {"id": part.id, "function": function}


def _head(stamp: Stamp, model: str) -> dict[str, Any]:
    created = datetime.fromtimestamp(stamp.created, UTC)
    return {"model": model, "created_at": created.isoformat().replace("+00:00", "Z")}


def _done(reason: FinishReason, usage: Usage, took: Mapping[str, int]) -> dict[str, Any]:
    counts = {"prompt_eval_count": usage.prompt_tokens, "eval_count": usage.completion_tokens}
    return {"done": True, "done_reason": _REASONS.get(reason, reason.value), **took, **counts}


def _nanoseconds(seconds: float) -> int:
    return int(seconds * NANOSECONDS)
