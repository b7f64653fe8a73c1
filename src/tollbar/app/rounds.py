"""How what goes on in the background is done again and again, so that what is wrong with it ends no call."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from tollbar.domain.errors import GatewayError
from tollbar.ports.clock import Clock
from tollbar.storage.news import News

LONGEST_WAIT_SECONDS = 60.0
"""How long a chore is left alone that fails again and again by a fault of ours."""
Chore = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Rounds:
    """Chores by the clock; `failed` is told the name of one that met a fault of ours."""

    clock: Clock
    failed: Callable[[str], None]

    async def every(self, seconds: float, chore: Chore, news: News | None = None) -> None:
        """Does a chore after each pause, or as soon as there is news; never returns.

        A store that is away is logged, and the chore done next time. So is a fault of ours, with its trace, and the
        chore is tried later each time.
        """
        faults = 0
        while True:
            pause = min(seconds * 2 ** min(faults, 10), max(seconds, LONGEST_WAIT_SECONDS))
            await (self.clock.sleep(pause) if news is None else news.wait(pause))
            faults = await self.once(chore, faults)

    async def once(self, chore: Chore, faults: int = 0) -> int:
        """Does a chore; how often it has crashed by now, one time after the other, where it had `faults` times."""
        name = chore.__name__
        try:
            await chore()
        except GatewayError as fault:
            structlog.get_logger("tollbar").warning("chore.failed", chore=name, error=fault.message)
        except Exception:  # whatever is wrong with one chore, the server has calls and other chores
            structlog.get_logger("tollbar").exception("chore.crashed", chore=name, times=faults + 1)
            self.failed(name)
            return faults + 1
        else:
            return 0
        return faults
