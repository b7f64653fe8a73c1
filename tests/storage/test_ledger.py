"""The ledger over the store: what it does beyond the contract of its port, alone and beside other processes."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.storage.making import (
    SECRET,
    StepClock,
    a_directory,
    a_line,
    credit,
    estimating,
    grant,
    imbalances,
    number,
    opened,
    outcomes,
    pay,
    rows,
    take,
)
from tollbar.domain.errors import OutOfCredit, Overloaded
from tollbar.domain.identity import AllowanceId, Grant, Holder
from tollbar.domain.money import Unit
from tollbar.ports.keys import KeyChange
from tollbar.ports.money import Claim
from tollbar.storage.ledger import EXPIRY_SECONDS, IDLE_SECONDS
from tollbar.storage.store import Options, Storage, open_storage

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> StepClock:
    """The time of all processes of a test."""
    return StepClock()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The data directory of a test."""
    return a_directory(tmp_path)


@pytest.fixture
async def storage(directory: Path, clock: StepClock) -> AsyncIterator[Storage]:
    """One process."""
    async with opened(directory, clock) as made:
        yield made


@asynccontextmanager
async def two(directory: Path, clock: StepClock) -> AsyncIterator[tuple[Storage, Storage]]:
    """Two processes on one file."""
    async with opened(directory, clock) as first, opened(directory, clock) as second:
        yield first, second


def is_immediate(storage: Storage, allowance: AllowanceId, amount: int = 1) -> bool:
    """Whether a reservation is made without waiting for anything."""
    reserving = storage.ledger.reserve("now", [Claim(allowance, amount, amount)], estimating("now"))
    try:
        reserving.send(None)
    except StopIteration:
        return True
    reserving.close()
    return False


async def test_with_a_lease_in_hand_nothing_is_waited_for(storage: Storage) -> None:
    """Only the first call has to ask the store; then hundreds are decided in memory."""
    (coins,) = await grant(storage, credit(100_000))
    assert not is_immediate(storage, coins)
    await take(storage, coins)
    assert [is_immediate(storage, coins) for _ in range(200)] == [True] * 200


async def test_near_the_end_nothing_is_kept_in_memory(storage: Storage, directory: Path) -> None:
    """Below 64 calls' worth each call takes from the store, and gives back to it."""
    (coins,) = await grant(storage, credit(64))
    held = await take(storage, coins)
    assert number(directory, "SELECT leased FROM allowances") == 1
    await storage.ledger.settle(held, [], [])
    assert rows(directory, "SELECT leased, spent FROM allowances") == [(0, 0)]


async def test_what_came_from_the_store_goes_back_there(storage: Storage, directory: Path) -> None:
    """Also when so much was granted meanwhile that calls are served out of a lease."""
    (coins,) = await grant(storage, credit(64))
    held = await take(storage, coins, 3)
    await storage.keys.change("somebody", KeyChange(grants=(credit(100_000),)))
    for place in range(2):
        await take(storage, coins, 1, f"later{place}")
    before = number(directory, "SELECT leased FROM allowances")
    await storage.ledger.settle(held, [], [])
    assert number(directory, "SELECT leased FROM allowances") == before - 3


async def test_one_request_for_more_serves_all_who_wait(storage: Storage, directory: Path) -> None:
    """A hundred calls on a new allowance make one lease, not a hundred."""
    (coins,) = await grant(storage, credit(100_000))
    await asyncio.gather(*(take(storage, coins, 1, f"r{place}") for place in range(100)))
    assert number(directory, "SELECT leased FROM allowances") == 256


async def test_what_comes_back_at_the_same_time_is_not_refused(storage: Storage) -> None:
    """A call that needs all of an allowance is admitted although a part of it was just being released."""
    (coins,) = await grant(storage, credit(10_000))
    held = await take(storage, coins, 100)
    _, everything = await asyncio.gather(storage.ledger.settle(held, [], []), take(storage, coins, 10_000, "r2"))
    assert everything.held(coins) == 10_000


@pytest.mark.parametrize(("is_strict", "held"), [(False, 100), (True, None)])
async def test_the_most_must_fit_where_that_is_asked_for(
    directory: Path, clock: StepClock, is_strict: bool, held: int | None
) -> None:
    """A strict ledger admits no call on what it is expected to cost."""
    async with opened(directory, clock, is_strict) as storage:
        (dollars,) = await grant(storage, Grant(Unit.DOLLARS, 100))
        reserving = storage.ledger.reserve("r1", [Claim(dollars, 150, 40)], estimating())
        if held is None:
            with pytest.raises(OutOfCredit):
                await reserving
        else:
            assert (await reserving).held(dollars) == held


async def test_a_refusal_says_what_is_missing(storage: Storage) -> None:
    """In the unit's own figures."""
    (dollars,) = await grant(storage, Grant(Unit.DOLLARS, 1_500_000_000))
    with pytest.raises(OutOfCredit) as refusal:
        await take(storage, dollars, 2_000_000_000)
    assert refusal.value.message == "Insufficient dollars: this call needs 2, and 1.5 are left."
    assert refusal.value.details == {"unit": "dollars", "needed": "2", "left": "1.5", "holder": "key"}
    with pytest.raises(OutOfCredit, match=r"1\.5 are left to the key's team\."):
        await take(storage, replace(dollars, holder=Holder.TEAM), 2_000_000_000)


@pytest.mark.parametrize("amount", [1, 5, 50, 400])
async def test_two_processes_never_oversell(directory: Path, clock: StepClock, amount: int) -> None:
    """Of calls on both, exactly as many are charged as there are credits, once idle leases have gone back."""
    async with two(directory, clock) as processes:
        (allowance,) = await grant(processes[0], credit(amount))
        ends: Counter[str] = Counter()

        async def call(place: int) -> None:
            storage = processes[place % 2]
            try:
                held = await take(storage, allowance, 1, f"r{place}")
            except OutOfCredit:
                ends["refused"] += 1
            else:
                await pay(storage, held, allowance)
                ends["charged"] += 1

        await asyncio.gather(*(call(place) for place in range(200)))
        assert ends["charged"] <= amount
        for place in range(200, 200 + 2 * amount):
            for storage in processes:
                storage.ledger.give_back()
                await storage.journal.flush()
            await call(place)
            if ends["charged"] == amount:
                break
        assert (ends["charged"], number(directory, "SELECT spent FROM allowances")) == (amount, amount)
        assert imbalances(directory) == []


async def test_idle_leases_go_back_to_the_store(storage: Storage, directory: Path, clock: StepClock) -> None:
    """After some seconds without a call, at a tick; what is held stays."""
    (coins,) = await grant(storage, credit(100_000))
    await take(storage, coins, 3)
    clock.advance(IDLE_SECONDS - 1)
    await storage.ledger.tick()
    await storage.journal.flush()
    assert number(directory, "SELECT leased FROM allowances") == 768
    clock.advance(1)
    await storage.ledger.tick()
    await storage.journal.flush()
    assert number(directory, "SELECT leased FROM allowances") == 3
    assert imbalances(directory) == []


async def test_forgotten_leases_cost_nothing(storage: Storage, clock: StepClock) -> None:
    """A process does not remember every key it ever saw."""
    (coins,) = await grant(storage, credit(100_000))
    await pay(storage, await take(storage, coins), coins)
    for _ in range(3):
        clock.advance(IDLE_SECONDS)
        await storage.ledger.tick()
        await storage.journal.flush()
    assert storage.ledger._leases._leases == {}
    await take(storage, coins, 1, "r2")


async def test_a_lowered_grant_counts_once_leases_went_back(storage: Storage) -> None:
    """What was leased before may still be used; after `give_back` the new amount is all there is."""
    (coins,) = await grant(storage, credit(100_000))
    await take(storage, coins)
    await storage.keys.change("somebody", KeyChange(grants=(credit(5),)))
    storage.ledger.give_back()
    ends = await outcomes(*(take(storage, coins, 1, f"r{place}") for place in range(20)))
    assert sum(isinstance(end, OutOfCredit) for end in ends) == 16


async def test_a_raised_grant_counts_at_once(storage: Storage) -> None:
    """A call that was refused is admitted after the change."""
    (coins,) = await grant(storage, credit(0))
    with pytest.raises(OutOfCredit):
        await take(storage, coins)
    await storage.keys.change("somebody", KeyChange(grants=(credit(100_000),)))
    await take(storage, coins)
    await take(storage, coins, 1, "r2")
    assert is_immediate(storage, coins)


async def test_a_silent_process_admits_nothing(storage: Storage, clock: StepClock) -> None:
    """Once its heartbeat is too old others may have resolved it; a heartbeat that is written lifts that."""
    (coins,) = await grant(storage, credit(1_000))
    clock.advance(EXPIRY_SECONDS)
    await take(storage, coins)
    clock.advance(0.001)
    with pytest.raises(Overloaded):
        await take(storage, coins, 1, "r2")
    await storage.ledger.tick()
    await take(storage, coins, 1, "r3")


async def test_a_process_that_was_taken_for_dead_settles_late(directory: Path, clock: StepClock) -> None:
    """Its hold was resolved by another; its line is written, flagged, charges nothing, and its leases are void. Whoever
    settles hears of it once, so that no answer ends well which nobody paid for.
    """
    async with two(directory, clock) as (silent, living):
        coins, dollars = await grant(silent, credit(100_000), Grant(Unit.DOLLARS, 100_000))
        claims = [Claim(coins, 1, 1), Claim(dollars, 50, 50)]
        held = await silent.ledger.reserve("r1", claims, estimating(cost_nano_dollars=20))
        await held.committed()
        clock.advance(EXPIRY_SECONDS + 1)
        await living.ledger.tick()
        assert rows(directory, "SELECT spent, leased FROM allowances ORDER BY id") == [(0, 0), (20, 0)]
        with pytest.raises(Overloaded, match="taken for dead"):
            await silent.ledger.settle(held, [(coins, 1), (dollars, 30)], [a_line(cost_nano_dollars=30)])
        await silent.ledger.settle(held, [(coins, 1), (dollars, 30)], [a_line(cost_nano_dollars=30)])
        lines = rows(directory, "SELECT attempt, outcome, paid, cost_nano_dollars, flag FROM ledger ORDER BY id")
        assert lines == [(0, "lost", 1, 20, "estimate"), (1, "ok", 0, 30, "late")]
        assert rows(directory, "SELECT spent, leased FROM allowances ORDER BY id") == [(0, 0), (20, 0)]

        await silent.ledger.tick()
        await take(silent, coins, 1, "r2")
        await silent.journal.flush()
        assert imbalances(directory) == []
        assert number(directory, "SELECT count(DISTINCT process) FROM holds") == 1


async def test_leases_of_a_former_life_are_void(directory: Path, clock: StepClock) -> None:
    """After others took it for dead, a process begins with nothing in hand, however lately it used its leases."""
    async with two(directory, clock) as (silent, living):
        (coins,) = await grant(silent, credit(100_000))
        await take(silent, coins)
        clock.advance(EXPIRY_SECONDS)
        await take(silent, coins, 1, "r2")
        clock.advance(1)
        await living.ledger.tick()
        await silent.ledger.tick()
        assert not is_immediate(silent, coins)
        await take(silent, coins, 1, "r3")
        assert imbalances(directory) == []


async def test_what_a_dead_process_still_writes_is_refused(directory: Path, clock: StepClock) -> None:
    """A process that does not know yet that it was resolved cannot hold: its leases are somebody else's again."""
    async with two(directory, clock) as (dead, living):
        (coins,) = await grant(dead, credit(100_000))
        await take(dead, coins)
        process, sql = dead.ledger._writer.process, living.ledger._statements.ledger

        def forget(connection: object) -> None:
            connection.execute(sql.delete_processes, {"processes": f"[{process}]"})  # type: ignore[attr-defined]

        await living.journal.run(forget)
        held = await dead.ledger.reserve("r2", [Claim(coins, 1, 1)], estimating("r2"))
        with pytest.raises(Overloaded):
            await held.committed()
        with pytest.raises(Overloaded):
            await take(dead, coins, 10_000, "r3")


async def test_another_living_process_is_not_resolved(directory: Path, clock: StepClock) -> None:
    """Heartbeats keep it alive, for as long as it likes."""
    async with two(directory, clock) as (first, second):
        (coins,) = await grant(first, credit(1_000))
        held = await take(first, coins)
        for _ in range(20):
            clock.advance(5)
            await first.ledger.tick()
            await second.ledger.tick()
        await pay(first, held, coins)
        assert rows(directory, "SELECT outcome, flag FROM ledger") == [("ok", None)]


async def test_closing_returns_everything(directory: Path, clock: StepClock) -> None:
    """Leases go back, and a hold that nobody settled is resolved; afterwards nobody is admitted."""
    async with opened(directory, clock) as storage:
        (dollars,) = await grant(storage, Grant(Unit.DOLLARS, 10**6))
        held = await storage.ledger.reserve("r1", [Claim(dollars, 50, 50)], estimating(cost_nano_dollars=20))
        await held.committed()
        await storage.ledger.close()
        with pytest.raises(Overloaded):
            await take(storage, dollars, 1, "r2")
    assert rows(directory, "SELECT spent, leased FROM allowances") == [(20, 0)]
    assert [number(directory, f"SELECT count(*) FROM {table}") for table in ("holds", "leases", "processes")] == [0] * 3


async def test_a_full_disk_charges_nothing_and_passes(storage: Storage, directory: Path, clock: StepClock) -> None:
    """While it is full nothing is held or settled, and the open hold stands; then all goes on, and is charged once."""
    (coins,) = await grant(storage, credit(100_000))
    first = await take(storage, coins, 1, "first")
    connection = storage.journal._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    refused = 0
    for place in range(400):
        held = await storage.ledger.reserve(f"r{place}", [Claim(coins, 1, 1)], estimating(f"r{place}", model="m" * 400))
        try:
            await held.committed()
        except Overloaded:
            refused += 1
            break
    assert refused == 1
    long = a_line("first", model="m" * 9_000)
    with pytest.raises(Overloaded):
        await storage.ledger.settle(first, [(coins, 1)], [long])
    assert number(directory, "SELECT spent FROM allowances") == 0
    connection.execute("PRAGMA max_page_count = 1000000")
    await storage.ledger.settle(first, [(coins, 1)], [long])
    await storage.ledger.settle(held, [], [])
    assert number(directory, "SELECT spent FROM allowances") == 1
    assert imbalances(directory) == []


async def test_a_heartbeat_that_cannot_be_written_is_no_error(storage: Storage, clock: StepClock) -> None:
    """The tick is tried again; meanwhile, after some time, nobody is admitted; then everybody is."""
    (coins,) = await grant(storage, credit(100_000))
    connection = storage.journal._connection
    connection.execute("PRAGMA query_only = ON")
    for _ in range(7):
        clock.advance(5)
        await storage.ledger.tick()
    with pytest.raises(Overloaded):
        await take(storage, coins)
    connection.execute("PRAGMA query_only = OFF")
    await storage.ledger.tick()
    await take(storage, coins)


@pytest.mark.parametrize("granted", [10, 100_000])
async def test_a_journal_that_takes_nothing_changes_nothing(storage: Storage, granted: int, directory: Path) -> None:
    """While nobody knows what became of a commit calls are refused, and afterwards all is as it was."""
    coins, others = await grant(storage, credit(granted)), await grant(storage, credit(granted), key="other")
    kept = await take(storage, coins[0])
    for is_stuck in (True, True, False):
        storage.journal._set_refusal("The store cannot be reached at the moment." if is_stuck else "")
        for allowance in (coins[0], others[0]):
            if is_stuck:
                with pytest.raises(Overloaded, match="cannot be reached"):
                    await take(storage, allowance)
    async with asyncio.timeout(60):
        held = [await take(storage, allowance) for allowance in (coins[0], others[0]) for _ in range(9)]
    for one in (kept, *held):
        await storage.ledger.settle(one, [], [])
    assert number(directory, "SELECT count(*) FROM holds") == 0
    assert imbalances(directory) == []


async def test_a_release_that_failed_is_tried_again(storage: Storage, directory: Path) -> None:
    """Nobody waits for a reservation whose caller went away; the ledger itself sees to its end."""
    (coins,) = await grant(storage, credit(10))
    journal, go_on = storage.journal, threading.Event()
    blocked = asyncio.create_task(journal.run(lambda _: go_on.wait(10)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    reserving = asyncio.create_task(storage.ledger.reserve("r1", [Claim(coins, 4, 4)], estimating()))
    await asyncio.sleep(0)
    reserving.cancel()
    stopped = asyncio.create_task(journal.run(lambda c: c.execute("PRAGMA query_only = ON").close()))
    go_on.set()
    await asyncio.gather(blocked, reserving, stopped, return_exceptions=True)
    with pytest.raises(Overloaded):
        await journal.run(lambda c: c.execute("DELETE FROM holds"))
    assert (len(storage.ledger._abandoned), number(directory, "SELECT count(*) FROM holds")) == (1, 1)

    journal._connection.execute("PRAGMA query_only = OFF")
    for _ in range(2):
        await storage.ledger.tick()
        await journal.flush()
    assert rows(directory, "SELECT leased, (SELECT count(*) FROM holds) FROM allowances") == [(0, 0)]
    assert storage.ledger._abandoned == []


async def test_a_foreign_reservation_is_no_reservation(storage: Storage) -> None:
    """A bug of the caller is told as one."""

    class Other:
        """A reservation of another ledger."""

    with pytest.raises(TypeError):
        await storage.ledger.settle(Other(), [], [])  # type: ignore[arg-type]


async def test_a_store_that_does_not_serve_admits_nothing(directory: Path, clock: StepClock, storage: Storage) -> None:
    """A command has the same store, and its ledger tells how things stand."""
    (coins,) = await grant(storage, credit(10))
    await take(storage, coins, 4)
    async with open_storage(directory, clock, Options(SECRET)) as command:
        with pytest.raises(Overloaded):
            await command.ledger.reserve("r1", [Claim(coins, 1, 1)], estimating())
        assert [one.held for one in await command.ledger.standing("somebody")] == [4]
