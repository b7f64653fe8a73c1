"""A call under way whose answer is heard as events: what every provider does for callers of another dialect.

A plain answer is read to its end while the call is entered, so that a broken one can still be retried.
"""

from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from tollbar.domain.events import StreamEvent
from tollbar.providers.transport import Answer

# How long a provider may take to close a stream whose content is complete; most do it in the same packet.
CLOSING_SECONDS = 0.2


class Listener(Protocol):
    """What reads a wire: bytes in, events out."""

    is_done: bool

    def feed(self, data: bytes) -> Sequence[StreamEvent]:
        """What one upstream read says; raises StreamBroken."""
        ...

    def end(self) -> Sequence[StreamEvent]:
        """What remains when the provider closed; raises when the answer is not whole."""
        ...


class Translated:
    """One call under way: the context, and the iterator that it gives."""

    def __init__(self, answer: Answer, listener: Listener, is_stream: bool) -> None:
        self._answer = answer
        self._listener = listener
        self._is_stream = is_stream
        self._waiting: deque[StreamEvent] = deque()
        self._is_over = not is_stream

    async def __aenter__(self) -> Self:
        await self._answer.__aenter__()
        if self._is_stream:
            return self
        try:
            self._waiting += self._listener.feed(await self._answer.read())
            self._waiting += self._listener.end()
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
        while not self._waiting:
            if self._is_over:
                raise StopAsyncIteration
            if self._listener.is_done:
                await self._answer.finish(CLOSING_SECONDS)
                self._is_over = True
            elif chunk := await self._answer.read_chunk():
                self._waiting += self._listener.feed(chunk)
            else:
                self._is_over = True
                self._waiting += self._listener.end()
        return self._waiting.popleft()
