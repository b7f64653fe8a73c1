"""What the journal's thread makes of the ledger's operations."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from tests.storage.making import (
    StepClock,
    a_directory,
    a_line,
    credit,
    estimating,
    grant,
    imbalances,
    number,
    opened,
    pay,
    rows,
    take,
)
from tollbar.domain.errors import OutOfCredit, Overloaded
from tollbar.domain.identity import AllowanceId, Grant, Reset
from tollbar.domain.money import Unit
from tollbar.ports.money import Claim
from tollbar.storage.operations import Held
from tollbar.storage.store import Storage

pytestmark = pytest.mark.anyio


async def count_statements(storage: Storage, allowance: AllowanceId, calls: int) -> tuple[int, int]:
    """How many statements so many holds at once are, and then as many settlements at once."""
    seen: list[str] = []
    connection = storage.journal._connection
    assert isinstance(connection, sqlite3.Connection)
    connection.set_trace_callback(seen.append)
    holds = [
        await storage.ledger.reserve(f"{calls}/{place}", [Claim(allowance, 1, 1)], estimating(f"{calls}/{place}"))
        for place in range(calls)
    ]
    storage.ledger._young.write_all()
    await storage.journal.flush()
    held, seen[:] = len(seen), []
    settlements = [storage.ledger._settle(one, [(allowance, 1)], [a_line(one.request_id)]) for one in holds]
    await storage.journal.flush()
    connection.set_trace_callback(None)
    assert all(settlement.is_over and settlement.fault is None for settlement in settlements)
    return held, len(seen)


async def test_a_batch_is_few_statements_however_large(tmp_path: Path) -> None:
    """Hundreds of calls cost hardly more statements than one."""
    async with opened(a_directory(tmp_path), StepClock()) as storage:
        (coins,) = await grant(storage, credit(10**9))
        await take(storage, coins, 10_000)
        await count_statements(storage, coins, 2)
        one, many = [await count_statements(storage, coins, calls) for calls in (1, 700)]
        assert max(one) <= 8
        assert max(many) <= 8 + 10


async def test_a_call_that_is_over_in_a_moment_has_its_settlement_alone_written(tmp_path: Path) -> None:
    """Its hold never gets a row."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        (coins,) = await grant(storage, credit(1_000))
        await take(storage, coins)
        seen: list[str] = []
        connection = storage.journal._connection
        assert isinstance(connection, sqlite3.Connection)
        connection.set_trace_callback(seen.append)
        held = await storage.ledger.reserve("r2", [Claim(coins, 2, 2)], estimating("r2"))
        await pay(storage, held, coins, 2)
        connection.set_trace_callback(None)
        assert not held.has_rows
        assert [statement for statement in seen if "holds" in statement] == []
        assert imbalances(directory) == []
        assert rows(directory, "SELECT request_id FROM holds") == [("r1",)]
        assert number(directory, "SELECT spent FROM allowances") == 2


async def test_a_hold_and_its_settlement_may_come_together(tmp_path: Path) -> None:
    """What is written in one batch is written in its order."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        (coins,) = await grant(storage, credit(1_000))
        await take(storage, coins)
        held = await storage.ledger.reserve("r2", [Claim(coins, 2, 2)], estimating("r2"))
        storage.ledger._young.write_all()
        await pay(storage, held, coins, 2)
        assert held.is_over
        assert held.has_rows
        assert imbalances(directory) == []
        assert rows(directory, "SELECT request_id FROM holds") == [("r1",)]
        assert number(directory, "SELECT spent FROM allowances") == 2


async def test_one_bad_line_spoils_no_other_settlement(tmp_path: Path) -> None:
    """A second line of one attempt is refused with its settlement; the others of its batch are written."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        (coins,) = await grant(storage, credit(1_000))
        holds = [await take(storage, coins, 1, f"r{place}") for place in range(5)]
        lines = [a_line("r1" if place == 3 else f"r{place}") for place in range(5)]
        ends = [storage.ledger._settle(held, [(coins, 1)], [line]) for held, line in zip(holds, lines, strict=True)]
        await storage.journal.flush()
        assert [type(end.fault) for end in ends] == [*[type(None)] * 3, Overloaded, type(None)]
        assert number(directory, "SELECT spent FROM allowances") == 4
        assert rows(directory, "SELECT request_id FROM holds") == [("r3",)]
        assert imbalances(directory) == []
        await storage.ledger.settle(holds[3], [(coins, 1)], [a_line("r3")])
        assert number(directory, "SELECT spent FROM allowances") == 5


async def test_a_hold_that_cannot_be_written_can_still_be_settled(tmp_path: Path) -> None:
    """Its row is missing, the amount is not: the call that goes no further releases it like any other."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        (coins,) = await grant(storage, credit(1_000))
        first = await take(storage, coins)
        held = await storage.ledger.reserve("r2", [Claim(coins, 5, 5)], estimating("r2", attempt=object()))
        with pytest.raises(Overloaded):
            await held.committed()
        await storage.ledger.settle(held, [], [a_line("r2", paid=False, credits=0)])
        await pay(storage, first, coins)
        assert await storage.ledger.standing("somebody") != ()
        assert rows(directory, "SELECT spent, (SELECT count(*) FROM holds) FROM allowances") == [(1, 0)]
        assert rows(directory, "SELECT DISTINCT flag FROM ledger") == [(None,)]
        assert imbalances(directory) == []


async def test_lines_of_calls_without_allowances_are_written(tmp_path: Path) -> None:
    """They need no process and no hold."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        held = await storage.ledger.reserve("r1", [], estimating())
        await storage.ledger.settle(held, [], [a_line(paid=False), a_line(attempt=1)])
        assert rows(directory, "SELECT attempt, paid FROM ledger") == [(0, 0), (1, 1)]
        assert isinstance(held, Held)


@pytest.mark.parametrize(("charge", "flags"), [(5, ["overrun", None]), (3, [None, None])])
async def test_an_overrun_is_flagged(tmp_path: Path, charge: int, flags: list[str | None]) -> None:
    """On the line that the caller pays, and only where the charge is above the hold."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        (coins,) = await grant(storage, credit(1_000))
        held = await take(storage, coins, 4)
        lines = [a_line(credits=charge), a_line(attempt=1, paid=False, credits=0)]
        await storage.ledger.settle(held, [(coins, charge)], lines)
        assert [flag for (flag,) in rows(directory, "SELECT flag FROM ledger")] == flags
        assert number(directory, "SELECT spent FROM allowances") == charge
        assert imbalances(directory) == []


async def test_a_hold_that_is_gone_is_not_charged(tmp_path: Path) -> None:
    """Whoever ended it: the settlement finds no row, so it writes its line as late and changes no amount."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        (coins,) = await grant(storage, credit(1_000))
        gone, other = await take(storage, coins, 1, "gone"), await take(storage, coins, 1, "other")
        before = rows(directory, "SELECT spent, leased FROM allowances")
        await storage.journal.run(lambda c: c.execute("DELETE FROM holds WHERE request_id = 'gone'").close())
        ends = [storage.ledger._settle(held, [(coins, 1)], [a_line(held.request_id)]) for held in (gone, other)]
        await storage.journal.flush()
        assert [end.fault for end in ends] == [None, None]
        assert rows(directory, "SELECT request_id, paid, flag FROM ledger") == [("gone", 0, "late"), ("other", 1, None)]
        assert rows(directory, "SELECT spent, leased FROM allowances") == [(1, before[0][1] - 1)]


async def test_a_hold_without_a_row_that_outlived_its_process_is_late(tmp_path: Path) -> None:
    """What it held went back with its process; nothing of it is taken a second time."""
    directory, clock = a_directory(tmp_path), StepClock()
    async with opened(directory, clock) as storage, opened(directory, clock) as other:
        (coins,) = await grant(storage, credit(1_000))
        await take(storage, coins)
        held = await storage.ledger.reserve("r2", [Claim(coins, 5, 5)], estimating("r2", attempt=object()))
        with pytest.raises(Overloaded):
            await held.committed()
        clock.advance(31)
        await other.ledger.tick()
        await storage.ledger.tick()
        await take(storage, coins, 1, "r3")
        with pytest.raises(Overloaded, match="taken for dead"):
            await storage.ledger.settle(held, [(coins, 5)], [a_line("r2")])
        assert rows(directory, "SELECT paid, flag FROM ledger WHERE request_id = 'r2'") == [(0, "late")]
        assert number(directory, "SELECT spent FROM allowances") == 0
        assert imbalances(directory) == []


async def test_the_statement_that_leases_is_its_own_judge(tmp_path: Path) -> None:
    """Should what was read before it be wrong, it refuses to oversell, and nothing is written."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        (coins,) = await grant(storage, credit(10))
        writer, sql = storage.ledger._writer, storage.ledger._writer._sql
        writer._sql = replace(sql, balances=sql.balances.replace("allowances.granted", "allowances.granted + 1000"))
        with pytest.raises(Overloaded):
            await take(storage, coins, 20)
        writer._sql = sql
        await take(storage, coins, 10, "r2")
        assert rows(directory, "SELECT leased FROM allowances") == [(10,)]


async def test_what_is_given_back_is_taken_in_although_too_much_is_spent(tmp_path: Path) -> None:
    """A call that is refused returns the idle rest, however far below zero the balance is."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        (coins,) = await grant(storage, credit(1_000))
        held = await take(storage, coins)
        await pay(storage, held, coins, 5_000)
        assert number(directory, "SELECT leased FROM allowances") > 0
        with pytest.raises(OutOfCredit):
            await take(storage, coins, 500, "r2")
        assert rows(directory, "SELECT spent, leased FROM allowances") == [(5_000, 0)]


async def test_a_hold_of_an_older_period_touches_no_lease_of_the_new_one(tmp_path: Path) -> None:
    """It is charged to nobody's present allowance, and what is leased now stays so."""
    directory, clock = a_directory(tmp_path), StepClock()
    async with opened(directory, clock) as storage:
        (coins,) = await grant(storage, Grant(Unit.CREDITS, 100_000, Reset.HOUR))
        old = await take(storage, coins, 7, "old")
        clock.advance(3_600)
        await storage.ledger.tick()
        await take(storage, coins, 2, "new")
        before = rows(directory, "SELECT leased, amount FROM allowances, leases")
        await pay(storage, old, coins, 5)
        assert rows(directory, "SELECT leased, amount FROM allowances, leases") == before
        assert imbalances(directory) == []
