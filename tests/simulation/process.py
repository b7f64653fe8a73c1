"""One simulated server process: the product's own parts over the simulation's loop, clock, store and providers.

It is put together as `app/wiring.py` does it, from admission to the chores that run in the background; only HTTP is
left out. It ends by being killed, or closes as it does after a signal.
"""

import asyncio
import hashlib
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.simulation.clocks import MachineClock
from tests.simulation.loop import ProcessLoop
from tests.simulation.scribe import SimulatedScribe
from tests.simulation.store import Reading, ReadingConnection, Store, WritingConnection, sql
from tests.simulation.world import World
from tollbar.admin.alerts import Alerts, AlertTerms
from tollbar.app.chores import TICK_SECONDS, Work, chores
from tollbar.app.rounds import Rounds
from tollbar.clock import ShiftedClock
from tollbar.counters.memory import MemoryCounters
from tollbar.counters.shared import SharedCounters
from tollbar.counters.table import AMOUNTS
from tollbar.domain.catalogue import Catalogue
from tollbar.domain.errors import GatewayError, Overloaded
from tollbar.domain.records import CallHistory
from tollbar.gateway.admit import Admission
from tollbar.gateway.attempts import Attempts
from tollbar.gateway.authenticate import Authenticator
from tollbar.gateway.cancelling import Cancelling
from tollbar.gateway.completions import Gateway
from tollbar.gateway.feed import Feed
from tollbar.gateway.health import Health
from tollbar.gateway.record import Recorder
from tollbar.gateway.repeats import Repeats
from tollbar.metrics import Metrics
from tollbar.ports.clock import Clock
from tollbar.ports.providers import Provider
from tollbar.storage.hearing import EXPIRY_SECONDS
from tollbar.storage.journal import Batch
from tollbar.storage.reader import Reader
from tollbar.storage.store import LONGEST_QUESTION_SECONDS, Options, assemble

GOING_DOWN = Overloaded("The gateway is shutting down.")
NO_ALERTS = AlertTerms((), None, b"")
SLOTS = 64
"""Of a shard of counters that processes share: enough for the few keys of a simulation, and soon looked through."""
TURNS = "SELECT request_id FROM answers WHERE process = ? AND status IS NULL"
WRONG_BY_AT_MOST = timedelta(seconds=LONGEST_QUESTION_SECONDS)


class Nobody:
    """`ports.Courier` where there is no webhook."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Is never asked."""
        raise AssertionError("there is no webhook")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What processes are started in."""

    world: World
    store: Store
    catalogue: Catalogue
    is_strict: bool
    is_measured: bool
    """Whether processes measure how far the store's clock is ahead, as they do on Postgres."""
    counters: Path | None
    """Where the processes of one machine count together; each counts for itself where there is no such place."""


class Process:
    """A server from its start to its end; `name` is never used twice."""

    def __init__(self, around: Surroundings, name: str, slot: str, machine: MachineClock, number: int) -> None:
        world = self.world = around.world
        self.name = name
        self.slot = slot
        self.loop = ProcessLoop(world, name)
        self.loop.burnt = self.kill
        self.is_serving = self.is_closing = self.is_killed = False
        self.number = number
        """What no other process that lives is counted under."""
        self.died_at = 0.0
        self.longest_silence = 0.0
        self._is_measured = around.is_measured
        self.own_clock = machine
        self.clock: Clock = ShiftedClock(machine) if around.is_measured else machine
        self.store = around.store
        self.connection = WritingConnection(around.store, name)
        reader = Reader(Reading(ReadingConnection(around.store, name)))
        options = Options(b"", address="simulated", is_strict=around.is_strict)
        self.scribe: SimulatedScribe[Batch] = SimulatedScribe(self.loop, self.connection)
        self.storage = assemble(self.connection, reader, sql(), self.clock, options, self.scribe)
        self.connection.stuck = self.storage.journal.refuse
        self.counters: MemoryCounters | SharedCounters = MemoryCounters(self.clock)
        if around.counters is not None:
            self.counters = SharedCounters(self.clock, around.counters, number, SLOTS)
        self._around = around

    def start(self, providers: Mapping[str, Provider], is_alone: bool) -> None:
        """Begins to start; `is_serving` says when it can be called, `is_alone` that no other one can be."""
        clock, storage = self.clock, self.storage
        health = Health(clock)
        self.gateway = Gateway(
            authenticator=Authenticator(storage.keys, digest, self.counters, clock),
            recorder=Recorder((storage.log.write,), clock),
            admission=Admission(
                self.counters, storage.ledger, clock, tell=self._tell, is_strict=self._around.is_strict
            ),
            catalogue=self._around.catalogue,
            health=health,
            attempts=Attempts(providers, health, clock, self.world.chance.random),
            clock=clock,
            repeats=Repeats(storage.answers, timedelta(days=30), 1_000_000),
        )
        self.world.note(self.name, "starts")
        self.loop.run(self._serve(is_alone))

    async def _serve(self, is_alone: bool) -> None:
        storage = self.storage
        storage.journal.start()
        while True:
            try:
                await storage.ledger.start(is_alone, self.slot)
                if isinstance(self.clock, ShiftedClock):
                    self.clock.set(await storage.time(self.clock))
                break
            except Overloaded:  # the real one ends, and is started again
                await asyncio.sleep(1.0)
        cancelling = Cancelling(
            self.gateway.recorder, storage.cancels, storage.audit, self.clock, _nothing_past, has_others=True
        )
        alerts = Alerts(storage.alerts, Nobody(), self.clock, NO_ALERTS, lambda address: "")
        around = (10**9, None, None, self._beat, cancelling, alerts, Feed(storage.usage))
        work = Work(self.gateway, storage, Metrics(), timedelta(days=30), *around)
        rounds = Rounds(self.clock, self._chore_crashed)
        self._chores = [asyncio.create_task(chore) for chore in (*chores(work, rounds), storage.log.run())]
        for chore in self._chores:
            chore.add_done_callback(self._chore_ended)
        self.is_serving = True

    async def _beat(self) -> None:
        """Tells counters that several processes share that this one lives."""
        if isinstance(self.counters, SharedCounters):
            self.counters.beat()

    def _chore_crashed(self, chore: str) -> None:
        self.world.fail(f"{self.name}: a chore crashed: {chore}")

    def _chore_ended(self, chore: asyncio.Task[None]) -> None:
        if not chore.cancelled():
            self.world.fail(f"{self.name}: a chore ended: {chore.exception()!r}")

    def _tell(self, request_id: str, fault: BaseException) -> None:
        self.world.fail(f"{request_id} could not be settled: {fault!r}")

    @property
    def is_alive(self) -> bool:
        """Whether it was not killed and is not closed."""
        return not self.loop.is_dead

    def check_time(self) -> None:
        """Where the store's time counts it is known here, whatever the machine's own clock says."""
        if self._is_measured and abs(self.clock.now() - self.world.moment) > WRONG_BY_AT_MOST:
            self.world.fail(f"{self.name} thinks that it is {self.clock.now()} at {self.world.moment}")

    def kill(self) -> None:
        """It is gone, in the middle of whatever it did."""
        if self.is_alive:
            self.world.note(self.name, "dies")
            self.is_serving = False
            self.is_killed, self.died_at = True, self.world.now
            self.loop.kill()

    def freeze(self, seconds: float, is_frozen: bool) -> None:
        """It does nothing for a while, or only its event loop does not."""
        self.world.note(self.name, "freezes for", round(seconds, 3))
        self.longest_silence = max(self.longest_silence, seconds)
        self.loop.stop_for(seconds, is_frozen)

    def cut_off(self, seconds: float) -> None:
        """It cannot reach the store for a while."""
        self.world.note(self.name, "is cut off for", round(seconds, 3))
        self.longest_silence = max(self.longest_silence, seconds)
        self.store.away.add(self.name)
        self.world.after(seconds, lambda: self.store.away.discard(self.name))

    @property
    def may_be_taken_for_dead(self) -> bool:
        """Whether it is dead, or was silent for about as long as makes others think so."""
        return not self.is_alive or self.is_closing or self.longest_silence > EXPIRY_SECONDS - 2 * TICK_SECONDS - 2

    def attempt(self, work: Coroutine[Any, Any, None]) -> None:
        """Has something done that may fail for want of the store."""

        async def done() -> None:
            try:
                await work
            except GatewayError as fault:
                self.world.note(self.name, "could not:", fault)
            except Exception as fault:  # nobody else would hear of it
                self.world.fail(f"{self.name} met a fault that nobody foresaw: {fault!r}")

        self.loop.run(done())

    def check_quiet(self) -> None:
        """Nobody calls any more: it holds nothing, and what it believes of its leases is what the store has of them."""
        journal, ledger = self.storage.journal, self.storage.ledger
        is_owing = self.gateway.admission.owed or ledger._abandoned or ledger.is_fenced
        if journal._under_way is not None or not journal._next.is_empty or is_owing or self.name in self.store.away:
            return
        number = ledger._writer.process
        holds = self.store.database.execute("SELECT request_id FROM holds WHERE process = ?", (number,)).fetchall()
        if holds:
            self.world.fail(f"{self.name} has no calls, and holds for {holds}")
        if self._slots_taken():
            self.world.fail(f"{self.name} has no calls, and {self._slots_taken()} slots are taken")
        turns = self.store.database.execute(TURNS, (number,)).fetchall()
        if turns and not (self.gateway.repeats and self.gateway.repeats._owed):
            self.world.fail(f"{self.name} has no calls, and it is the turn of {turns}")
        rows = self.store.database.execute(
            "SELECT allowance, period_start, amount FROM leases WHERE process = ?", (number,)
        )
        stored = {tuple(row[:2]): row[2] for row in rows}
        for lease in ledger._leases._leases.values():
            leased = stored.get((lease.allowance, lease.period))
            if lease.held or (leased is not None and leased != lease.free):
                self.world.fail(f"{self.name} holds {lease.held} and keeps {lease.free} of {leased} leased: {lease}")

    def _slots_taken(self) -> int:
        """How many calls at once its counters believe in."""
        if isinstance(self.counters, MemoryCounters):
            return sum(self.counters._at_once.values())
        held = self.counters._held.shards
        return sum(shard.cells[slot + AMOUNTS + self.number] for shard in held for slot in shard.slots())

    async def close(self) -> None:
        """What it does after a signal, once its calls have had their time."""
        self.is_serving = False
        self.is_closing = True
        storage = self.storage
        for _ in range(20):
            if not self.gateway.recorder.visits:
                break
            await asyncio.sleep(0.25)
        self.gateway.recorder.interrupt(GOING_DOWN)
        while self.gateway.recorder.visits:  # noqa: ASYNC110 - a register, which nobody is told of
            await asyncio.sleep(0.05)
        for chore in self._chores:
            chore.remove_done_callback(self._chore_ended)
            chore.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*self._chores)
        await self.gateway.admission.tick()
        self.gateway.recorder.flush()
        storage.log.flush()
        await storage.ledger.close()
        await storage.journal.close()
        await storage.reader.close()
        self.world.note(self.name, "is closed")
        self.died_at = self.world.now
        self.loop.is_dead = True


def digest(text: str) -> bytes:
    """What a secret is stored as."""
    return hashlib.blake2b(text.encode(), digest_size=32).digest()


async def _nothing_past(request_id: str) -> CallHistory | None:
    """Nobody asks for what is over."""
    return None
