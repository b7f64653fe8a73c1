"""The wire to our own engines: as OpenAI's, but so that the engine notices at once when nobody wants its answer.

llama.cpp's server looks whether its caller is still there when it writes, and otherwise once a second at best: while
it gives anybody else a token, never. So a chat is asked for as a stream that tells of its progress with the prompt,
whatever the caller wants, and the engine stops at the next token, or at the next piece of the prompt. Who wants one
document is given what the chunks amount to, and nobody is shown progress that he did not ask for.
"""

from dataclasses import replace

from tollbar.domain.errors import StreamBroken, UpstreamFailed
from tollbar.providers.quirks import Members, rewrite
from tollbar.providers.transport import Answer, Endpoint, Transport
from tollbar.providers.transport.limits import Limits
from tollbar.wire import sse
from tollbar.wire.openai_chat.gathering import gather
from tollbar.wire.openai_chat.relay import Relay

CHATS = "/chat/completions"
PROGRESS = b'"prompt_progress":'
"""What tells a chunk about the prompt from all others; inside a string of JSON its quotes would be escaped."""
ASKS_FOR_PROGRESS = b'"return_progress"'


class EngineTransport(Transport):
    """Calls engines; an async context manager, as any transport."""

    def _answer(self, to: Endpoint, body: bytes, limits: Limits) -> Answer:
        """A chat is always asked for as a stream."""
        if not to.url.endswith(CHATS) or (limits.is_stream and ASKS_FOR_PROGRESS in body):
            return super()._answer(to, body, limits)
        kind, changes = (QuietAnswer, (_watched,)) if limits.is_stream else (GatheredAnswer, (_streamed, _watched))
        address = self._address("POST", to, body)
        streamed = replace(limits, is_stream=True)
        return kind(self._open_pool, address, rewrite(body, changes), to.peer, streamed, self._clock)


class QuietAnswer(Answer):
    """A stream without what the engine tells of the prompt, which comes before all else."""

    _held = b""
    _has_begun = False

    async def read_chunk(self) -> bytes:
        """The bytes that have arrived, b"" at the end; raises as any answer does."""
        while data := await super().read_chunk():
            if self._has_begun:
                return data
            self._held += data
            if passed := self._passed():
                return passed
        held, self._held = self._held, b""
        return held

    def _passed(self) -> bytes:
        """What has come, from the first chunk on that tells of something else than progress."""
        while (end := self._held.find(b"\n\n") + 2) > 1:
            if PROGRESS not in self._held[:end]:
                self._has_begun = True
                passed, self._held = self._held, b""
                return passed
            self._held = self._held[end:]
        return b""


class GatheredAnswer(Answer):
    """A stream as the document that it amounts to."""

    async def read(self) -> bytes:
        """The whole document; raises UpstreamFailed when it is cut, UpstreamTimeout when it takes too long."""
        relay, pieces = Relay(stream=True, hide_usage=False), list[bytes]()
        try:
            while not relay.is_done and (chunk := await self.read_chunk()):
                if frames := relay.feed(chunk):
                    pieces.append(frames.raw)
            relay.end()
        except StreamBroken as fault:
            raise UpstreamFailed(fault.message, is_retryable=True) from fault
        payloads = sse.payloads(b"".join(pieces))
        return gather(payload for payload in payloads if payload and payload.startswith(b"{"))


def _streamed(members: Members) -> Members:
    return {**members, "stream": b"true", "stream_options": b'{"include_usage":true}'}


def _watched(members: Members) -> Members:
    return {**members, "return_progress": b"true"}
