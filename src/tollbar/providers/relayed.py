"""A call under way whose answer is passed on in the provider's own bytes: what every provider does for its own dialect.

A plain answer is read to its end while the call is entered, so that a broken one can still be retried.
"""

from types import TracebackType
from typing import Protocol, Self

from tollbar.domain.events import Frames, StreamEvent
from tollbar.providers.transport import Answer

# How long a provider may take to close a stream whose content is complete; most do it in the same packet.
CLOSING_SECONDS = 0.2


class Passing(Protocol):
    """What reads a wire on its way through: bytes in, the same bytes out with what the meter must know."""

    @property
    def is_done(self) -> bool:
        """Whether the provider has said that nothing more will come."""
        ...

    def feed(self, data: bytes) -> Frames | None:
        """The whole frames in one upstream read, None when there is none yet; raises StreamBroken."""
        ...

    def end(self) -> Frames | None:
        """What remains when the provider closed, the document of a plain answer; raises when it is not whole."""
        ...


class Relayed:
    """One call under way: the context, and the iterator that it gives."""

    def __init__(self, answer: Answer, relay: Passing, is_stream: bool) -> None:
        self._answer = answer
        self._relay = relay
        self._is_stream = is_stream
        self._whole: Frames | None = None
        self._is_over = False

    async def __aenter__(self) -> Self:
        await self._answer.__aenter__()
        if self._is_stream:
            return self
        try:
            self._relay.feed(await self._answer.read())
            self._whole = self._relay.end()
        except BaseException:
            self._answer.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._answer.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamEvent:
        if not self._is_stream:
            whole, self._whole = self._whole, None
            if whole is None:
                raise StopAsyncIteration
            return whole
        while not self._is_over:
            if self._relay.is_done:
                await self._answer.finish(CLOSING_SECONDS)
                break
            if chunk := await self._answer.read_chunk():
                frames = self._relay.feed(chunk)
            else:
                self._is_over = True
                frames = self._relay.end()
            if frames is not None:
                return frames
        self._is_over = True
        raise StopAsyncIteration
