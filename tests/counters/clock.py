"""A clock that stands still until a test moves it."""

import asyncio
from datetime import UTC, datetime, timedelta


class ManualClock:
    """Gives the time that was set; sleeping moves it."""

    def __init__(self, seconds: float = 7_200.0) -> None:
        self.seconds = seconds

    def now(self) -> datetime:
        """The same moment as `monotonic`, on a calendar."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """The seconds that were set."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Moves the time on."""
        self.seconds += seconds
        await asyncio.sleep(0)
