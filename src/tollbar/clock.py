"""The clock of the machine, behind `ports.Clock`: the one place where real time enters.

Wall-clock time is always aware and in UTC. Durations come from the monotonic clock and never from the wall clock.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from tollbar.ports import Clock


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
    """`ports.Clock` with another machine's time of day, as far as `shift` was told how far that is off."""

    def __init__(self, own: Clock) -> None:
        self.own = own
        self.monotonic = own.monotonic
        self.sleep = own.sleep
        self._offset = timedelta()

    def now(self) -> datetime:
        """The present moment there."""
        return self.own.now() + self._offset

    def shift(self, offset: timedelta) -> None:
        """Tells how far the other machine's clock is ahead."""
        self._offset = offset
