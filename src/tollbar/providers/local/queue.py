"""A fair queue before a model: so many calls at once, so many waiting, and no key waits for another's crowd.

Each waiting call has a tag, which grows by `1 / weight` from call to call of the same key; the smallest goes next. So
keys that wait take turns, one of weight 2 twice as often, however many calls one of them has sent. Within a key the
order is that of arrival. A caller who leaves gives up its place, or its turn, at once.
"""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

from tollbar.domain.errors import UpstreamFull
from tollbar.domain.place import Place

USUAL_SECONDS = 2.0
"""How long a call is taken to need before any has ended."""
SMOOTHING = 0.2

Waiting = tuple[float, int, "asyncio.Future[None]"]
"""A call that waits: its tag, its number, and what is set when its turn has come."""


class FairQueue:
    """Turns at one model; `capacity` calls have one at a time, `room` more may wait."""

    def __init__(self, name: str, capacity: int, room: int, now: Callable[[], float]) -> None:
        self._name = name
        self._capacity = capacity
        self._room = room
        self._now = now
        self._active = 0
        self._is_held = False
        self._waiting: list[Waiting] = []
        self._numbers = count()
        self._virtual = 0.0
        self._tags: dict[str, float] = {}
        self._seconds = USUAL_SECONDS
        self._idle = asyncio.Event()
        self._idle.set()
        self.last_used = now()

    @property
    def active(self) -> int:
        """How many calls have a turn."""
        return self._active

    @property
    def waiting(self) -> int:
        """How many calls wait for one."""
        return len(self._waiting)

    async def take(self, caller: str, weight: float, place: Place) -> "Turn":
        """A turn, once it is this call's; raises UpstreamFull when as many wait as may. `place` is told where it is."""
        waiting = self.waiting
        if self._active < self._capacity and not self._is_held and not waiting:
            self._virtual = max(self._virtual, self._tag(caller, weight))
            return self._begin()
        seconds = self._estimate(waiting + 1)
        if waiting >= self._room:
            raise UpstreamFull(
                f"{waiting} calls wait for {self._name} already.",
                hint="Try again later; 'local.queue' says how many may wait, 'local.parallel' how many go at once.",
                retry_after_seconds=seconds,
                details={"waiting": waiting, "estimated_seconds": round(seconds, 1)},
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (self._tag(caller, weight), next(self._numbers), turn)
        place.position = 1 + sum(1 for other in self._waiting if other[:2] < entry[:2])
        place.seconds = self._estimate(place.position)
        heapq.heappush(self._waiting, entry)
        try:
            await turn
        except asyncio.CancelledError:
            self._leave(entry)
            raise
        return Turn(self)

    def hold(self) -> None:
        """Gives no turns until `resume`: who has one finishes."""
        self._is_held = True

    def resume(self) -> None:
        """Gives turns again."""
        self._is_held = False
        self._call_next()

    async def idle(self) -> None:
        """Returns once nobody has a turn."""
        await self._idle.wait()

    def _begin(self) -> "Turn":
        self._active += 1
        self._idle.clear()
        return Turn(self)

    def _end(self, seconds: float | None) -> None:
        self._active -= 1
        if not self._active:
            self._idle.set()
        self.last_used = self._now()
        if seconds is not None:
            self._seconds += SMOOTHING * (seconds - self._seconds)
        self._call_next()

    def _leave(self, entry: Waiting) -> None:
        """The caller of an entry went away: before its turn, or just as it came."""
        if entry in self._waiting:
            self._waiting.remove(entry)
            heapq.heapify(self._waiting)
        else:
            self._end(None)

    def _call_next(self) -> None:
        while self._waiting and self._active < self._capacity and not self._is_held:
            tag, _, turn = heapq.heappop(self._waiting)
            self._virtual = max(self._virtual, tag)
            self._active += 1
            self._idle.clear()
            turn.set_result(None)
        if not self._waiting:
            self._tags = {caller: tag for caller, tag in self._tags.items() if tag > self._virtual}

    def _tag(self, caller: str, weight: float) -> float:
        tag = self._tags[caller] = max(self._virtual, self._tags.get(caller, 0.0)) + 1 / weight
        return tag

    def _estimate(self, position: int) -> float:
        """The seconds until the call at a position has its turn, if all take as long as those before did."""
        return self._seconds * position / self._capacity


class Turn:
    """One call's turn; `end` gives it to the next, and a second `end` does nothing."""

    __slots__ = ("_began", "_queue")

    def __init__(self, queue: FairQueue) -> None:
        self._queue: FairQueue | None = queue
        self._began = queue._now()

    def end(self) -> None:
        """The call is over, whatever became of it."""
        queue, self._queue = self._queue, None
        if queue is not None:
            queue._end(queue._now() - self._began)
