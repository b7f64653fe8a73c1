"""The clock of the machine, behind `ports.Clock`: the one place where real time enters.

Wall-clock time is always aware and in UTC. Durations come from the monotonic clock and never from the wall clock.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from tollbar.ports.clock import Clock


class SystemClock:
    """`ports.Clock` over the operating system's clocks."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        return datetime.now(UTC)

    # Seconds since some fixed moment; never goes back. The function itself: every call asks a dozen times.
    monotonic = staticmethod(time.monotonic)

    async def sleep(self, seconds: float) -> None:
        """Waits; ends early only by cancellation."""
        await asyncio.sleep(seconds)


class ShiftedClock:
    """`ports.Clock` with another machine's time of day, as `set` was told it, going on at this machine's pace.

    Once it was told, this machine's own time of day has no say: it may be wrong, and be set at any moment.
    """

    def __init__(self, own: Clock) -> None:
        self.own = own
        self.monotonic = own.monotonic
        self.sleep = own.sleep
        self._there: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """The present moment there."""
        if self._there is None:
            return self.own.now()
        told, at = self._there
        return told + timedelta(seconds=self.monotonic() - at)

    def set(self, there: datetime) -> None:
        """Tells what time it is there at this moment."""
        self._there = (there, self.monotonic())
