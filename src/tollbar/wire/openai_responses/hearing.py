"""A provider's Responses answer as events: for callers who speak another dialect, and for the meter of a relay.

A cut, garbled, failed or unfinished answer raises and is never taken for complete. Sans-I/O: bytes in, events out, the
same whatever the chunks. What built-in tools do on the way says nothing here; their answer's words do.
"""

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
from tollbar.wire.hearing import FrameHearing
from tollbar.wire.openai_responses.items import signature_of, thought_of
from tollbar.wire.openai_responses.report import (
    citation_of,
    failure,
    mended,
    number_in,
    object_in,
    objects_in,
    read,
    text_in,
    usage_of,
)

_DONE = b"[DONE]"
_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
_ENDS = {"response.completed", "response.incomplete"}
_FAILURES = {"response.failed", "error"}
_SAID = {
    "response.output_text.delta": Text,
    "response.refusal.delta": Refused,
    "response.reasoning_summary_text.delta": Thinking,
    "response.reasoning_text.delta": Thinking,
}
_ARGUMENTS = ("response.function_call_arguments.delta", "response.custom_tool_call_input.delta")
_REASONS = {"max_output_tokens": FinishReason.LENGTH, "content_filter": FinishReason.CONTENT_FILTER}


class Hearing(FrameHearing):
    """One upstream answer as it is heard."""

    def __init__(self, stream: bool) -> None:
        super().__init__(sse.Splitter() if stream else None)
        self._has_started = False
        self._calls: dict[int, tuple[int, bool]] = {}
        """The calls that have begun, by the place of their items: their index, and whether arguments came."""
        self._spoken: set[int] = set()
        """The places of the items of which words or thoughts have been heard."""

    def _heard(self, block: bytes) -> Iterator[StreamEvent]:
        for data in self._payloads(block):
            if data == _DONE:
                continue
            step = read(data)
            kind = text_in(step, "type")
            if kind in _FAILURES or object_in(step, "error"):
                raise failure(step)
            yield from self._step(kind, step)

    def _step(self, kind: str, step: Mapping[str, Any]) -> Iterator[StreamEvent]:
        place = number_in(step, "output_index")
        if kind in _SAID:
            if text := text_in(step, "delta"):
                self._spoken.add(place)
                yield _SAID[kind](text)
        elif kind in _ARGUMENTS:
            yield from self._argued(place, text_in(step, "delta"))
        elif kind == "response.output_item.added":
            yield from self._begun(place, object_in(step, "item"))
        elif kind == "response.output_item.done":
            yield from self._item(place, object_in(step, "item"))
        elif kind == "response.reasoning_summary_part.added" and number_in(step, "summary_index"):
            yield Thinking("\n\n")
        elif kind == "response.output_text.annotation.added":
            yield from _cited(object_in(step, "annotation"))
        elif kind in _ENDS:
            response = object_in(step, "response")
            yield from self._start(response)
            yield from self._ended(response)
            self.is_done = True
        elif kind in {"response.created", "response.in_progress"}:
            yield from self._start(object_in(step, "response"))

    def _start(self, response: Mapping[str, Any]) -> Iterator[StreamEvent]:
        if not self._has_started:
            self._has_started = True
            yield Started(text_in(response, "id"), text_in(response, "model"))

    def _begun(self, place: int, item: Mapping[str, Any]) -> Iterator[StreamEvent]:
        if text_in(item, "type") in _CALLS and place not in self._calls:
            index = len(self._calls)
            self._calls[place] = index, False
            call_id = text_in(item, "call_id") or text_in(item, "id")
            yield ToolCalled(index, call_id, text_in(item, "name"), 0, mended(signature_of(item) or ""))

    def _argued(self, place: int, text: str) -> Iterator[StreamEvent]:
        if text and place in self._calls:
            index, _ = self._calls[place]
            self._calls[place] = index, True
            yield ToolArguments(index, text)

    def _item(self, place: int, item: Mapping[str, Any]) -> Iterator[StreamEvent]:
        """What a whole item says that was not said piece by piece before."""
        kind = text_in(item, "type")
        if kind in _CALLS:
            yield from self._begun(place, item)
            if not self._calls[place][1]:
                yield from self._argued(place, text_in(item, _CALLS[kind]))
        elif kind == "reasoning":
            text = mended(thought_of(item))
            if text and place not in self._spoken:
                yield Thinking(text)
            if signature := text_in(item, "encrypted_content"):
                yield Thinking("", 0, signature, is_redacted=not text)
        elif kind == "message" and place not in self._spoken:
            yield from _words(item)
        self._spoken.add(place)

    def _ended(self, response: Mapping[str, Any]) -> Iterator[StreamEvent]:
        if (usage := usage_of(response)) is not None:
            yield UsageSeen(usage)
        told = text_in(object_in(response, "incomplete_details"), "reason")
        usual = FinishReason.TOOL_CALLS if self._calls else FinishReason.STOP
        usual = FinishReason.LENGTH if response.get("status") == "incomplete" else usual
        yield Finished(_REASONS.get(told, usual))

    def _whole(self, raw: bytes) -> list[StreamEvent]:
        try:
            response = read(raw)
        except StreamBroken as fault:
            raise UpstreamFailed(fault.message, is_retryable=True) from None
        if object_in(response, "error") or response.get("status") == "failed":
            raise UpstreamFailed(failure(response).message, is_retryable=True)
        if not isinstance(response.get("output"), list):
            raise UpstreamFailed("The provider's answer is no response: it has no output.", is_retryable=True)
        events = list(self._start(response))
        for place, item in enumerate(objects_in(response, "output")):
            events += self._item(place, item)
        return [*events, *self._ended(response)]


def _words(item: Mapping[str, Any]) -> Iterator[StreamEvent]:
    for part in objects_in(item, "content"):
        if text := text_in(part, "text"):
            yield Text(text)
        if refusal := text_in(part, "refusal"):
            yield Refused(refusal)
        for annotation in objects_in(part, "annotations"):
            yield from _cited(annotation)


def _cited(annotation: Mapping[str, Any]) -> Iterator[StreamEvent]:
    if annotation.get("type") == "url_citation":
        yield Cited(citation_of(annotation))
