"""Providers that answer calls as the simulation's chance has it: well, late, cut, never, or not at all."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from tests.simulation.world import World
from tollbar.domain.catalogue import Call
from tollbar.domain.errors import (
    StreamBroken,
    UpstreamBusy,
    UpstreamError,
    UpstreamFailed,
    UpstreamRejected,
    UpstreamTimeout,
)
from tollbar.domain.events import Finished, FinishReason, Frames, Started, StreamEvent, Text, UsageSeen
from tollbar.domain.usage import Usage
from tollbar.ports.clock import Clock

REFUSALS: tuple[Callable[[], UpstreamError], ...] = (
    lambda: UpstreamFailed("failed", is_retryable=True),
    lambda: UpstreamFailed("failed for good"),
    lambda: UpstreamBusy("busy", is_retryable=True, retry_after_seconds=1),
    lambda: UpstreamRejected("your fault"),
)
STALLS_FROM, STALLS_TO = 2.0, 40.0


class Answering:
    """`ports.Provider` of one process."""

    def __init__(self, world: World, clock: Clock, unreliability: float) -> None:
        self._chance = world.chance
        self._network = world.network
        self._clock = clock
        self._unreliability = unreliability

    @asynccontextmanager
    async def open(self, call: Call) -> AsyncIterator[AsyncIterator[StreamEvent]]:
        """See `ports.Provider`."""
        await self._clock.sleep(self._chance.uniform(0.001, 0.3))
        if self._network.happens(0.05):
            await self._stall(call)
        if self._chance.random() < self._unreliability / 2:
            raise self._chance.choice(REFUSALS)()
        yield self._say(call, self._events(call.request.stream and self._chance.random() < 0.5))

    async def models(self) -> Sequence[str]:
        """None by name."""
        return ()

    async def _say(self, call: Call, events: Sequence[StreamEvent]) -> AsyncIterator[StreamEvent]:
        chance = self._chance
        breaks_at = chance.randrange(len(events) + 1) if chance.random() < self._unreliability else len(events)
        pace = chance.choice((0.0, 0.01, 0.2, 1.0))
        for place, event in enumerate(events):
            if place == breaks_at:
                await self._break(call)
            await self._clock.sleep(chance.uniform(0.0, pace) if pace else 0.0)
            yield event
        if self._network.happens(0.1):  # behind the last word
            raise StreamBroken("cut", is_retryable=True)

    async def _break(self, call: Call) -> None:
        """The connection is cut, or says nothing more until somebody's patience ends."""
        if self._chance.random() < 0.6:
            raise StreamBroken("cut", is_retryable=True)
        await self._stall(call)

    async def _stall(self, call: Call) -> None:
        left = call.deadline - self._clock.monotonic()
        await self._clock.sleep(min(max(0.0, left), self._chance.uniform(STALLS_FROM, STALLS_TO)))
        raise UpstreamTimeout("late", is_retryable=True)

    def _events(self, is_told: bool) -> Sequence[StreamEvent]:
        """A whole answer: relayed as it came, or told in events; its usage is reported, or is not."""
        chance = self._chance
        usage = Usage(chance.randrange(1, 60), chance.randrange(1, 60)) if chance.random() < 0.7 else None
        count = chance.randrange(1, 5)
        if is_told:
            reported = [UsageSeen(usage)] if usage else []
            pieces = [Text("word " * chance.randrange(1, 9)) for _ in range(count)]
            begun = [UsageSeen(Usage(usage.prompt_tokens, 1))] if usage and self._network.happens(0.3) else []
            return [Started("a", "m"), *begun, *pieces, *reported, Finished(FinishReason.STOP)]
        frames = [Frames(b"piece", True, chance.randrange(1, 40)) for _ in range(count)]
        return [Frames(b"prelude", False), *frames, Frames(b"done", False, 0, usage, is_last=True)]
