"""What every implementation of the `Counters` port promises."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path

import pytest

from tests.counters.clock import ManualClock
from tests.valkey import valkey
from tollbar.counters.memory import MemoryCounters
from tollbar.counters.redis import RedisCounters
from tollbar.counters.shared import SharedCounters
from tollbar.domain.limits import Charge, Limit, Measure, Room
from tollbar.ports.clock import Clock
from tollbar.ports.money import Counters

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def memory(clock: Clock, directory: Path) -> AsyncIterator[Counters]:
    """Those of one process."""
    yield MemoryCounters(clock)


@asynccontextmanager
async def shared(clock: Clock, directory: Path) -> AsyncIterator[Counters]:
    """Those of several workers, as one of them has them."""
    with closing(SharedCounters(clock, directory)) as counters:
        yield counters


@asynccontextmanager
async def redis(clock: Clock, directory: Path) -> AsyncIterator[Counters]:
    """Those of many machines."""
    valkey().empty()
    counters = RedisCounters(valkey().address, clock, time=clock.monotonic)
    yield counters
    await counters.close()


IMPLEMENTATIONS: dict[str, Callable[[Clock, Path], AbstractAsyncContextManager[Counters]]] = {
    "memory": memory,
    "shared": shared,
    "redis": redis,
}

PER_MINUTE = Limit(Measure.REQUESTS, 20, 60)
PER_DAY = Limit(Measure.REQUESTS, 100, 86_400)
TOKENS = Limit(Measure.TOKENS, 1_000, 60)
AT_ONCE = Limit(Measure.CONCURRENCY, 3, 0)


@pytest.fixture
def clock() -> ManualClock:
    """A clock at the start of a bucket of every window used here."""
    return ManualClock(86_400.0)


@pytest.fixture(params=sorted(IMPLEMENTATIONS))
async def counters(request: pytest.FixtureRequest, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Counters]:
    """One implementation after the other, on the test's clock."""
    async with IMPLEMENTATIONS[request.param](clock, tmp_path) as counters:
        yield counters


async def passes(counters: Counters, *charges: Charge) -> bool:
    """Whether all the charges were taken."""
    return (await counters.take(charges)).refused is None


async def test_a_limit_lets_its_amount_pass_and_no_more(counters: Counters) -> None:
    """Of many requests in one moment exactly the limit's amount passes."""
    results = [await passes(counters, Charge("key:a", PER_MINUTE)) for _ in range(60)]
    assert results == [True] * 20 + [False] * 40


async def test_simultaneous_takes_never_exceed_the_limit(counters: Counters) -> None:
    """Callers that take at the same time share one limit."""
    results = await asyncio.gather(*(passes(counters, Charge("key:a", PER_MINUTE)) for _ in range(60)))
    assert sum(results) == 20


async def test_rooms_tell_what_is_left_and_when_all_is_free(counters: Counters, clock: ManualClock) -> None:
    """Each charge gets the room of its own limit, in the order of the charges, exact to the second."""
    await counters.take([Charge("key:a", PER_MINUTE)])
    clock.seconds += 10.5
    verdict = await counters.take(
        [Charge("key:a", PER_MINUTE, 2), Charge("key:a", AT_ONCE), Charge("key:a", TOKENS, 7)]
    )
    expected = (
        Room("key:a", PER_MINUTE, 17, 60.5),
        Room("key:a", AT_ONCE, 2, 0.0),
        Room("key:a", TOKENS, 993, 60.5),
    )
    assert expected == verdict.rooms
    assert verdict.taken_at == clock.seconds


async def test_no_double_limit_at_a_boundary(counters: Counters, clock: ManualClock) -> None:
    """What was taken at the end of one minute still counts in the next."""
    clock.seconds += 59.9
    assert await passes(counters, Charge("key:a", PER_MINUTE, 20))
    clock.seconds += 60.0
    assert not await passes(counters, Charge("key:a", PER_MINUTE))


async def test_a_charge_is_forgotten_one_bucket_after_its_window(counters: Counters, clock: ManualClock) -> None:
    """A charge stops counting when the oldest bucket that may hold it has left the window: after 61 sixtieths."""
    await counters.take([Charge("key:a", PER_MINUTE, 20)])
    clock.seconds += 60.99
    assert not await passes(counters, Charge("key:a", PER_MINUTE))
    clock.seconds += 0.01
    assert await passes(counters, Charge("key:a", PER_MINUTE, 20))


async def test_retry_after_is_the_first_moment_with_room(counters: Counters, clock: ManualClock) -> None:
    """Waiting the seconds of a refusal lets the same charge pass, and a moment less does not."""
    for amount in (5, 10, 5):
        await counters.take([Charge("key:a", PER_MINUTE, amount)])
        clock.seconds += 7.25
    verdict = await counters.take([Charge("key:a", PER_MINUTE, 12)])
    assert verdict.refused == Charge("key:a", PER_MINUTE, 12)
    # Five come free after 61 seconds, the next ten, which the charge needs too, at second 7 + 61.
    assert verdict.retry_after_seconds == 68.0 - 21.75
    clock.seconds += verdict.retry_after_seconds - 0.125
    assert not await passes(counters, Charge("key:a", PER_MINUTE, 12))
    clock.seconds += 0.125
    assert await passes(counters, Charge("key:a", PER_MINUTE, 12))


async def test_a_refusal_takes_nothing(counters: Counters) -> None:
    """When one charge does not fit, none is counted, whatever its place in the order."""
    full = Limit(Measure.REQUESTS, 0, 3_600)
    for charges in ([("key:a", full), ("key:a", PER_MINUTE)], [("key:a", AT_ONCE), ("key:a", full)]):
        assert not await passes(counters, *(Charge(scope, limit) for scope, limit in charges))
    verdict = await counters.take([Charge("key:a", PER_MINUTE, 20), Charge("key:a", AT_ONCE, 3)])
    assert verdict.refused is None
    assert [room.remaining for room in verdict.rooms] == [0, 0]


async def test_a_refusal_names_the_limit_with_the_longest_wait(counters: Counters, clock: ManualClock) -> None:
    """With the minute and the day both used up, the day is named and its wait given, in either order."""
    day = Limit(Measure.REQUESTS, 20, 86_400)
    await counters.take([Charge("key:a", PER_MINUTE, 20), Charge("key:a", day, 20)])
    clock.seconds += 1.0
    for limits in ((PER_MINUTE, day, TOKENS), (TOKENS, day, PER_MINUTE)):
        verdict = await counters.take([Charge("key:a", limit) for limit in limits])
        assert verdict.refused == Charge("key:a", day)
        assert verdict.retry_after_seconds == 86_400 / 60 * 61 - 1
        assert [room.remaining for room in verdict.rooms] == [1_000 if limit is TOKENS else 0 for limit in limits]


async def test_rooms_of_a_refusal_tell_how_the_limits_stand(counters: Counters) -> None:
    """A refusal shows what is left, unchanged by the attempt."""
    await counters.take([Charge("key:a", PER_MINUTE, 15), Charge("key:a", AT_ONCE, 1)])
    verdict = await counters.take([Charge("key:a", PER_MINUTE, 6), Charge("key:a", AT_ONCE), Charge("key:a", TOKENS)])
    expected = (
        Room("key:a", PER_MINUTE, 5, 61.0),
        Room("key:a", AT_ONCE, 2, 0.0),
        Room("key:a", TOKENS, 1_000, 0.0),
    )
    assert expected == verdict.rooms


async def test_a_charge_above_its_whole_limit_waits_a_window(counters: Counters) -> None:
    """A charge that can never fit is refused for the length of its window, and takes nothing."""
    verdict = await counters.take([Charge("key:a", TOKENS, 1_001)])
    assert verdict.refused == Charge("key:a", TOKENS, 1_001)
    assert verdict.retry_after_seconds == 60.0
    assert await passes(counters, Charge("key:a", TOKENS, 1_000))


async def test_one_take_may_charge_a_limit_twice(counters: Counters) -> None:
    """Two charges of one limit add up, and are refused together."""
    assert not await passes(counters, Charge("key:a", PER_MINUTE, 11), Charge("key:a", PER_MINUTE, 10))
    assert await passes(counters, Charge("key:a", PER_MINUTE, 10), Charge("key:a", PER_MINUTE, 10))
    assert not await passes(counters, Charge("key:a", PER_MINUTE))


async def test_scopes_measures_and_windows_are_counted_apart(counters: Counters) -> None:
    """Using one limit up leaves those of other scopes, measures and windows alone."""
    assert await passes(counters, Charge("key:a", PER_MINUTE, 20))
    assert await passes(counters, Charge("key:b", PER_MINUTE, 20))
    assert await passes(counters, Charge("key:a", PER_DAY, 20))
    assert await passes(counters, Charge("key:a", TOKENS, 20))


async def test_a_changed_amount_keeps_what_was_counted(counters: Counters) -> None:
    """Raising or lowering a limit does not forget the requests that were already made."""
    await counters.take([Charge("key:a", PER_MINUTE, 15)])
    assert not await passes(counters, Charge("key:a", Limit(Measure.REQUESTS, 10, 60)))
    assert not await passes(counters, Charge("key:a", Limit(Measure.REQUESTS, 30, 60), 16))
    assert await passes(counters, Charge("key:a", Limit(Measure.REQUESTS, 30, 60), 15))


async def test_no_charges_are_always_taken(counters: Counters) -> None:
    """A caller without limits passes."""
    verdict = await counters.take([])
    assert (verdict.refused, verdict.rooms) == (None, ())


async def test_concurrency_is_free_when_given_back_and_not_before(counters: Counters, clock: ManualClock) -> None:
    """A slot stays taken however long a call lasts."""
    charge = Charge("key:a", AT_ONCE)
    taken = [await counters.take([charge]) for _ in range(3)]
    clock.seconds += 1_000_000
    refusal = await counters.take([charge])
    assert refusal.refused == charge
    assert refusal.retry_after_seconds > 0
    counters.give_back([charge], taken[0].taken_at)
    assert await passes(counters, charge)
    assert not await passes(counters, charge)


async def test_concurrency_never_falls_below_nothing(counters: Counters, clock: ManualClock) -> None:
    """Giving back more than was taken opens no more slots than there are."""
    counters.give_back([Charge("key:a", AT_ONCE, 5)], clock.seconds)
    assert await passes(counters, Charge("key:a", AT_ONCE, 3))
    assert not await passes(counters, Charge("key:a", AT_ONCE))


async def test_a_correction_reaches_the_moment_of_the_charge(counters: Counters, clock: ManualClock) -> None:
    """What is given back leaves the bucket in which it was counted; later charges stay where they are."""
    first = await counters.take([Charge("key:a", TOKENS, 600)])
    clock.seconds += 30.0
    await counters.take([Charge("key:a", TOKENS, 400)])
    counters.give_back([Charge("key:a", TOKENS, 500)], first.taken_at)
    verdict = await counters.take([Charge("key:a", TOKENS, 501)])
    assert [room.remaining for room in verdict.rooms] == [500]
    # A hundred come free with the first charge's bucket: one is missing, and it does not help to wait for more.
    assert verdict.retry_after_seconds == 31.0


async def test_a_correction_may_take_more_than_the_limit(counters: Counters, clock: ManualClock) -> None:
    """A negative amount is counted even beyond the limit, and then nothing is left, never less."""
    taken = await counters.take([Charge("key:a", TOKENS, 900)])
    counters.give_back([Charge("key:a", TOKENS, -600)], taken.taken_at)
    verdict = await counters.take([Charge("key:a", TOKENS)])
    assert verdict.refused == Charge("key:a", TOKENS)
    assert [room.remaining for room in verdict.rooms] == [0]
    clock.seconds += verdict.retry_after_seconds
    assert await passes(counters, Charge("key:a", TOKENS, 1_000))


async def test_a_correction_of_a_past_window_changes_nothing(counters: Counters, clock: ManualClock) -> None:
    """A charge that is counted no more can neither be given back nor grow."""
    taken = await counters.take([Charge("key:a", TOKENS, 900)])
    clock.seconds += 61.0
    await counters.take([Charge("key:a", TOKENS, 600)])
    counters.give_back([Charge("key:a", TOKENS, 900), Charge("key:a", TOKENS, -900)], taken.taken_at)
    verdict = await counters.take([Charge("key:a", TOKENS, 100)])
    assert [room.remaining for room in verdict.rooms] == [300]


async def test_a_correction_reaches_the_oldest_bucket_that_counts(counters: Counters, clock: ManualClock) -> None:
    """As long as a charge is counted it can be given back."""
    taken = await counters.take([Charge("key:a", TOKENS, 1_000)])
    clock.seconds += 60.5
    counters.give_back([Charge("key:a", TOKENS, 300)], taken.taken_at)
    assert await passes(counters, Charge("key:a", TOKENS, 300))


async def test_a_correction_gives_back_no_more_than_was_counted(counters: Counters) -> None:
    """An amount above the charge frees the charge alone."""
    taken = await counters.take([Charge("key:a", TOKENS, 100)])
    counters.give_back([Charge("key:a", TOKENS, 5_000), Charge("key:b", TOKENS, 1)], taken.taken_at)
    verdict = await counters.take([Charge("key:a", TOKENS, 1_000)])
    assert [room.remaining for room in verdict.rooms] == [0]
    assert not await passes(counters, Charge("key:a", TOKENS))


async def test_a_correction_upwards_needs_no_earlier_charge(counters: Counters, clock: ManualClock) -> None:
    """More may be taken for a scope that the counters do not know, and at a moment within the window."""
    counters.give_back([Charge("key:a", TOKENS, -400)], clock.seconds - 10.0)
    verdict = await counters.take([Charge("key:a", TOKENS, 601)])
    assert verdict.refused is not None
    assert verdict.retry_after_seconds == 51.0
