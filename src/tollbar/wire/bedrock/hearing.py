"""Converse's answer as events: a document, or a binary stream of messages.

An answer is whole when it has said why it ended; what it consumed comes after that. A cut, garbled or error-carrying
answer raises and is never taken for complete. Sans-I/O: bytes in, events out, the same whatever the chunks.
"""

from collections.abc import Iterator, Mapping
from typing import Any

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
from tollbar.domain.messages import Citation
from tollbar.domain.usage import Usage, possible
from tollbar.wire.bedrock.eventstream import Message, Splitter, messages
from tollbar.wire.bedrock.faults import fault_of
from tollbar.wire.blocks import BlockHearing, Open
from tollbar.wire.loose import an_object, count, document, json_text, objects, text

_REASONS = {
    "max_tokens": FinishReason.LENGTH,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "guardrail_intervened": FinishReason.CONTENT_FILTER,
    "content_filtered": FinishReason.CONTENT_FILTER,
    "refusal": FinishReason.CONTENT_FILTER,
}
_ASTRAY = frozenset(("malformed_model_output", "malformed_tool_use"))
"""Ends by which Bedrock says that the model went astray: that is no answer."""
_UNTELLABLE = ("image", "audio", "video", "document")
"""What an answer may hold that no caller's dialect could be told; without it, it would be another answer."""
_SERVERS = "server_tool_use"
"""A call that the provider answers by itself."""


class Hearing(BlockHearing[Mapping[str, Any]]):
    """One upstream answer as it is heard."""

    def __init__(self, stream: bool) -> None:
        super().__init__(Splitter() if stream else None)
        self._of_servers: set[int] = set()
        """The places of calls that the provider answers by itself."""

    def _heard(self, block: bytes) -> Iterator[StreamEvent]:
        for message in messages(block):
            kind, told = _event(message)
            index = count(told.get("contentBlockIndex"))
            match kind:
                case "contentBlockDelta":
                    yield from self._piece(index, an_object(told.get("delta")))
                case "contentBlockStart":
                    yield from self._begun(index, an_object(told.get("start")))
                case "contentBlockStop":
                    yield from self._closed(index)
                case "messageStart":
                    yield Started("", "")
                case "messageStop":
                    yield from self._ended(told)
                case "metadata":
                    yield from _usage(told)
                    self.is_done = self._is_finished
            if self.is_done:
                return

    def _at(self, index: int) -> Open[Mapping[str, Any]]:
        """The block of that place; only calls are told to begin."""
        return self._open.get(index) or self._opened(index)

    def _begun(self, index: int, start: Mapping[str, Any]) -> Iterator[StreamEvent]:
        self._refuse_untellable(start)
        call = an_object(start.get("toolUse"))
        is_servers = text(call.get("type")) == _SERVERS or "toolResult" in start
        opened = self._opened(index, is_call=bool(call) and not is_servers)
        self._of_servers.discard(index)
        if is_servers:
            self._of_servers.add(index)
            yield Text("")  # content that has no word here, and content all the same
        elif opened.call is not None:
            yield ToolCalled(opened.call, text(call.get("toolUseId")), text(call.get("name")))

    def _piece(self, index: int, delta: Mapping[str, Any]) -> Iterator[StreamEvent]:
        self._refuse_untellable(delta)
        if said := text(delta.get("text")):
            self._at(index)
            yield self._text(said)
        elif "toolUse" in delta:
            opened = self._at(index)
            if opened.call is None and index not in self._of_servers:
                raise StreamBroken("The provider sent arguments of a call that did not begin.", is_retryable=True)
            if opened.call is not None and (said := text(an_object(delta["toolUse"]).get("input"))):
                opened.has_arguments = True
                yield ToolArguments(opened.call, said)
        elif thought := an_object(delta.get("reasoningContent")):
            yield from _thought(thought, thought)
        elif source := an_object(delta.get("citation")):
            self._at(index).sources.append(source)

    def _refuse_untellable(self, told: Mapping[str, Any]) -> None:
        kind = next((name for name in _UNTELLABLE if name in told), None)
        if kind is not None:
            raise StreamBroken(f"The provider's answer holds {kind!r}, which cannot be told here.")

    def _ended(self, told: Mapping[str, Any]) -> Iterator[StreamEvent]:
        if self._is_finished:
            return
        for index in sorted(self._open):
            yield from self._closed(index)
        self._is_finished = True
        reason = text(told.get("stopReason"))
        if reason in _ASTRAY:
            raise StreamBroken(f"The model went astray ({reason}).", is_retryable=True)
        stop = text(an_object(told.get("additionalModelResponseFields")).get("stop_sequence")) or None
        yield Finished(_REASONS.get(reason, FinishReason.STOP), stop_sequence=stop)

    def _whole(self, raw: bytes) -> list[StreamEvent]:
        try:
            told = an_object(document(raw))
            content = an_object(an_object(told.get("output")).get("message")).get("content")
            if not isinstance(content, list):
                raise UpstreamFailed("The provider's answer holds no content.", is_retryable=True)
            events: list[StreamEvent] = [Started("", "")]
            for index, block in enumerate(objects(content)):
                events += self._block(index, block)
            return [*events, *_usage(told), *self._ended(told)]
        except StreamBroken as fault:
            raise UpstreamFailed(fault.message, is_retryable=fault.is_retryable) from None

    def _block(self, index: int, block: Mapping[str, Any]) -> Iterator[StreamEvent]:
        """A block of a document, which is whole."""
        self._refuse_untellable(block)
        opened = self._at(index)
        if said := text(block.get("text")):
            yield self._text(said)
        elif "toolUse" in block or "toolResult" in block:
            yield from self._begun(index, block)
            opened = self._open[index]
            if opened.call is not None:
                opened.has_arguments = True
                yield ToolArguments(opened.call, json_text(an_object(an_object(block["toolUse"]).get("input"))))
        elif thought := an_object(block.get("reasoningContent")):
            yield from _thought(an_object(thought.get("reasoningText")), thought)
        elif cited := an_object(block.get("citationsContent")):
            for piece in objects(cited.get("content")):
                yield self._text(text(piece.get("text")))
            opened.sources.extend(objects(cited.get("citations")))
        yield from self._closed(index)

    def _citation(self, source: Mapping[str, Any], start: int, end: int) -> Citation:
        named = text(source.get("source"))
        web = an_object(an_object(source.get("location")).get("web"))
        url = text(web.get("url")) or (named if "://" in named else "")
        title = text(source.get("title")) or ("" if url == named else named)
        quote = "".join(text(piece.get("text")) for piece in objects(source.get("sourceContent")))
        return Citation(url or None, title or None, quote or None, start, end)


def _event(message: Message) -> tuple[str, Mapping[str, Any]]:
    """What kind of event a message is, and what it says; raises what an exception stands for."""
    headers = message.headers
    kind = headers.get(":message-type", "event")
    if kind == "error":
        raise fault_of(headers.get(":error-code", ""), headers.get(":error-message", ""))
    if kind == "exception":
        try:
            told = an_object(document(message.payload))
        except StreamBroken:
            told = {}
        raise fault_of(headers.get(":exception-type", ""), text(told.get("message")) or text(told.get("Message")))
    told = document(message.payload)
    if not isinstance(told, dict):
        raise StreamBroken("The provider sent a frame that is no JSON object.", is_retryable=True)
    return headers.get(":event-type", ""), told


def _thought(said: Mapping[str, Any], thought: Mapping[str, Any]) -> Iterator[StreamEvent]:
    """A piece of the model's thoughts, or all of one: `said` has the words and their proof."""
    if hidden := text(thought.get("redactedContent")):
        yield Thinking("", signature=hidden, is_redacted=True)
    words, proof = text(said.get("text")), text(said.get("signature"))
    if words or proof:
        yield Thinking(words, signature=proof)


def _usage(told: Mapping[str, Any]) -> Iterator[StreamEvent]:
    """The report, in the one reading of tokens: what was cached is a part of the prompt, and here it is not."""
    usage = an_object(told.get("usage"))
    if not usage:
        return
    names = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
    prompt, said, read, written = (possible(count(usage.get(name))) for name in names)
    yield UsageSeen(Usage(prompt + read + written, said, read, written))
