"""Google's answers, whole and streamed, written from events that no relay could pass through.

A tool's call is told whole, its arguments an object; so a stream tells the calls of a choice once all are there, and
its end, with the usage, once everything is.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
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
"""Words for declining have no place of their own here: they are text, and the end is the one of what is not safe."""
Object = dict[str, Any]


class ChunkEncoder:
    """Writes a stream of answers as events."""

    def __init__(self, request: CompletionRequest, stamp: Stamp) -> None:
        self._id = stamp.request_id
        self._model = request.model
        self._shows_thoughts = request.shows_thoughts
        self._usage = Usage()
        self._kept: dict[int, list[StreamEvent]] = defaultdict(list)
        """What is told of a choice at its end: calls, sources and the end itself."""
        self._texts: dict[int, list[str]] = defaultdict(list)
        self._declined: set[int] = set()

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
                if isinstance(event, Refused):
                    self._declined.add(choice)
                return self._candidates([_candidate(choice, [{"text": text}])])
            case Thinking(text, choice, signature, is_redacted):
                thought = _shown(ThinkingPart(text, signature or None, is_redacted), self._shows_thoughts)
                return self._candidates([_candidate(choice, [thought])]) if thought is not None else None
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
        if choice in self._declined:
            answer = replace(answer, parts=(*answer.parts, RefusalPart("")))
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
        _ended(
            answer,
            [cited for part in answer.parts if isinstance(part, TextPart) for cited in part.citations],
            shows_thoughts=request.shows_thoughts,
        )
        for answer in completion.answers
    ]
    head = {"modelVersion": completion.model or request.model, "responseId": stamp.request_id}
    return encoded({"candidates": candidates, "usageMetadata": usage_metadata(completion.usage), **head})


def _ended(answer: Answer, cited: Sequence[Citation], said: str | None = None, shows_thoughts: bool = True) -> Object:
    """A candidate with its end. A call whose arguments are no object is Google's malformed one, told in words."""
    malformed = [
        part for part in answer.parts if isinstance(part, ToolCallPart) and arguments_object(part.arguments) is None
    ]
    told = (part for part in answer.parts if part not in malformed and part != RefusalPart(""))
    parts = [shown for part in told if (shown := _shown(part, shows_thoughts)) is not None]
    candidate = _candidate(answer.index, parts)
    reason = answer.reason or FinishReason.STOP
    if reason is FinishReason.STOP and any(isinstance(part, RefusalPart) for part in answer.parts):
        reason = FinishReason.CONTENT_FILTER
    candidate["finishReason"] = _REASONS[reason]
    if malformed:
        candidate["finishReason"] = "MALFORMED_FUNCTION_CALL"
        candidate["finishMessage"] = f"Malformed function call: {malformed[0].name}({malformed[0].arguments[:500]})"
    if cited:
        candidate["groundingMetadata"] = grounding_metadata(cited, answer.text if said is None else said)
    return candidate


def _candidate(index: int, parts: Sequence[Mapping[str, object]]) -> Object:
    return {"content": {"parts": parts, "role": "model"}, "index": index}


def _shown(part: Part, shows_thoughts: bool) -> Object | None:
    """A part; of a thought that is not to be shown only its proof, which belongs to a part without words."""
    if shows_thoughts or not isinstance(part, ThinkingPart):
        return _part(part)
    if part.signature is None:
        return None
    return {"text": "", "thoughtSignature": wrapped(part.signature, part.is_redacted)}


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
