"""One simulation, from its seed to what came of it."""

import gc
import sys
import tempfile
from asyncio.events import _set_running_loop
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from warnings import catch_warnings, simplefilter

from tests.making import CARD
from tests.simulation.answering import Answering
from tests.simulation.books import Books
from tests.simulation.calling import REQUESTS, Caller
from tests.simulation.clocks import MachineClock
from tests.simulation.faults import Faults
from tests.simulation.holdings import Holdings
from tests.simulation.loop import ProcessLoop
from tests.simulation.process import Process, Surroundings
from tests.simulation.promises import Once, Promises, Tally
from tests.simulation.store import Store
from tests.simulation.world import World
from tollbar.app.chores import TICK_SECONDS
from tollbar.counters.shared import MOST_WORKERS, SharedCounters
from tollbar.domain.catalogue import Catalogue, Model, Target, Timeouts
from tollbar.storage.hearing import EXPIRY_SECONDS

MAIN, SPARE = "main", "spare"
NAMES = ("a", "b")
MEMORY = Path("/dev/shm")
Plant = Callable[[Store], None]
"""Makes the store do something wrong, to see that it is found."""


class Extent(NamedTuple):
    """How much goes on in a simulation: how many calls, for how many seconds, and fewer misfortunes than so many.

    That is if it is short, as so often; a long one goes on until somebody is taken for dead who is not. As often the
    last process knows that it is alone, and need not wait until the others would have been heard of.
    """

    calls: tuple[int, int]
    seconds: tuple[float, float]
    misfortunes: int
    short: float
    patience: float
    """Seconds that a call has in all."""

    def catalogue(self) -> Catalogue:
        """What is offered."""
        timeouts = Timeouts(total=self.patience)
        main, spare = (Target(name, name[0], CARD, timeouts=timeouts) for name in (MAIN, SPARE))
        return Catalogue(
            {"smart": Model("smart", (main, spare)), "dear": Model("dear", (spare,), multiplier=Decimal(3))}
        )


FULL = Extent((15, 60), (2.0, 7.0), misfortunes=7, short=0.8, patience=20.0)
BRIEF = Extent((4, 16), (0.5, 2.5), misfortunes=5, short=1.0, patience=3.0)
"""Less of everything, at a fraction of the cost: so there can be more of them."""


class Outcome(NamedTuple):
    """What came of a simulation; without a `failure` every promise was kept."""

    seed: int
    failure: str
    digest: str
    calls: int
    commits: int
    workers: int
    crashes: int
    faults: int
    trace: list[str] | None


class Play:
    """The processes, their callers and their misfortunes, as the seed has them."""

    def __init__(
        self, seed: int, is_told: bool = False, plant: Plant = lambda store: None, extent: Extent = FULL
    ) -> None:
        self.extent = extent
        self.world = World(seed, trace=[] if is_told else None)
        self.store = Store(self.world)
        self.books = Books(self.world, self.store.database, self._may_be_dead)
        self.store.committed = self.books.check
        chance = self.world.chance
        self.is_measured = chance.random() < 0.4
        self.counters: tempfile.TemporaryDirectory[str] | None = None
        if not self.is_measured and chance.random() < 0.5:
            self.counters = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        place = Path(self.counters.name) if self.counters is not None else None
        if place is not None:
            (place / "salt").write_bytes(b"of all simulations: which slot a key is given is not theirs to choose")
        is_strict = chance.random() < 0.3
        self.around = Surroundings(self.world, self.store, extent.catalogue(), is_strict, self.is_measured, place)
        tally, once = Tally(self.world, place is not None), Once(self.world, self.books)
        self.promises = Promises(self.books, tally, once)
        self.machine = MachineClock(self.world)
        self.processes: list[Process] = []
        self.callers: list[Caller] = []
        self._sent = 0
        self.unreliability = chance.choice((0.0, 0.1, 0.5))
        self.repeating = chance.choice((0.0, 0.2, 0.6))
        plant(self.store)

    def play(self) -> Outcome:
        """Plays it to its end."""
        world, chance = self.world, self.world.chance
        first = self.start(slot="0")
        world.run(lambda: first.is_serving)
        holdings = Holdings(self.world, self.books)
        self._do(first, holdings.grant(first.storage))
        for slot in range(1, chance.choice((1, 2, 2, 3))):
            self.start(slot=str(slot))
        seconds = (
            chance.uniform(*self.extent.seconds) if chance.random() < self.extent.short else chance.uniform(35.0, 55.0)
        )
        self._call(holdings, seconds)
        faults = Faults(self, holdings)
        faults.plan(seconds, self.extent.misfortunes)
        world.pass_time(seconds)
        world.run(self._all_are_answered(self.callers))
        self._end(holdings)
        crashes = sum(process.is_killed for process in self.processes)
        counts = (len(self.callers), self.books.commits, len(self.processes), crashes, faults.befallen)
        return Outcome(world.seed, world.failure, world.digest, *counts, world.trace)

    def start(self, slot: str, is_alone: bool = False) -> Process:
        """Another process, on the one machine there is or on one of its own."""
        machine = self.machine
        if self.is_measured:
            machine = MachineClock(self.world)
            machine.ahead = timedelta(seconds=self.world.chance.uniform(-30.0, 30.0))
        taken = {process.number for process in self.processes if process.is_alive}
        number = next(number for number in range(MOST_WORKERS) if number not in taken)
        process = Process(self.around, f"p{len(self.processes) + 1}", slot, machine, number)
        self.processes.append(process)
        answering = Answering(self.world, process.clock, self.unreliability)
        process.start({MAIN: answering, SPARE: answering}, is_alone)
        return process

    def serving(self) -> list[Process]:
        """The processes that can be called."""
        return [process for process in self.processes if process.is_serving]

    def _may_be_dead(self, request_id: str) -> bool:
        return self._server(request_id).may_be_taken_for_dead

    def _server(self, request_id: str) -> Process:
        return self.processes[int(request_id.partition("-")[0][1:]) - 1]

    def _is_served(self, caller: Caller) -> bool:
        return bool(caller.request_id) and self._server(caller.request_id).is_alive

    def _all_are_answered(self, callers: Sequence[Caller]) -> Callable[[], bool]:
        """Whether nobody waits any more: who has an ending, or lost the server, stays so."""
        waiting = list(callers)

        def are_answered() -> bool:
            while waiting and (waiting[-1].ending or not self._is_served(waiting[-1])):
                waiting.pop()
            return not waiting

        return are_answered

    def call_at_once(self, holdings: Holdings, process: Process) -> None:
        """Some calls on one process, all begun now."""
        for _ in range(self.world.chance.randrange(1, 6)):
            self._send(self._caller(holdings), process)

    def _call(self, holdings: Holdings, seconds: float) -> None:
        """Calls one by one, and now and then many at once."""
        chance, at = self.world.chance, 0.0
        for _ in range(chance.randrange(*self.extent.calls)):
            if chance.random() < 0.6:
                at = chance.uniform(0.0, seconds)
            self.world.after(at, partial(self._send, self._caller(holdings)))

    def _caller(self, holdings: Holdings) -> Caller:
        chance = self.world.chance
        held = chance.choice(holdings.keys)
        patience = chance.uniform(0.0, 1.5) if chance.random() < 0.2 else None
        caller = Caller("", held, chance.choice(REQUESTS), patience=patience)
        if chance.random() < self.repeating:
            self._name(caller)
        self.callers.append(caller)
        return caller

    def _name(self, caller: Caller) -> None:
        """It is sent under a name, and mostly what was sent under that before."""
        chance = self.world.chance
        caller.name = chance.choice(NAMES)
        before = [one for one in self.callers if one.held == caller.held and one.name == caller.name]
        if before and chance.random() < 0.8:
            caller.request = before[0].request

    def _send(self, caller: Caller, process: Process | None = None) -> None:
        serving = self.serving()
        if not serving:
            caller.ending = "nobody serves"
            return
        process = process or self.world.chance.choice(serving)
        process.check_time()
        self._sent += 1
        caller.request_id = f"{process.name}-{self._sent}"
        caller.call(process, self.promises)

    def _end(self, holdings: Holdings) -> None:
        """All processes end, one way or the other; the last one resolves what they left, and can give all the rest."""
        world, chance = self.world, self.world.chance
        world.run(lambda: all(process.is_serving or not process.is_alive for process in self.processes))
        world.pass_time(TICK_SECONDS + 1)
        closing = []
        for process in self.serving():
            if chance.random() < 0.5:
                process.kill()
            else:
                process.check_quiet()
                closing.append((process, process.loop.run(process.close())))
        world.run(lambda: all(task.done() or not process.is_alive for process, task in closing))
        is_alone = chance.random() < self.extent.short
        last = self.start("last", is_alone)
        world.run(lambda: last.is_serving)
        if not is_alone:  # it hears nothing of the others for as long as it takes
            world.pass_time(EXPIRY_SECONDS + 2 * TICK_SECONDS + 1)
        self.books.check_empty()
        if not world.failure:
            self._do(last, holdings.check_rest(last.storage, f"{last.name}-rest"))
        self._do(last, last.close())
        self.books.check_empty()

    def _do(self, process: Process, work: Coroutine[Any, Any, None]) -> None:
        """Has something done that must succeed."""
        task = process.loop.run(work)
        self.world.run(task.done)
        if task.done() and (fault := task.exception()) is not None:
            self.world.fail(f"{work.__name__} failed: {fault!r}")

    def forget(self) -> None:
        """Lets go of all, without a word of what was under way.

        Tasks that coroutines begin while they are let go end with a loop on which nothing runs. Without it asyncio
        would make one for them, and keep them, and so the whole simulation, for as long as the program lasts.
        """
        grave = ProcessLoop(self.world, "grave")
        for loop in (grave, *(process.loop for process in self.processes)):
            loop.kill()
        for process in self.processes:
            process.scribe.end()
        self.store.forget()
        for process in self.processes:
            if isinstance(process.counters, SharedCounters):
                process.counters.close()
        if self.counters is not None:
            self.counters.cleanup()
        _set_running_loop(grave)


def play(seed: int, is_told: bool = False, plant: Plant = lambda store: None, extent: Extent = FULL) -> Outcome:
    """What comes of a seed."""
    with undisturbed():
        return _played(Play(seed, is_told, plant, extent))


def _played(playing: Play) -> Outcome:
    try:
        return playing.play()
    finally:
        playing.forget()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Nobody collects while a simulation is under way, for when that happens is not its choice; and nobody complains
    when coroutines of killed processes are let go in the middle of whatever they did.
    """

    def say_nothing(_: object) -> None:
        """A killed process has no last words."""

    hook, sys.unraisablehook = sys.unraisablehook, say_nothing
    gc.disable()
    try:
        yield
    finally:
        with catch_warnings():
            simplefilter("ignore", RuntimeWarning)
            for _ in range(4):  # what is let go may make something new, or hold on to itself, while it goes
                gc.collect()
        gc.freeze()  # what CPython cannot free, a few objects of one in ten, need not be looked at again and again
        _set_running_loop(None)
        gc.enable()
        sys.unraisablehook = hook
