"""Watches the events of an answer pass: what was delivered, when the first of it came, what the provider reported.

Two guarantees about durability: no event is handed on before the hold is committed, and the last one not before the
settlement is, which says all that the hold does. So a caller never has an answer that the ledger does not know.
"""

from collections.abc import AsyncIterator
from contextlib import suppress

from tollbar.domain.errors import StreamBroken, UpstreamError
from tollbar.domain.events import Finished, Frames, Said, StreamEvent, UsageSeen, output_bytes
from tollbar.domain.usage import Usage, merge
from tollbar.gateway.hold import Hold
from tollbar.gateway.visit import Visit
from tollbar.ports.clock import Clock


async def metered(
    events: AsyncIterator[StreamEvent], hold: Hold, visit: Visit, clock: Clock
) -> AsyncIterator[StreamEvent]:
    """The same events; raises StreamBroken when they end before a choice that was begun is finished."""
    unfinished: set[int] | None = None  # a relayed answer never needs it
    async for event in events:
        # Before anything is noted as delivered: who leaves here, or is refused, has been given nothing.
        if not visit.is_held and not (isinstance(event, Frames) and event.is_last):
            await hold.committed()
        match event:
            case Frames():
                visit.output_bytes += event.output_bytes
                if event.usage is not None:
                    _report(visit, event.usage)
                if event.is_last:
                    await hold.finish()
                if visit.first_token_at is None and event.is_content:
                    visit.first_token_at = clock.monotonic()
            case Finished():
                if unfinished is not None:
                    unfinished.discard(event.choice)
            case UsageSeen():
                _report(visit, event.usage)
            case _ if isinstance(event, Said):
                unfinished = unfinished or set()
                unfinished.add(event.choice)
                visit.output_bytes += output_bytes(event)
                if visit.first_token_at is None:
                    visit.first_token_at = clock.monotonic()
            case _:
                pass
        yield event
        if hold.is_written or visit.finish is not None:
            with suppress(UpstreamError):  # the answer is whole: how its connection ends is nobody's business
                async for _ in events:
                    pass
            return
    if unfinished:
        raise StreamBroken("The provider closed the stream before its answer was complete.")
    await hold.finish()


def _report(visit: Visit, usage: Usage) -> None:
    visit.reported = merge(visit.reported, usage) if visit.reported is not None else usage
