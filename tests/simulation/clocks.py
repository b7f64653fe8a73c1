"""The clocks of the machines of a simulation."""

import asyncio
from datetime import datetime, timedelta

from tests.simulation.loop import ProcessLoop
from tests.simulation.world import World


class MachineClock:
    """The clocks of one machine: its time of day may be wrong, and may be set at any moment."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.ahead = timedelta()

    def now(self) -> datetime:
        """What this machine believes."""
        return self._world.moment + self.ahead

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return self._world.now

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        loop = asyncio.get_running_loop()
        await (loop.pause(seconds) if seconds > 0 and isinstance(loop, ProcessLoop) else asyncio.sleep(0))
