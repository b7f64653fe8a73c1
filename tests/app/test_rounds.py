"""Chores by a clock that the test moves."""

import asyncio
from itertools import pairwise

import pytest

from tests.storage.making import StepClock
from tollbar.app.rounds import Rounds
from tollbar.domain.errors import Overloaded

pytestmark = pytest.mark.anyio


async def test_a_fault_of_ours_ends_nothing() -> None:
    """A chore that crashes is told of and tried again, later each time; once it works it has its pace again."""
    clock, done, crashed = StepClock(), list[float](), list[str]()

    async def tick() -> None:
        done.append(clock.seconds)
        if len(done) < 4:
            raise ZeroDivisionError
        if len(done) == 4:
            raise Overloaded("The store is away.")

    ticking = asyncio.create_task(Rounds(clock, crashed.append).every(5.0, tick))
    for _ in range(122):
        await asyncio.sleep(0)
        clock.advance(1)
    await asyncio.sleep(0)
    assert not ticking.done()
    ticking.cancel()
    assert [after - before for before, after in pairwise(done)] == [10, 20, 40, 40, 5]
    assert crashed == ["tick"] * 3
