"""Misfortunes of a simulation: what happens to its processes, their store and their clocks, and when."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from tests.simulation.holdings import Holdings
from tests.simulation.process import Process
from tests.simulation.store import Loss
from tollbar.storage.hearing import EXPIRY_SECONDS

if TYPE_CHECKING:
    from tests.simulation.play import Play

JUMPS = (-86_400.0, -7_200.0, -40.0, -1.0, 1.0, 40.0, 7_200.0, 90_000.0)
MOST_CALLBACKS = 60


class Faults:
    """Plans them, and makes them happen."""

    def __init__(self, play: "Play", holdings: Holdings) -> None:
        self._play = play
        self._holdings = holdings
        self._chance = play.world.chance
        self.befallen = 0
        """How many there were."""
        self._kinds: tuple[Callable[[Process], None], ...] = (
            *(self._crash, self._crash, self._crash_in_the_middle, self._freeze, self._freeze_for_long),
            *(self._cut_off, self._cut_all_off, self._cut_off_for_long, self._fail_a_write, self._fail_a_write),
            *(self._set_the_clock, self._set_the_clock, self._regrant, self._revoke, self._replace),
        )

    def plan(self, seconds: float, most: int) -> None:
        """Some of them within so many seconds, fewer than `most`."""
        world = self._play.world
        if seconds > EXPIRY_SECONDS:  # long enough for one to be taken for dead, and to come back
            kind = self._chance.choice(
                (self._freeze_for_long, self._freeze_for_long, self._cut_off_for_long, self._crash)
            )
            world.after(self._chance.uniform(0.0, seconds - EXPIRY_SECONDS), partial(self._befall, kind))
        for _ in range(self._chance.randrange(0, most)):
            kind = self._chance.choice(self._kinds)
            world.after(self._chance.uniform(0.0, seconds), partial(self._befall, kind))
        if world.network.happens(0.8):
            for _ in range(world.network.chance.randrange(1, 4)):
                moment = world.network.chance.uniform(0.0, seconds)
                world.after(moment, partial(self._befall, self._lose_a_commit))

    def _befall(self, kind: Callable[[Process], None]) -> None:
        serving = self._play.serving()
        if serving:
            self.befallen += 1
            kind(self._chance.choice(serving))

    def _crash(self, process: Process) -> None:
        process.kill()
        self._start_another(process)

    def _crash_in_the_middle(self, process: Process) -> None:
        process.loop.fuse = self._chance.randrange(MOST_CALLBACKS)
        self._start_another(process)

    def _start_another(self, process: Process) -> None:
        """In its place, in another, or nowhere."""
        slot = self._chance.choice((process.slot, process.slot, "another", None))
        if slot is not None:
            self._play.world.after(self._chance.uniform(0.05, 3.0), lambda: self._take_place(process, slot))

    def _take_place(self, process: Process, slot: str) -> None:
        process.kill()  # one that was to die in the middle of something has had its time
        if slot == "another" or any(other.is_alive and other.slot == slot for other in self._play.processes):
            slot = f"{process.slot}+{len(self._play.processes)}"
        self._play.start(slot)

    def _freeze(self, process: Process) -> None:
        process.freeze(self._chance.uniform(0.05, 3.0), self._chance.random() < 0.5)

    def _freeze_for_long(self, process: Process) -> None:
        self._play.call_at_once(self._holdings, process)
        freezes_at = self._chance.uniform(0.0, 1.5)
        seconds, is_frozen = self._chance.uniform(28.0, 45.0), self._chance.random() < 0.7
        self._play.world.after(freezes_at, lambda: process.freeze(seconds, is_frozen))

    def _cut_off(self, process: Process) -> None:
        process.cut_off(self._chance.uniform(0.05, 5.0))

    def _cut_all_off(self, _: Process) -> None:
        seconds = self._chance.uniform(0.05, 12.0)
        for process in self._play.serving():
            process.cut_off(seconds)

    def _cut_off_for_long(self, process: Process) -> None:
        self._play.call_at_once(self._holdings, process)
        process.cut_off(self._chance.uniform(20.0, 50.0))

    def _lose_a_commit(self, process: Process) -> None:
        """The connection goes while a commit is under way."""
        chance = self._play.world.network.chance
        seconds = chance.uniform(0.05, 8.0) if chance.random() < 0.8 else chance.uniform(20.0, 50.0)
        process.connection.loss = Loss(chance.randrange(4), chance.random() < 0.5, partial(process.cut_off, seconds))

    def _fail_a_write(self, process: Process) -> None:
        process.connection.frailty = self._chance.randrange(30)

    def _set_the_clock(self, process: Process) -> None:
        jump = self._chance.choice(JUMPS)
        self._play.world.note(process.name, "has its clock set by", jump)
        process.own_clock.ahead += timedelta(seconds=jump)

    def _regrant(self, process: Process) -> None:
        process.attempt(self._holdings.regrant(process.storage))

    def _revoke(self, process: Process) -> None:
        process.attempt(self._holdings.revoke(process.storage))

    def _replace(self, process: Process) -> None:
        """A rolling restart: another one starts, and this one ends in order."""
        process.is_serving = False
        process.attempt(process.close())
        self._play.start(f"{process.slot}+{len(self._play.processes)}")
