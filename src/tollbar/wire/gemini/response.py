"""Google's answers, whole and streamed, written from events that no relay could pass through.

A tool's call is told whole, its arguments an object; so a stream tells the calls of a choice once all are there, and
its end, with the usage, once everything is.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.events import (
    Cited,
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
from tollbar.domain.messages import Citation, Part, RefusalPart, TextPart, ThinkingPart, ToolCallPart
from tollbar.domain.usage import Usage, merge
from tollbar.wire import sse
from tollbar.wire.dialect import Stamp
from tollbar.wire.gemini.conversation import arguments_object
from tollbar.wire.gemini.grounding import grounding_metadata
from tollbar.wire.gemini.signature import wrapped
from tollbar.wire.gemini.usage import usage_metadata
from tollbar.wire.writing import encoded

_REASONS = {
    FinishReason.STOP: "STOP",
    FinishReason.TOOL_CALLS: "STOP",
    FinishReason.LENGTH: "MAX_TOKENS",
    FinishReason.CONTENT_FILTER: "SAFETY",
    FinishReason.CANCELLED: "STOP",
}
Object = dict[str, Any]


class ChunkEncoder:
    """Writes a stream of answers as events."""

    def __init__(self, request: CompletionRequest, stamp: Stamp) -> None:
        self._id = stamp.request_id
        self._model = request.model
        self._usage = Usage()
        self._kept: dict[int, list[StreamEvent]] = defaultdict(list)
        """What is told of a choice at its end: calls, sources and the end itself."""
        self._texts: dict[int, list[str]] = defaultdict(list)

    def encode(self, event: StreamEvent) -> bytes:
        """The event that tells of one of ours."""
        if isinstance(event, Frames):
            return event.raw
        told = self.chunk(event)
        return sse.event(encoded(told)) if told is not None else b""

    def end(self) -> bytes:
        """Calls, sources, ends and usage."""
        return sse.event(encoded(self.last()))

    def chunk(self, event: StreamEvent) -> Object | None:
        """What tells of one event now; None where it is told later or not at all."""
        match event:
            case Started(_, model):
                self._model = model or self._model
            case UsageSeen(usage):
                self._usage = merge(self._usage, usage)
            case Text(text, choice) | Refused(text, choice):
                self._texts[choice].append(text)
                return self._candidates([_candidate(choice, [{"text": text}])])
            case Thinking(text, choice, signature, is_redacted):
                part = _part(ThinkingPart(text, signature or None, is_redacted))
                return self._candidates([_candidate(choice, [part])])
            case ToolCalled() | ToolArguments() | Cited() | Finished():
                self._kept[event.choice].append(event)
        return None

    def last(self) -> Object:
        """The last chunk."""
        candidates = [self._ended(choice) for choice in sorted(self._kept)]
        return {**self._candidates(candidates), "usageMetadata": usage_metadata(self._usage)}

    def opening(self) -> Object:
        """A chunk that says nothing yet."""
        return {"modelVersion": self._model, "responseId": self._id}

    def _ended(self, choice: int) -> Object:
        if (end := self._kept[choice][-1]) == Finished(FinishReason.CANCELLED, choice):
            self._kept[choice] = [end]  # a call whose arguments are half there is none
        (answer,) = fold(event for event in self._kept[choice] if not isinstance(event, Cited)).answers
        cited = [event.citation for event in self._kept[choice] if isinstance(event, Cited)]
        return _ended(answer, cited, "".join(self._texts[choice]))

    def _candidates(self, candidates: list[Object]) -> Object:
        return {**({"candidates": candidates} if candidates else {}), **self.opening()}


def encode(request: CompletionRequest, events: Sequence[StreamEvent], stamp: Stamp) -> bytes:
    """One document that holds a complete answer."""
    for event in events:
        if isinstance(event, Frames):
            return event.raw
    completion = fold(events)
    candidates = [
        _ended(answer, [cited for part in answer.parts if isinstance(part, TextPart) for cited in part.citations])
        for answer in completion.answers
    ]
    head = {"modelVersion": completion.model or request.model, "responseId": stamp.request_id}
    return encoded({"candidates": candidates, "usageMetadata": usage_metadata(completion.usage), **head})


def _ended(answer: Answer, cited: Sequence[Citation], said: str | None = None) -> Object:
    """A candidate with its end. A call whose arguments are no object is Google's malformed one, told in words."""
    malformed = [
        part for part in answer.parts if isinstance(part, ToolCallPart) and arguments_object(part.arguments) is None
    ]
    parts = [_part(part) for part in answer.parts if part not in malformed]
    candidate = _candidate(answer.index, parts)
    candidate["finishReason"] = _REASONS[answer.reason or FinishReason.STOP]
    if malformed:
        candidate["finishReason"] = "MALFORMED_FUNCTION_CALL"
        candidate["finishMessage"] = f"Malformed function call: {malformed[0].name}({malformed[0].arguments[:500]})"
    if cited:
        candidate["groundingMetadata"] = grounding_metadata(cited, answer.text if said is None else said)
    return candidate


def _candidate(index: int, parts: Sequence[Mapping[str, object]]) -> Object:
    return {"content": {"parts": parts, "role": "model"}, "index": index}


def _part(part: Part) -> Object:
    match part:
        case TextPart(text) | RefusalPart(text):
            return {"text": text}
        case ThinkingPart(text, signature, is_redacted):
            proof = {"thoughtSignature": wrapped(signature, is_redacted)} if signature is not None else {}
            return {"text": text, "thought": True, **proof}
        case ToolCallPart(call_id, name, arguments, signature):
            call = {"id": call_id, "name": name, "args": msgspec.Raw((arguments_object(arguments) or "{}").encode())}
            return {"functionCall": call, **({"thoughtSignature": wrapped(signature)} if signature else {})}
    raise TypeError(f"{type(part).__name__} is no part of an answer")
