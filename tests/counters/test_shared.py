"""What several processes count together; the promises of every counter are in `tests/contracts`."""

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.counters.clock import ManualClock
from tollbar.counters.memory import MemoryCounters
from tollbar.counters.shared import EXPIRY_SECONDS, SharedCounters
from tollbar.domain.limits import Charge, Limit, Measure

pytestmark = pytest.mark.anyio

PER_MINUTE = Limit(Measure.REQUESTS, 20, 60)
AT_ONCE = Limit(Measure.CONCURRENCY, 3, 0)


@pytest.fixture
def clock() -> ManualClock:
    """One clock for all workers, as they have one machine."""
    return ManualClock(86_400.0)


@pytest.fixture
def workers(clock: ManualClock, tmp_path: Path) -> Iterator[list[SharedCounters]]:
    """Three workers."""
    with ExitStack() as stack:
        yield [stack.enter_context(closing(SharedCounters(clock, tmp_path, number))) for number in range(3)]


async def passes(counters: SharedCounters, *charges: Charge) -> bool:
    """Whether all the charges were taken."""
    return (await counters.take(charges)).refused is None


async def test_a_rate_is_one_whoever_counts(workers: list[SharedCounters]) -> None:
    """Twenty pass, wherever they arrive; and what one gives back another can take."""
    charge = Charge("key:a", PER_MINUTE)
    results = [await passes(workers[number % 3], charge) for number in range(60)]
    assert results == [True] * 20 + [False] * 40
    workers[0].give_back([charge], 86_400.0)
    assert await passes(workers[1], charge)
    assert not await passes(workers[2], charge)


async def test_slots_are_one_pool(workers: list[SharedCounters]) -> None:
    """Each gives back its own, and no other's."""
    charge = Charge("key:a", AT_ONCE)
    assert [await passes(worker, charge) for worker in workers] == [True, True, True]
    assert not await passes(workers[0], charge)
    workers[0].give_back([charge, charge], 0.0)
    assert await passes(workers[1], charge)
    assert not await passes(workers[2], charge)


async def test_the_slots_of_a_worker_that_is_started_anew_are_free(
    workers: list[SharedCounters], clock: ManualClock, tmp_path: Path
) -> None:
    """Its calls died with it; rates go on."""
    await workers[1].take([Charge("key:a", AT_ONCE, 3), Charge("key:a", PER_MINUTE, 20)])
    assert not await passes(workers[0], Charge("key:a", AT_ONCE))
    with closing(SharedCounters(clock, tmp_path, 1)):
        assert await passes(workers[0], Charge("key:a", AT_ONCE, 3))
        assert not await passes(workers[0], Charge("key:a", PER_MINUTE))


async def test_the_slots_of_a_worker_that_is_silent_are_free(workers: list[SharedCounters], clock: ManualClock) -> None:
    """After half a minute without a word; a word brings them back."""
    await workers[1].take([Charge("key:a", AT_ONCE, 3)])
    clock.seconds += EXPIRY_SECONDS - 1
    assert not await passes(workers[0], Charge("key:a", AT_ONCE))
    clock.seconds += 2
    workers[2].beat()
    assert await passes(workers[0], Charge("key:a", AT_ONCE))
    workers[1].beat()
    assert not await passes(workers[0], Charge("key:a", AT_ONCE))


async def test_it_counts_as_memory_does(workers: list[SharedCounters], clock: ManualClock) -> None:
    """Five thousand random takes and corrections in random moments: the same verdicts, to the last digit."""
    dice, memory = random.Random(7), MemoryCounters(clock)
    limits = [
        *(Limit(Measure.REQUESTS, amount, seconds) for amount, seconds in ((5, 1), (40, 60), (300, 3_600))),
        Limit(Measure.TOKENS, 2_000, 60),
    ]
    taken: list[tuple[list[Charge], float]] = []
    for _ in range(5_000):
        clock.seconds += dice.choice((0.0, 0.01, 0.3, 0.3, 2.0, 70.0))
        worker = dice.choice(workers)
        if taken and dice.random() < 0.3:
            charges, at = taken.pop(dice.randrange(len(taken)))
            memory.give_back(charges, at)
            worker.give_back(charges, at)
            continue
        chosen = dice.sample(limits, dice.randint(1, 3))
        charges = [Charge(dice.choice("abc"), limit, dice.randint(0, 9)) for limit in chosen]
        verdict = await worker.take(charges)
        assert verdict == await memory.take(charges)
        if verdict.refused is None:
            taken.append((charges, verdict.taken_at))


TAKES = """
import asyncio, sys
from pathlib import Path
from tollbar.clock import SystemClock
from tollbar.counters.shared import SharedCounters
from tollbar.domain.limits import Charge, Limit, Measure

counters = SharedCounters(SystemClock(), Path(sys.argv[1]), int(sys.argv[2]))
limits = [Limit(Measure.REQUESTS, 1_000, 86_400), Limit(Measure.TOKENS, 5_000, 86_400)]
async def take():
    passed = 0
    for number in range(900):
        charges = [Charge("key:a", limits[0]), Charge("key:b", limits[1], 5), Charge(f"address:{number}", limits[0])]
        passed += (await counters.take(charges)).refused is None
    return passed
print(asyncio.run(take()))
"""


def test_processes_that_take_at_once_take_no_more_than_there_is(tmp_path: Path) -> None:
    """Three processes on limits of a thousand: a thousand pass in all."""
    made = [
        subprocess.Popen([sys.executable, "-c", TAKES, str(tmp_path), str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(3)
    ]
    passed = [int(process.communicate(timeout=40)[0]) for process in made]
    assert sum(passed) == 1_000
