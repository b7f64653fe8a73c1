"""A call under way whose answer is heard as events: what every provider does for callers of another dialect.

A plain answer is read to its end while the call is entered, so that a broken one can still be retried.
"""

from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from tollbar.domain.events import Dropped, StreamEvent
from tollbar.providers.relayed import CLOSING_SECONDS
from tollbar.providers.transport import Answer
from tollbar.wire.hearing import Listener


class Translated:
    """One call under way: the context, and the iterator that it gives. What the request lost is told first."""

    def __init__(self, answer: Answer, listener: Listener, is_stream: bool, dropped: Sequence[str] = ()) -> None:
        self._answer = answer
        self._listener = listener
        self._is_stream = is_stream
        self._waiting: deque[StreamEvent] = deque([Dropped(tuple(dropped))] if dropped else ())
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
