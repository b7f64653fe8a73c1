"""A provider's chat completion as events, for callers who speak another dialect.

The rules are those of the relay: a cut, garbled or error-carrying answer raises and is never taken for complete.
Sans-I/O: bytes in, events out, the same whatever the chunks.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

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
from tollbar.domain.messages import Citation
from tollbar.wire import sse
from tollbar.wire.hearing import FrameHearing
from tollbar.wire.openai_chat import scan

_DONE = b"[DONE]"
_REASONS = {
    **{reason.value: reason for reason in FinishReason},
    "function_call": FinishReason.TOOL_CALLS,
    "max_tokens": FinishReason.LENGTH,
}


class Hearing(FrameHearing):
    """One upstream answer as it is heard."""

    def __init__(self, stream: bool) -> None:
        super().__init__(sse.Splitter() if stream else None)
        self._has_started = False
        self._calls: dict[int, dict[int, int]] = {}
        """The tool calls that each choice has begun: their places, by the provider's index."""
        self._finished: set[int] = set()

    def _heard(self, block: bytes) -> Iterator[StreamEvent]:
        for data in self._payloads(block):
            if data == _DONE:
                self._check_complete()
                self.is_done = True
                return
            frame = scan.read(data)
            document = _document(data)
            yield from self._start(document)
            for choice in _objects(document.get("choices")):
                yield from self._said(choice, _object(choice.get("delta")))
            if (usage := scan.usage(frame)) is not None:
                yield UsageSeen(usage)

    def _whole(self, raw: bytes) -> list[StreamEvent]:
        try:
            frame, document = scan.read(raw), _document(raw)
        except StreamBroken as fault:
            raise UpstreamFailed(fault.message, is_retryable=True) from None
        if not frame.choices:
            raise UpstreamFailed("The provider's answer holds no choice.", is_retryable=True)
        events = list(self._start(document))
        usage = scan.usage(frame)
        if usage is not None:
            events.append(UsageSeen(usage))
        for choice in _objects(document.get("choices")):
            events += self._said(choice, _object(choice.get("message")))
        missing = self._calls.keys() - self._finished  # a whole document is whole, whether or not it says why
        return [*events, *(Finished(FinishReason.STOP, index) for index in sorted(missing))]

    def _start(self, document: Mapping[str, Any]) -> Iterator[StreamEvent]:
        if not self._has_started:
            self._has_started = True
            yield Started(_text(document.get("id")), _text(document.get("model")))

    def _said(self, choice: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[StreamEvent]:
        told = choice.get("index")
        index = told if isinstance(told, int) else 0
        begun = self._calls.setdefault(index, {})
        if thought := _text(said.get("reasoning_content")) or _text(said.get("reasoning")):
            yield Thinking(thought, index)
        if text := _words(said.get("content")):
            yield Text(text, index)
        if refusal := _text(said.get("refusal")):
            yield Refused(refusal, index)
        for annotation in _objects(said.get("annotations")):
            if cited := _object(annotation.get("url_citation")):
                yield Cited(_citation(cited), index)
        for call in _objects(said.get("tool_calls")):
            yield from _called(call, begun, index)
        reason = choice.get("finish_reason")
        if reason is not None and index not in self._finished:
            self._finished.add(index)
            stopped_by = _text(choice.get("stop_reason")) or None  # as vLLM tells it
            yield Finished(_REASONS.get(str(reason), FinishReason.STOP), index, stopped_by)

    def _check_complete(self) -> None:
        if not self._calls or self._calls.keys() - self._finished:
            raise StreamBroken("The provider closed the stream before its answer was complete.", is_retryable=True)


def _called(call: Mapping[str, Any], begun: dict[int, int], choice: int) -> Iterator[StreamEvent]:
    """A piece of a tool call. Some providers leave the index out: then an id begins a call, and its absence goes on."""
    function = _object(call.get("function"))
    told = call.get("index")
    if not isinstance(told, int):
        told = len(begun) if call.get("id") or not begun else next(reversed(begun))
    if told not in begun:
        begun[told] = len(begun)
        signature = _text(_object(_object(call.get("extra_content")).get("google")).get("thought_signature"))
        yield ToolCalled(begun[told], _text(call.get("id")), _text(function.get("name")), choice, signature)
    if arguments := _text(function.get("arguments")):
        yield ToolArguments(begun[told], arguments, choice)


def _citation(cited: Mapping[str, Any]) -> Citation:
    start, end = (
        cited.get(name) if isinstance(cited.get(name), int) else None for name in ("start_index", "end_index")
    )
    return Citation(_text(cited.get("url")) or None, _text(cited.get("title")) or None, None, start, end)


def _document(data: bytes) -> Mapping[str, Any]:
    """A frame that `scan.read` has found to be an object, in what it looked at; raises StreamBroken."""
    try:
        return _object(msgspec.json.decode(data))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        try:
            return _object(json.loads(data))
        except (ValueError, RecursionError):
            raise StreamBroken("The provider sent a frame that is no JSON.", is_retryable=True) from None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _words(content: object) -> str:
    """The text of a content, which some providers give in parts."""
    return "".join(_text(part.get("text")) for part in _objects(content)) or _text(content)


def _text(value: object) -> str:
    """A text, each half of a surrogate pair in it replaced; empty where there is none."""
    if not isinstance(value, str):
        return ""
    if value.isascii():
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
