"""What processes count together in a Valkey, and what they do while it is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.counters.clock import ManualClock
from tests.valkey import Valkey, valkey
from tollbar.counters.redis import EXPIRY_SECONDS, TRY_AGAIN_SECONDS, RedisCounters
from tollbar.domain.errors import Overloaded
from tollbar.domain.limits import Charge, Limit, Measure

pytestmark = pytest.mark.anyio

PER_MINUTE = Limit(Measure.REQUESTS, 20, 60)
AT_ONCE = Limit(Measure.CONCURRENCY, 3, 0)
CHARGE = Charge("key:a", PER_MINUTE)
SLOT = Charge("key:a", AT_ONCE)


@pytest.fixture
def clock() -> ManualClock:
    """One clock for all."""
    return ManualClock(86_400.0)


@pytest.fixture
async def three(clock: ManualClock) -> AsyncIterator[list[RedisCounters]]:
    """Three processes."""
    valkey().empty()
    async with AsyncExitStack() as stack:
        made = [RedisCounters(valkey().address, clock, time=clock.monotonic) for _ in range(3)]
        for counters in made:
            stack.push_async_callback(counters.close)
        yield made


async def passes(counters: RedisCounters, *charges: Charge) -> bool:
    """Whether all the charges were taken."""
    return (await counters.take(charges)).refused is None


async def test_a_rate_is_one_whoever_counts(three: list[RedisCounters]) -> None:
    """Of sixty at once on three processes twenty pass."""
    results = await asyncio.gather(*(passes(three[number % 3], CHARGE) for number in range(60)))
    assert sum(results) == 20


async def test_slots_belong_to_their_process(three: list[RedisCounters], clock: ManualClock) -> None:
    """Each gives back its own; those of a process that was silent for half a minute are free."""
    assert [await passes(counters, SLOT) for counters in three] == [True, True, True]
    three[0].give_back([SLOT, SLOT], 0.0)
    assert await passes(three[0], SLOT)
    assert not await passes(three[1], SLOT)
    clock.seconds += EXPIRY_SECONDS - 1
    await three[0].beat()
    await three[1].beat()
    clock.seconds += 2
    assert await passes(three[1], SLOT)  # the third's
    assert not await passes(three[1], SLOT)


async def test_the_server_s_own_clock_counts() -> None:
    """Two processes whose clocks disagree by an hour share one window."""
    valkey().empty()
    early, late = (RedisCounters(valkey().address, ManualClock(seconds)) for seconds in (0.0, 3_600.0))
    assert await passes(early, Charge("key:a", PER_MINUTE, 20))
    assert not await passes(late, CHARGE)
    await early.close()
    await late.close()


async def test_what_is_given_back_goes_by_itself(three: list[RedisCounters], clock: ManualClock) -> None:
    """Also where nobody takes anything any more."""
    await three[0].take([Charge("key:a", AT_ONCE, 3)])
    running = asyncio.create_task(three[0].run())
    three[0].give_back([Charge("key:a", AT_ONCE, 3)], 0.0)
    async with asyncio.timeout(60):
        while three[0]._owed:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
    running.cancel()
    assert await passes(three[1], SLOT)


@pytest.mark.parametrize("is_open", [True, False])
async def test_without_the_server(is_open: bool) -> None:
    """Open, each counts for itself; closed, what has a rate is refused; without a rate, calls pass either way."""
    server, clock = Valkey(), ManualClock()
    counters = RedisCounters(server.address, clock, is_open)
    assert await passes(counters, CHARGE)
    server.kill()
    if is_open:
        assert [await passes(counters, CHARGE) for _ in range(21)] == [True] * 20 + [False]
    else:
        for _ in range(2):
            with pytest.raises(Overloaded, match="Rates cannot be counted"):
                await counters.take([CHARGE])
    assert await passes(counters)
    counters.give_back([CHARGE], 0.0)
    server.start()
    clock.seconds += TRY_AGAIN_SECONDS
    assert [await passes(counters, CHARGE) for _ in range(21)] == [True] * 20 + [False]
    await counters.close()
    server.stop()


async def test_a_take_is_one_round_trip(three: list[RedisCounters]) -> None:
    """What is owed goes along: the server sees one read of the socket for the three scripts."""
    charges = [CHARGE, SLOT, Charge("address:b", PER_MINUTE)]
    await three[0].take(charges)
    before = await three[0]._client.info("stats")
    three[0].give_back([SLOT], 0.0)
    three[0].give_back([CHARGE], 86_400.0)
    await three[0].take(charges)
    after = await three[0]._client.info("stats")
    assert after["total_reads_processed"] - before["total_reads_processed"] == 2  # the take, and this question
    assert after["total_commands_processed"] - before["total_commands_processed"] >= 4
