"""Watches the events of an answer pass: what was delivered, when the first of it came, what the provider reported.

Two guarantees about durability: no event is handed on before the hold is committed, and the last one not before the
settlement is, which says all that the hold does. So a caller never has an answer that the ledger does not know.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Self

from tollbar.domain.errors import StreamBroken, UpstreamError
from tollbar.domain.events import Finished, Frames, Said, StreamEvent, UsageSeen, output_bytes
from tollbar.domain.usage import Usage, merge
from tollbar.gateway.hold import Hold
from tollbar.gateway.visit import Visit
from tollbar.ports.clock import Clock


class Metered:
    """The same events; raises StreamBroken when they end before a choice that was begun is finished.

    A class, because a generator that few events pass costs more than they do.
    """

    __slots__ = ("_clock", "_events", "_hold", "_unfinished", "_visit")

    def __init__(self, events: AsyncIterator[StreamEvent], hold: Hold, visit: Visit, clock: Clock) -> None:
        self._events = events
        self._hold = hold
        self._visit = visit
        self._clock = clock
        self._unfinished: set[int] | None = None  # a relayed answer never needs it

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamEvent:
        visit, hold = self._visit, self._hold
        if hold.is_written or visit.finish is not None:
            with suppress(UpstreamError):  # the answer is whole: how its connection ends is nobody's business
                async for _ in self._events:
                    pass
            raise StopAsyncIteration
        try:
            event = await anext(self._events)
        except StopAsyncIteration:
            if self._unfinished:
                raise StreamBroken("The provider closed the stream before its answer was complete.") from None
            await hold.finish()
            raise
        is_frames = isinstance(event, Frames)
        # Before anything is noted as delivered: who leaves here, or is refused, has been given nothing.
        if not visit.is_held and not (is_frames and event.is_last):
            await hold.committed()
        if not is_frames:
            self._note(event)
            return event
        visit.output_bytes += event.output_bytes
        if event.usage is not None:
            _report(visit, event.usage)
        if event.is_last:
            await hold.finish()
        if visit.first_token_at is None and event.is_content:
            visit.first_token_at = self._clock.monotonic()
        return event

    def _note(self, event: StreamEvent) -> None:
        """Takes note of an event that was told, not relayed."""
        visit = self._visit
        match event:
            case Finished():
                if self._unfinished is not None:
                    self._unfinished.discard(event.choice)
            case UsageSeen():
                _report(visit, event.usage)
            case _ if isinstance(event, Said):
                self._unfinished = self._unfinished or set()
                self._unfinished.add(event.choice)
                visit.output_bytes += output_bytes(event)
                if visit.first_token_at is None:
                    visit.first_token_at = self._clock.monotonic()
            case _:
                pass


def _report(visit: Visit, usage: Usage) -> None:
    visit.reported = merge(visit.reported, usage) if visit.reported is not None else usage
