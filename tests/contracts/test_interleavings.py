"""The ledger under any order of events: calls, cancellations, crashes, silence, periods that end, grants that change.

Two workers share one store, a file or a Postgres, and one clock. Each line's `model` names the periods of its call's
admission, so that what the ledger charged can be compared with what the allowances say was spent, period by period.
"""

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.postgres import a_store
from tests.storage.making import (
    StepClock,
    a_directory,
    a_key,
    a_line,
    estimating,
    imbalances_of,
    opened,
    opened_postgres,
    rows,
)
from tollbar.domain.errors import OutOfCredit, Overloaded
from tollbar.domain.identity import AllowanceId, Grant, Reset
from tollbar.domain.money import Unit
from tollbar.domain.records import LedgerEntry
from tollbar.domain.usage import Usage
from tollbar.ports.clock import Clock
from tollbar.ports.keys import KeyChange
from tollbar.ports.money import Claim
from tollbar.storage.journal import CLOSED, Journal
from tollbar.storage.ledger import RECALL_STEP_SECONDS
from tollbar.storage.operations import Held
from tollbar.storage.postgres import PostgresConnection
from tollbar.storage.store import Storage
from tollbar.storage.times import microseconds, period

GRANTS = (Grant(Unit.CREDITS, 400), Grant(Unit.DOLLARS, 3_000, Reset.DAY), Grant(Unit.TOKENS, 900, Reset.HOUR))
RESETS = [grant.reset for grant in GRANTS]
WORKERS = st.integers(0, 1)
AMOUNTS = st.tuples(st.integers(0, 3), st.integers(0, 60), st.integers(0, 9))


class RecallingClock(StepClock):
    """A clock on which the wait for what others keep ready passes at once, and in which all of them heed."""

    def __init__(self, workers: list["Worker"]) -> None:
        super().__init__()
        self.workers = workers

    async def sleep(self, seconds: float) -> None:
        """Waits, or lets the others hear."""
        if seconds != RECALL_STEP_SECONDS:
            await super().sleep(seconds)
            return
        self.advance(seconds)
        for worker in self.workers:
            await worker.storage.ledger.heed()
        await asyncio.sleep(0)


@dataclass(eq=False)
class Worker:
    """One serving process: its store, how to end it, and the holds that it has not settled."""

    storage: Storage
    resources: AsyncExitStack
    open: list["Call"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Call:
    """A call that holds something, and the periods it was admitted in."""

    name: str
    held: Held
    periods: str


class Ground:
    """A new store of its own, how it is opened, and what is in it: here, a file."""

    def __init__(self) -> None:
        self.temporary = tempfile.TemporaryDirectory()
        self.directory = a_directory(Path(self.temporary.name))

    def opened(self, clock: Clock) -> AbstractAsyncContextManager[Storage]:
        """As one of several processes has it."""
        return opened(self.directory, clock)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What a query finds, over a connection of its own."""
        return rows(self.directory, statement)

    def number(self, statement: str) -> int:
        """The one number that a query finds."""
        return self.rows(statement)[0][0]

    def close(self) -> None:
        """Removes it."""
        self.temporary.cleanup()


class PostgresGround(Ground):
    """The same on a Postgres."""

    def __init__(self) -> None:
        super().__init__()
        self.address = a_store()
        self.connection = PostgresConnection(self.address)

    def opened(self, clock: Clock) -> AbstractAsyncContextManager[Storage]:
        """See `Ground`."""
        return opened_postgres(self.directory, clock, self.address)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """See `Ground`."""
        with ThreadPoolExecutor(1) as thread:  # the connection has a loop of its own
            return thread.submit(lambda: self.connection.execute(statement).fetchall()).result()

    def close(self) -> None:
        """See `Ground`."""
        self.connection.close()
        super().close()


class Interleavings(RuleBasedStateMachine):
    """Events in an order that hypothesis chooses; the books are compared after each."""

    ground_of: type[Ground] = Ground

    def __init__(self) -> None:
        super().__init__()
        self.ground = self.ground_of()
        self.workers: list[Worker] = []
        self.clock = RecallingClock(self.workers)
        self.runner = asyncio.Runner()
        self.made = 0
        self.slack: defaultdict[int, int] = defaultdict(int)
        self.workers += [self.run(self.started()), self.run(self.started())]
        key = self.run(self.workers[0].storage.keys.add(a_key(), b"digest", GRANTS))
        self.allowances = [allowance.id for allowance in key.allowances]

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Runs something to its end."""
        return self.runner.run(work)

    async def started(self) -> Worker:
        """A new worker."""
        resources = AsyncExitStack()
        return Worker(await resources.enter_async_context(self.ground.opened(self.clock)), resources)

    def periods(self) -> str:
        """The periods of the three allowances at this moment."""
        now = microseconds(self.clock.now())
        return " ".join(str(period(reset, now)[0]) for reset in RESETS)

    @rule(worker=WORKERS, most=AMOUNTS, expected=st.floats(0, 1), factor=st.sampled_from([1, 1, 5, 40]))
    def reserve(self, worker: int, most: tuple[int, ...], expected: float, factor: int) -> None:
        """One call begins; if it is refused, its allowance really has too little left."""
        claims = self.claims(most, expected, factor)
        refused = self.run(self.begin(self.workers[worker], claims))
        if isinstance(refused, OutOfCredit):
            left = dict(self.ground.rows("SELECT id, granted - spent - leased FROM allowances"))
            assert any(left[claim.allowance.number] < max(1, claim.expected) for claim in claims)

    @rule(worker=WORKERS, calls=st.lists(st.tuples(AMOUNTS, st.integers(0, 12)), max_size=40), is_crash=st.booleans())
    def burst(self, worker: int, calls: list[tuple[tuple[int, ...], int]], is_crash: bool) -> None:
        """Many calls begin at once; some are cancelled after a few turns of the loop, or the process dies."""
        self.run(self.begin_many(worker, calls, is_crash))

    @rule(
        worker=WORKERS,
        share=st.sampled_from([0.0, 0.3, 1.0, 1.0, 1.5]),
        count=st.integers(1, 30),
        is_twice=st.booleans(),
    )
    def settle(self, worker: int, share: float, count: int, is_twice: bool) -> None:
        """Calls end at once, and cost a share of what they hold: nothing, some, all, or more."""
        ending, self.workers[worker].open = self.workers[worker].open[:count], self.workers[worker].open[count:]
        self.run(self.end_all(self.workers[worker], ending, share, is_twice))

    @rule(seconds=st.sampled_from([1, 5, 20, 31, 1_800, 40_000]))
    def wait(self, seconds: int) -> None:
        """Time passes; who does not tick in it may be taken for dead."""
        self.clock.advance(seconds)

    @rule(seconds=st.sampled_from([-7_200, -1, 3_600]))
    def step(self, seconds: int) -> None:
        """The wall clock is set: forwards it counts, backwards it does not until it has caught up."""
        if seconds > 0 or not self.is_any_due(seconds):
            self.clock.step_seconds += seconds

    @rule(worker=WORKERS)
    def tick(self, worker: int) -> None:
        """A worker says that it lives, and resolves others that did not."""
        self.run(self.workers[worker].storage.ledger.tick())

    @rule(worker=WORKERS)
    def change(self, worker: int) -> None:
        """Idle leases go back, as after a change."""
        self.workers[worker].storage.ledger.give_back()

    @rule(worker=WORKERS, place=st.integers(0, 2), amount=st.integers(0, 6_000))
    def regrant(self, worker: int, place: int, amount: int) -> None:
        """The keeper grants another amount, more or less than before."""
        allowance = self.allowances[place]
        before = self.ground.number(f"SELECT granted FROM allowances WHERE id = {allowance.number}")
        self.slack[allowance.number] += max(0, before - amount)
        change = KeyChange(grants=(Grant(allowance.unit, amount, RESETS[place]),))
        self.run(self.workers[worker].storage.keys.change("somebody", change))

    @rule(worker=WORKERS)
    def crash(self, worker: int) -> None:
        """A process dies with its holds; another one takes its place."""
        self.run(self.kill(worker))

    @invariant()
    def books_agree(self) -> None:
        """Nothing is oversold, and what is leased, held and spent agrees everywhere."""
        for worker in self.workers:
            self.run(quiet(worker.storage.journal))
        assert imbalances_of(self.ground.rows) == []
        assert self.unexplained_leases() == []
        now = " ".join(str(start) for (start,) in self.ground.rows("SELECT period_start FROM allowances ORDER BY id"))
        charged = self.charged(now.split())
        for place, (allowance, granted, spent, leased) in enumerate(
            self.ground.rows("SELECT id, granted, spent, leased FROM allowances ORDER BY id")
        ):
            assert spent == charged[place]
            assert granted - spent - leased >= -self.slack[allowance]

    def teardown(self) -> None:
        """After the last call ended and the last process was resolved, nothing is held."""
        for worker in self.workers:
            self.run(self.end_all(worker, worker.open, 1.0, is_twice=False))
            self.run(worker.resources.aclose())
        self.run(self.resolve_all())
        assert self.ground.number("SELECT count(*) FROM holds") == 0
        assert self.ground.number("SELECT count(*) FROM leases") == 0
        assert self.ground.rows("SELECT DISTINCT leased FROM allowances") == [(0,)]
        self.runner.close()
        self.ground.close()

    def claims(self, most: tuple[int, ...], expected: float = 1.0, factor: int = 1) -> list[Claim]:
        """Claims of the three allowances."""
        return [
            Claim(allowance, amount * factor, int(amount * factor * (1 if place == 0 else expected)))
            for place, (allowance, amount) in enumerate(zip(self.allowances, most, strict=True))
        ]

    async def begin(self, worker: Worker, claims: list[Claim]) -> Exception | None:
        """One call begins, durably; what it was refused with."""
        self.made += 1
        name, periods = f"r{self.made}", self.periods()
        dollars, tokens = claims[1].expected, claims[2].expected
        estimate = estimating(name, model=periods, cost_nano_dollars=dollars, usage=Usage(tokens))
        try:
            held = await worker.storage.ledger.reserve(name, claims, estimate)
        except (OutOfCredit, Overloaded) as refusal:
            return refusal
        worker.open.append(Call(name, held, periods))
        try:
            await held.committed()
        except Overloaded as refusal:  # others took the worker for dead, and it does not know yet
            return refusal
        return None

    async def begin_many(self, place: int, calls: list[tuple[tuple[int, ...], int]], is_crash: bool) -> None:
        """Calls begin at once; each is cancelled after so many turns, where it has not ended by then."""
        worker = self.workers[place]
        tasks = [asyncio.create_task(self.begin(worker, self.claims(most))) for most, _ in calls]
        for turn in range(13):
            for task, (_, patience) in zip(tasks, calls, strict=True):
                if patience == turn:
                    task.cancel()
            await asyncio.sleep(0)
        if is_crash and calls:
            await self.kill(place)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def end_all(self, worker: Worker, calls: list[Call], share: float, is_twice: bool) -> None:
        """Calls end at once; the slack is what they cost beyond their holds."""
        for call in calls:
            for allowance in self.allowances:
                held = call.held.held(allowance)
                self.slack[allowance.number] += max(0, int(held * share) - held)
        ending = [self.end(worker, call, share) for call in calls for _ in range(1 + is_twice)]
        await asyncio.gather(*ending)

    async def end(self, worker: Worker, call: Call, share: float) -> None:
        """One call ends."""
        charges = [(allowance, int(call.held.held(allowance) * share)) for allowance in self.allowances]
        await worker.storage.ledger.settle(call.held, charges, [line(call, charges)])

    async def kill(self, place: int) -> None:
        """Ends a worker as a crash does: what the journal had not begun to write is lost; starts another."""
        journal = self.workers[place].storage.journal
        journal._scribe.dismiss()
        await journal._scribe.ended()
        journal._refusal = CLOSED
        self.workers[place].open.clear()
        await self.workers[place].resources.aclose()
        await asyncio.to_thread(journal._connection.close)
        self.workers[place] = await self.started()

    async def resolve_all(self) -> None:
        """What the next server does, which hears nothing of the others for as long as it takes."""
        worker = await self.started()
        self.clock.advance(60)
        await worker.storage.ledger.tick()
        await worker.resources.aclose()

    def is_any_due(self, seconds: int) -> bool:
        """Whether a step back would let a call name another period than the ledger, which does not go back."""
        later = microseconds(self.clock.now())
        return any(period(reset, later) != period(reset, later + seconds * 1_000_000) for reset in RESETS)

    def charged(self, periods: list[str]) -> list[int]:
        """What paid lines charged to each allowance in its current period."""
        sums = [0, 0, 0]
        for named, *figures in self.ground.rows(
            "SELECT model, credits, cost_nano_dollars, prompt_tokens FROM ledger WHERE paid = 1"
        ):
            for place, (start, figure) in enumerate(zip(named.split(), figures, strict=True)):
                sums[place] += figure if start == periods[place] else 0
        return sums

    def unexplained_leases(self) -> list[str]:
        """Leases of living workers that are not what they hold and keep ready."""
        stored = {
            (process, allowance, start): amount
            for process, allowance, start, amount in self.ground.rows(
                "SELECT process, allowance, period_start, amount FROM leases"
            )
        }
        faults = []
        for worker in self.workers:
            ledger = worker.storage.ledger
            for lease in ledger._leases._leases.values():
                key = (ledger._writer.process, lease.allowance, lease.period)
                if key in stored and stored[key] != lease.free + lease.held:
                    faults.append(f"{key}: {stored[key]} leased, {lease.free} free, {lease.held} held")
        return faults


async def quiet(journal: Journal) -> None:
    """Waits until nothing is under way, also not what the end of something else began."""
    await journal.flush()
    while journal._under_way is not None or not journal._next.is_empty:
        await journal.flush()


def line(call: Call, charges: list[tuple[AllowanceId, int]]) -> LedgerEntry:
    """The line that says what the charges are."""
    coins, dollars, tokens = (amount for _, amount in charges)
    return a_line(
        call.name, model=call.periods, credits=coins, cost_nano_dollars=dollars, usage=Usage(prompt_tokens=tokens)
    )


class PostgresInterleavings(Interleavings):
    """The same on a Postgres."""

    ground_of = PostgresGround


TestInterleavings = pytest.mark.slow(Interleavings.TestCase)
TestInterleavings.settings = settings(max_examples=20, stateful_step_count=30, phases=[Phase.generate])
TestPostgresInterleavings = pytest.mark.slow(PostgresInterleavings.TestCase)
TestPostgresInterleavings.settings = settings(
    max_examples=5, stateful_step_count=25, phases=[Phase.generate], deadline=None
)
