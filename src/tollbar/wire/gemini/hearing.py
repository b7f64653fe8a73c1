"""A provider's `generateContent` answer as events: for callers who speak another dialect, and for the meter.

A stream has no end mark: it is whole when it ends and every candidate has said why. A cut, garbled or error-carrying
answer raises and is never taken for complete. Sans-I/O: bytes in, events out, the same whatever the chunks.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tollbar.domain.errors import StreamBroken, UpstreamFailed
from tollbar.domain.events import (
    Cited,
    Finished,
    FinishReason,
    Refused,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolArguments,
    ToolCalled,
    UsageSeen,
)
from tollbar.wire import sse
from tollbar.wire.gemini.grounding import citations
from tollbar.wire.gemini.usage import read_usage
from tollbar.wire.hearing import FrameHearing
from tollbar.wire.loose import an_object, count, document, json_text, objects, text

_FILTERED = ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "ESCALATION")
_REASONS = {
    "MAX_TOKENS": FinishReason.LENGTH,
    **dict.fromkeys(_FILTERED, FinishReason.CONTENT_FILTER),
    **dict.fromkeys((f"IMAGE_{word}" for word in _FILTERED), FinishReason.CONTENT_FILTER),
}
_BROKEN = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
    }
)
"""Ends by which Google says that the model went astray. Its own callers are told; for all others it is no answer."""
_TELLING = ("text", "functionCall", "thoughtSignature")


class Hearing(FrameHearing):
    """One upstream answer as it is heard; `passes` says that its bytes go to a caller who reads them for himself."""

    def __init__(self, stream: bool, passes: bool = False) -> None:
        super().__init__(sse.Splitter() if stream else None)
        self._passes = passes
        self._id = ""
        self._has_started = False
        self._seen: set[int] = set()
        self._finished: set[int] = set()
        self._calls: dict[int, int] = defaultdict(int)
        self._texts: dict[int, list[str]] = defaultdict(list)

    def _heard(self, block: bytes) -> Iterator[StreamEvent]:
        for frame in sse.frames(block):
            (data,) = sse.payloads(frame)
            if data is None:
                bare = frame.strip()
                if not bare.startswith((b"{", b"[")):
                    continue
                data = bare  # Google tells of an error in the middle without `data:`
            yield from self._told(document(data))

    def _whole(self, raw: bytes) -> list[StreamEvent]:
        try:
            events = list(self._told(document(raw)))
        except StreamBroken as fault:
            raise UpstreamFailed(fault.message, is_retryable=fault.is_retryable) from None
        if not self._seen:
            raise UpstreamFailed("The provider's answer holds no candidate.", is_retryable=True)
        missing = self._seen - self._finished  # a whole document is whole, whether or not it says why
        return [*events, *(Finished(self._reason("STOP", index), index) for index in sorted(missing))]

    def _told(self, told: object) -> Iterator[StreamEvent]:
        if isinstance(told, list) and len(told) == 1:
            told = told[0]
        if not isinstance(told, dict):
            raise StreamBroken("The provider sent a frame that is no JSON object.", is_retryable=True)
        if (error := told.get("error")) is not None:
            message = text(an_object(error).get("message")) or str(error)
            raise StreamBroken(f"The provider answered with an error: {message[:300]}", is_retryable=True)
        if not self._has_started:
            self._has_started, self._id = True, text(told.get("responseId"))
            yield Started(self._id, text(told.get("modelVersion")))
        for candidate in objects(told.get("candidates")):
            yield from self._said(candidate)
        if (blocked := an_object(told.get("promptFeedback"))).get("blockReason") and not self._seen:
            yield from self._blocked(blocked)
        if usage := an_object(told.get("usageMetadata")):
            yield UsageSeen(read_usage(usage))

    def _blocked(self, feedback: Mapping[str, Any]) -> Iterator[StreamEvent]:
        """The prompt was not let through: there is no candidate, and no other will come."""
        self._seen.add(0)
        self._finished.add(0)
        if words := text(feedback.get("blockReasonMessage")):
            yield Refused(words)
        yield Finished(FinishReason.CONTENT_FILTER)

    def _said(self, candidate: Mapping[str, Any]) -> Iterator[StreamEvent]:
        index = count(candidate.get("index"))
        self._seen.add(index)
        for part in objects(an_object(candidate.get("content")).get("parts")):
            yield from self._part(part, index)
        if not self._passes:
            said = "".join(self._texts[index])
            yield from (Cited(citation, index) for citation in citations(candidate, said))
        told = candidate.get("finishReason")
        reason = str(told or "")
        if reason and index not in self._finished:
            self._finished.add(index)
            if reason in _BROKEN and not self._passes:
                message = f"The model went astray ({reason}): {text(candidate.get('finishMessage'))[:200]}"
                raise StreamBroken(message.removesuffix(": "), is_retryable=True)
            yield Finished(self._reason(reason, index), index)

    def _part(self, part: Mapping[str, Any], choice: int) -> Iterator[StreamEvent]:
        words, signature = text(part.get("text")), text(part.get("thoughtSignature"))
        if call := an_object(part.get("functionCall")):
            yield from self._call(call, signature, choice)
        elif part.get("thought") is True:
            yield Thinking(words, choice, signature)
        else:
            if not self._passes and not any(name in part for name in _TELLING):
                kind = next(iter(part), "nothing")
                raise StreamBroken(f"The provider's answer holds {kind[:64]!r}, which only its own dialect can say.")
            if words:
                yield Text(words, choice)
                self._texts[choice] += () if self._passes else (words,)
            if signature:
                yield Thinking("", choice, signature)

    def _call(self, call: Mapping[str, Any], signature: str, choice: int) -> Iterator[StreamEvent]:
        """A tool's call, which comes whole; some models give it no id, and then it gets one that is its own."""
        index = self._calls[choice]
        self._calls[choice] += 1
        call_id = text(call.get("id")) or "_".join(filter(None, ("call", self._id, str(choice), str(index))))
        yield ToolCalled(index, call_id, text(call.get("name")), choice, signature)
        yield ToolArguments(index, json_text(an_object(call.get("args"))), choice)

    def _reason(self, told: str, choice: int) -> FinishReason:
        if told in _REASONS:
            return _REASONS[told]
        return FinishReason.TOOL_CALLS if self._calls[choice] else FinishReason.STOP

    def _check_complete(self) -> None:
        if not self._seen or self._seen - self._finished:
            raise StreamBroken("The provider closed the stream before its answer was complete.", is_retryable=True)
