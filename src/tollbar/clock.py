"""The clock of the machine, behind `ports.Clock`: the one place where real time enters.

Wall-clock time is always aware and in UTC. Durations come from the monotonic clock and never from the wall clock.
"""

import asyncio
import time
from datetime import UTC, datetime


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
