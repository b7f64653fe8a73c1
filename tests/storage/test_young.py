"""Young holds: what is written, and when."""

import asyncio
from pathlib import Path

import pytest

from tests.storage.making import (
    StepClock,
    a_directory,
    an_estimate,
    credit,
    estimating,
    grant,
    imbalances,
    opened,
    rows,
    take,
)
from tollbar.domain.errors import Overloaded
from tollbar.ports.money import Claim
from tollbar.storage.operations import Held
from tollbar.storage.young import AGE_SECONDS, Young

pytestmark = pytest.mark.anyio


def a_hold(number: int = 1) -> Held:
    """A hold without parts."""
    return Held(number, f"r{number}")


async def test_one_is_written_by_itself_after_a_while() -> None:
    """With its estimate, and once; the next begins anew."""
    written: asyncio.Queue[Held] = asyncio.Queue()
    young = Young(written.put_nowait)
    for held in (a_hold(1), a_hold(2)):
        young.add(held, estimating(held.request_id))
        assert not held.has_rows
        assert await written.get() is held
        assert held.estimate == an_estimate(held.request_id)
        await asyncio.sleep(3 * AGE_SECONDS)
        assert written.empty()


async def test_one_that_came_later_is_written_later() -> None:
    """Each has its moment, however many come."""
    written: list[Held] = []
    young = Young(written.append)
    first, second = a_hold(1), a_hold(2)
    young.add(first, estimating())
    young._turn()
    young.add(second, estimating())
    young._turn()
    assert written == [first]
    young._turn()
    assert written == [first, second]


async def test_one_that_is_forgotten_never_is() -> None:
    """Of any age; and forgetting what is none of them does nothing."""
    written: list[Held] = []
    young = Young(written.append)
    older, newer = a_hold(1), a_hold(2)
    young.add(older, estimating())
    young._turn()
    young.add(newer, estimating())
    for held in (older, newer, newer):
        young.forget(held)
    young.write_all()
    await asyncio.sleep(4 * AGE_SECONDS)
    assert written == []


@pytest.mark.parametrize("hurried", range(3))
async def test_where_one_answer_begins_all_are_written(hurried: int) -> None:
    """In the order in which they came, and none twice; one that is not young hurries nobody."""
    written: list[Held] = []
    young = Young(written.append)
    older, first, second = holds = [a_hold(number) for number in range(3)]
    young.add(older, estimating())
    young._turn()
    for held in (first, second):
        young.add(held, estimating())
    young.hurry(a_hold(9))
    assert written == []
    for _ in range(2):
        young.hurry(holds[hurried])
    young.write_all()
    assert written == holds
    assert all(held.has_rows for held in holds)


async def test_a_call_that_lasts_has_its_row_though_nobody_waits_for_it(tmp_path: Path) -> None:
    """It is there for the case that the process dies."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        (coins,) = await grant(storage, credit(1_000))
        await take(storage, coins)
        held = await storage.ledger.reserve("r2", [Claim(coins, 2, 2)], estimating("r2"))
        assert rows(directory, "SELECT request_id FROM holds") == [("r1",)]
        await held.wait()  # as no call does, for that hurries nothing
        assert rows(directory, "SELECT request_id FROM holds") == [("r1",), ("r2",)]
        assert imbalances(directory) == []


async def test_what_asks_for_the_holds_finds_the_youngest(tmp_path: Path) -> None:
    """A standing has them, and a server that ends while a call is young resolves it like any other."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        (coins,) = await grant(storage, credit(1_000))
        await take(storage, coins)
        await storage.ledger.reserve("r2", [Claim(coins, 2, 2)], estimating("r2"))
        (standing,) = await storage.ledger.standing("somebody")
        assert standing.held == 3
        await storage.ledger.reserve("r3", [Claim(coins, 4, 4)], estimating("r3"))
    assert rows(directory, "SELECT request_id FROM ledger ORDER BY 1") == [("r1",), ("r2",), ("r3",)]
    assert imbalances(directory) == []


async def test_a_store_that_takes_nothing_admits_no_call(tmp_path: Path) -> None:
    """Though its hold would not be written yet."""
    async with opened(a_directory(tmp_path), StepClock()) as storage:
        (coins,) = await grant(storage, credit(1_000))
        await take(storage, coins)
        storage.journal._set_refusal("The store cannot be reached at the moment.")
        with pytest.raises(Overloaded, match="cannot be reached"):
            await storage.ledger.reserve("r2", [Claim(coins, 2, 2)], estimating("r2"))
        storage.journal._set_refusal("")
        await storage.ledger.reserve("r2", [Claim(coins, 2, 2)], estimating("r2"))
