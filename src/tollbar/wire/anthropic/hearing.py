"""A provider's message as events, for callers who speak another dialect, and for the meter of those who do not.

A cut, garbled or error-carrying answer raises and is never taken for complete. Sans-I/O: bytes in, events out, the same
whatever the chunks.
"""

from collections.abc import Iterator

import msgspec

from tollbar.domain.errors import StreamBroken, UpstreamFailed
from tollbar.domain.events import (
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
from tollbar.wire.anthropic import scan
from tollbar.wire.blocks import BlockHearing

REASONS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "pause_turn": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "refusal": FinishReason.CONTENT_FILTER,
}
_DONE = b"[DONE]"
_NO_INPUT = frozenset((b"null", b"{}"))


class Hearing(BlockHearing[scan.Citation]):
    """One upstream answer as it is heard."""

    def __init__(self, stream: bool) -> None:
        super().__init__(sse.Splitter() if stream else None)
        self._report: scan.Report | None = None

    def _heard(self, block: bytes) -> Iterator[StreamEvent]:
        for data in self._payloads(block):
            if data == _DONE:
                continue
            event = scan.event(data)
            match event.type:
                case "content_block_delta" if event.delta is not None:
                    yield from self._piece(event.index, event.delta)
                case "content_block_start":
                    yield from self._begun(event.index, scan.block(event.content_block))
                case "content_block_stop":
                    yield from self._closed(event.index)
                case "message_start" if event.message is not None:
                    yield Started(event.message.id, event.message.model)
                    self._note(event.message.usage)
                case "message_delta":
                    self._note(event.usage)
                    yield from self._reported()
                    if event.delta is not None:
                        yield from self._ended(event.delta)
                case "message_stop":
                    self._check_complete()
                    self.is_done = True
                    return

    def _begun(self, index: int, block: scan.Block) -> Iterator[StreamEvent]:
        opened = self._opened(index, is_call=block.type == "tool_use")
        opened.sources.extend(scan.citations(block.citations))
        match block.type:
            case "text":
                if block.text:
                    yield self._text(block.text)
            case "thinking":
                if block.thinking or block.signature:
                    yield Thinking(block.thinking, signature=block.signature or "")
            case "redacted_thinking":
                yield Thinking("", signature=block.data, is_redacted=True)
            case "tool_use" if opened.call is not None:
                yield ToolCalled(opened.call, block.id, block.name)
                if bytes(block.input) not in _NO_INPUT:
                    opened.has_arguments = True
                    yield ToolArguments(opened.call, _told(block.input))
            case _:
                yield Text("")  # content that has no word here, and content all the same

    def _piece(self, index: int, delta: scan.Delta) -> Iterator[StreamEvent]:
        if delta.text:
            yield self._text(delta.text)
        elif delta.partial_json:
            opened = self._open.get(index)
            if opened is not None and opened.call is not None:
                opened.has_arguments = True
                yield ToolArguments(opened.call, delta.partial_json)
        elif delta.thinking:
            yield Thinking(delta.thinking)
        elif delta.signature:
            yield Thinking("", signature=delta.signature)
        elif index in self._open:
            self._open[index].sources.extend(scan.citations(msgspec.Raw(b"[%b]" % bytes(delta.citation))))

    def _note(self, report: scan.Report | None) -> None:
        """Keeps what is said of usage as a stream begins.

        It is told only with its end: what was said in between is not in it, and a caller who leaves before the end
        would be charged for that alone.
        """
        if report is not None:
            self._report = report if self._report is None else scan.later(self._report, report)

    def _reported(self) -> Iterator[StreamEvent]:
        if self._report is not None:
            yield UsageSeen(scan.usage(self._report))

    def _ended(self, said: scan.Delta | scan.Document) -> Iterator[StreamEvent]:
        if said.stop_reason is None or self._is_finished:
            return
        self._is_finished = True
        if said.stop_details is not None and said.stop_details.explanation:
            yield Refused(said.stop_details.explanation)
        yield Finished(REASONS.get(said.stop_reason, FinishReason.STOP), stop_sequence=said.stop_sequence)

    def _whole(self, raw: bytes) -> list[StreamEvent]:
        try:
            return self._of_document(scan.document(raw))
        except StreamBroken as fault:
            raise UpstreamFailed(fault.message, is_retryable=True) from None

    def _of_document(self, document: scan.Document) -> list[StreamEvent]:
        if document.content is None:
            raise UpstreamFailed("The provider's answer holds no content.", is_retryable=True)
        self._note(document.usage)
        events: list[StreamEvent] = [Started(document.id, document.model), *self._reported()]
        for index, raw_block in enumerate(document.content):
            events += self._begun(index, scan.block(raw_block))
            events += self._closed(index)
        events += self._ended(document)
        if not self._is_finished:  # a whole document is whole, whether or not it says why
            events.append(Finished(FinishReason.STOP))
        return events

    def _citation(self, source: scan.Citation, start: int, end: int) -> Citation:
        url = source.url or (source.source if source.source and "://" in source.source else None)
        title = source.title or source.document_title or (source.source if url is None else None)
        return Citation(url, title, source.cited_text, start, end)


def _told(arguments: msgspec.Raw) -> str:
    """Arguments as text; raises StreamBroken for bytes that are none, which JSON's reader passes over in a part."""
    try:
        return bytes(arguments).decode()
    except UnicodeDecodeError:
        raise StreamBroken("The provider sent arguments that are no UTF-8.", is_retryable=True) from None
