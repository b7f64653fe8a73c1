"""The one time line of a simulation: what happens next, to whom, and a digest of all that happened.

Everything that takes time is an entry here: timers of the processes' event loops, writes and reads of the store, faults
that were planned. Nothing is decided by the machine: chance is one generator, made of the seed.
"""

import asyncio
import hashlib
import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from tests.simulation.network import Network

if TYPE_CHECKING:
    from tests.simulation.loop import ProcessLoop

Act = Callable[[], object]
MOST_STEPS = 200_000
BEGINNING = datetime(2026, 3, 31, 23, 59, 40, tzinfo=UTC)
"""Some seconds before an hour, a day and a month end."""


@dataclass(slots=True)
class World:
    """Time, chance and the record of one simulation."""

    seed: int
    now: float = 0.0
    """Seconds since the beginning; every machine's monotonic clock is this one plus what the machine has of its own."""
    failure: str = ""
    """The first promise that was broken; nothing happens after it."""
    trace: list[str] | None = None
    """What happened, in words, where somebody wants to read it."""
    awake: "deque[ProcessLoop]" = field(default_factory=deque)
    """The loops that have something to do now."""
    chance: Random = field(init=False)
    network: Network = field(init=False)
    _entries: list[tuple[float, int, Act]] = field(default_factory=list)
    _made: int = 0
    _digest: hashlib.blake2b = field(default_factory=lambda: hashlib.blake2b(digest_size=16))

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.network = Network(self.seed)

    @property
    def moment(self) -> datetime:
        """The true time of day."""
        return BEGINNING + timedelta(seconds=self.now)

    @property
    def digest(self) -> str:
        """What tells two simulations apart."""
        return self._digest.hexdigest()

    def note(self, *words: object) -> None:
        """Something happened that makes this simulation what it is."""
        text = f"{self.now:.6f} {' '.join(map(str, words))}"
        self._digest.update(text.encode())
        if self.trace is not None:
            self.trace.append(text)

    def fail(self, promise: str) -> None:
        """A promise was broken."""
        if not self.failure:
            self.note("BROKEN", promise)
            self.failure = promise

    def at(self, when: float, act: Act) -> None:
        """Has something done at a moment; at the same moment, in the order of asking."""
        self._made += 1
        heapq.heappush(self._entries, (max(self.now, when), self._made, act))

    def after(self, seconds: float, act: Act) -> None:
        """The same, so many seconds from now."""
        self.at(self.now + seconds, act)

    def run(self, until: Callable[[], bool]) -> None:
        """Lets things happen until a condition holds or a promise is broken; fails when nothing more can happen."""
        awake, entries = self.awake, self._entries
        for _ in range(MOST_STEPS):
            while awake and not self.failure:
                awake.popleft().turn()
            if self.failure or until():
                return
            if not entries:
                break
            self.now, _, act = heapq.heappop(entries)
            act()
        self.fail("everything stands still, or never ends")

    def pass_time(self, seconds: float) -> None:
        """Lets so much time pass."""
        end: asyncio.Event = asyncio.Event()
        self.after(seconds, end.set)
        self.run(end.is_set)
