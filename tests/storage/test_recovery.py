"""What becomes of the holds of a process that died."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.storage.making import (
    AT,
    DOLLAR,
    StepClock,
    a_directory,
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
from tollbar.domain.identity import AllowanceId, Grant, Reset
from tollbar.domain.money import Unit
from tollbar.domain.usage import Usage
from tollbar.ports.money import Claim
from tollbar.storage.recovery import resolve
from tollbar.storage.store import Storage
from tollbar.storage.times import microseconds

pytestmark = pytest.mark.anyio

DOLLARS, TOKENS = Grant(Unit.DOLLARS, 100 * DOLLAR), Grant(Unit.TOKENS, 10**6)


async def die(storage: Storage) -> int:
    """Has another one resolve this process; how many calls it says were lost."""
    process, sql = storage.ledger._writer.process, storage.ledger._statements.ledger
    return await storage.journal.run(lambda connection: resolve(connection, sql, [process]))


async def hold(storage: Storage, *claims: tuple[AllowanceId, int], name: str = "r1", **estimate: Any) -> None:
    """A durable hold."""
    held = await storage.ledger.reserve(
        name, [Claim(allowance, amount, amount) for allowance, amount in claims], estimating(name, **estimate)
    )
    await held.committed()


def spent(directory: Path) -> Sequence[tuple[int, int]]:
    """Spent and leased of each allowance."""
    return rows(directory, "SELECT spent, leased FROM allowances ORDER BY id")


async def test_credits_are_released_and_the_call_has_its_line(tmp_path: Path) -> None:
    """The call did not end, so it costs no credit and is no use; what the provider may bill is on the installation."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        coins, uses = await grant(storage, credit(1_000), Grant(Unit.USES, 1))
        await hold(storage, (coins, 3), (uses, 1))
        assert await die(storage) == 1
    assert spent(directory) == [(0, 0), (0, 0)]
    found = "SELECT request_id, attempt, outcome, provenance, flag, paid, credits, cost_nano_dollars, at FROM ledger"
    assert rows(directory, found) == [
        ("r1", 0, "lost", "estimate", "estimate", 0, 0, DOLLAR // 5, microseconds(AT)),
    ]


async def test_dollars_and_tokens_are_charged_as_estimated(tmp_path: Path) -> None:
    """The provider bills them; the line says how much, and that it is an estimate that the caller paid."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        coins, dollars, tokens = await grant(storage, credit(1_000), DOLLARS, TOKENS)
        await hold(
            storage,
            *((coins, 3), (dollars, 2 * DOLLAR), (tokens, 500)),
            cost_nano_dollars=DOLLAR,
            usage=Usage(200, 100),
        )
        assert await die(storage) == 1
    assert spent(directory) == [(0, 0), (DOLLAR, 0), (300, 0)]
    assert rows(directory, "SELECT paid, credits, cost_nano_dollars, flag FROM ledger") == [(1, 0, DOLLAR, "estimate")]


async def test_settled_calls_are_left_alone(tmp_path: Path) -> None:
    """Only what was still open is resolved, and all that was leased goes back."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        (dollars,) = await grant(storage, Grant(Unit.DOLLARS, 10**6))
        held = await take(storage, dollars, 7, "r1")
        await hold(storage, (dollars, 9), name="r2", cost_nano_dollars=4)
        await pay(storage, held, dollars, 5)
        assert number(directory, "SELECT leased FROM allowances") > 9
        assert await die(storage) == 1
    assert spent(directory) == [(9, 0)]
    assert rows(directory, "SELECT request_id, outcome FROM ledger ORDER BY id") == [("r1", "ok"), ("r2", "lost")]
    assert [number(directory, f"SELECT count(*) FROM {table}") for table in ("holds", "leases", "processes")] == [0] * 3


async def test_resolving_again_changes_nothing(tmp_path: Path) -> None:
    """Neither does resolving nobody."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        (dollars,) = await grant(storage, DOLLARS)
        await hold(storage, (dollars, 9), cost_nano_dollars=4)
        sql = storage.ledger._statements.ledger
        counts = [await die(storage), await die(storage)]
        counts.append(await storage.journal.run(lambda connection: resolve(connection, sql, [])))
        assert counts == [1, 0, 0]
    assert (spent(directory), number(directory, "SELECT count(*) FROM ledger")) == ([(4, 0)], 1)


async def test_a_lost_call_is_charged_to_the_period_of_its_admission(tmp_path: Path) -> None:
    """A hold of yesterday does not spend of today."""
    directory, clock = a_directory(tmp_path), StepClock()
    async with opened(directory, clock) as storage:
        (dollars,) = await grant(storage, Grant(Unit.DOLLARS, 1_000, Reset.DAY))
        await hold(storage, (dollars, 9), name="old", cost_nano_dollars=4)
        clock.advance(86_400)
        await storage.ledger.tick()
        await hold(storage, (dollars, 5), name="new", cost_nano_dollars=3)
        assert await die(storage) == 2
    assert spent(directory) == [(3, 0)]


async def test_a_line_that_is_there_already_does_not_stop_recovery(tmp_path: Path) -> None:
    """The lost call's line comes after those of its request that are on record."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        (coins,) = await grant(storage, credit(1_000))
        first = await take(storage, coins, 1, "same")
        await pay(storage, first, coins)
        await hold(storage, (coins, 1), name="same")
        assert await die(storage) == 1
    assert rows(directory, "SELECT attempt, outcome FROM ledger ORDER BY id") == [(0, "ok"), (1, "lost")]


async def test_many_lost_calls_are_resolved_at_once(tmp_path: Path) -> None:
    """A process that died with hundreds of open calls leaves nothing held."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        (dollars,) = await grant(storage, Grant(Unit.DOLLARS, 10**6))
        await asyncio.gather(
            *(hold(storage, (dollars, 5), name=f"r{place}", cost_nano_dollars=2) for place in range(300))
        )
        assert await die(storage) == 300
    assert (spent(directory), imbalances(directory)) == ([(600, 0)], [])
