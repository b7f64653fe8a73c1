"""A provider's answer in Ollama's wire as events: of a chat, or of a text, which differ in where the words stand.

A cut, garbled or error-carrying answer raises and is never taken for complete: only `done: true` makes it whole.
Sans-I/O: bytes in, events out, the same whatever the chunks.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tollbar.domain.errors import StreamBroken, UpstreamFailed
from tollbar.domain.events import (
    Finished,
    FinishReason,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolArguments,
    ToolCalled,
    UsageSeen,
)
from tollbar.domain.usage import Usage, possible
from tollbar.wire import ndjson
from tollbar.wire.hearing import FrameHearing
from tollbar.wire.writing import encoded

_REASONS = {reason.value: reason for reason in FinishReason}


class Hearing(FrameHearing):
    """One upstream answer as it is heard."""

    def __init__(self, stream: bool) -> None:
        super().__init__(ndjson.Splitter() if stream else None)
        self._has_started = False
        self._calls = 0

    def _heard(self, block: bytes) -> Iterator[StreamEvent]:
        for line in self._payloads(block):
            yield from self._said(_document(line))

    def _whole(self, raw: bytes) -> list[StreamEvent]:
        try:
            events = list(self._said(_document(raw)))
        except StreamBroken as fault:
            raise UpstreamFailed(fault.message, is_retryable=True) from None
        if not self.is_done:
            raise UpstreamFailed("The provider's answer is not complete.", is_retryable=True)
        return events

    def _said(self, told: Mapping[str, Any]) -> Iterator[StreamEvent]:
        if "error" in told:
            raise StreamBroken(f"The provider failed: {str(told['error'])[:200]}", is_retryable=True)
        if not self._has_started:
            self._has_started = True
            yield Started("", _text(told.get("model")))
        message = told.get("message")
        said = message if isinstance(message, dict) else told
        if thought := _text(said.get("thinking")):
            yield Thinking(thought)
        if text := _text(said.get("content" if said is message else "response")):
            yield Text(text)
        calls = said.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            yield from self._called(call)
        if told.get("done") is True:
            self.is_done = True
            yield UsageSeen(Usage(_count(told.get("prompt_eval_count")), _count(told.get("eval_count"))))
            yield Finished(self._reason(told.get("done_reason")))

    def _called(self, call: object) -> Iterator[StreamEvent]:
        """A call of a tool, which comes in one piece. Older servers give it no id."""
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(call, dict) or not isinstance(function, dict):
            return
        index, self._calls = self._calls, self._calls + 1
        yield ToolCalled(index, _text(call.get("id")) or f"call_{index + 1}", _text(function.get("name")))
        arguments = function.get("arguments")
        text = _text(arguments) if isinstance(arguments, str) else encoded(arguments or {}).decode()
        yield ToolArguments(index, text)

    def _reason(self, told: object) -> FinishReason:
        reason = _REASONS.get(str(told), FinishReason.STOP)
        return FinishReason.TOOL_CALLS if reason is FinishReason.STOP and self._calls else reason


def _document(data: bytes) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        found = _leniently(data)
    if not isinstance(found, dict):
        raise StreamBroken("The provider sent something that is no JSON object.", is_retryable=True)
    return found


def _leniently(data: bytes) -> object:
    """What msgspec refuses and JSON allows: a lone surrogate."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise StreamBroken("The provider sent something that is no JSON.", is_retryable=True) from None


def _text(value: object) -> str:
    """A text, each half of a surrogate pair in it replaced; empty where there is none."""
    if not isinstance(value, str):
        return ""
    if value.isascii():
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _count(value: object) -> int:
    return possible(value) if isinstance(value, int) and not isinstance(value, bool) else 0
