"""What several processes do about an allowance that is used up in the store, while some of them keep some of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.storage.making import StepClock, a_directory, credit, estimating, grant, imbalances, number, opened, take
from tollbar.domain.errors import OutOfCredit
from tollbar.domain.identity import AllowanceId
from tollbar.ports.money import Claim
from tollbar.storage.ledger import RECALL_SECONDS, RECALL_STEP_SECONDS
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
async def two(directory: Path, clock: StepClock) -> AsyncIterator[tuple[Storage, Storage]]:
    """Two processes on one file."""
    async with opened(directory, clock) as first, opened(directory, clock) as second:
        yield first, second


async def reserve(storage: Storage, allowance: AllowanceId, amount: int) -> int:
    """Holds an amount for a call; how much is held."""
    held = await storage.ledger.reserve("r", [Claim(allowance, amount, amount)], estimating("r"))
    return held.held(allowance)


async def pass_time(clock: StepClock, *others: Storage) -> None:
    """One step of waiting, in which others hear what is recalled."""
    for _ in range(20):
        await asyncio.sleep(0.001)
    for other in others:
        await other.ledger.heed()
        await other.journal.flush()
    clock.advance(RECALL_STEP_SECONDS)


async def test_what_another_process_keeps_ready_is_given_back(
    two: tuple[Storage, Storage], clock: StepClock, directory: Path
) -> None:
    """A call that needs it waits a moment and has it; the other keeps nothing then, and asks the store for its next."""
    first, second = two
    (allowance,) = await grant(first, credit(400))
    await take(first, allowance)
    assert number(directory, "SELECT leased FROM allowances") == 100
    waiting = asyncio.create_task(reserve(second, allowance, 350))
    await pass_time(clock)
    assert not waiting.done()
    await pass_time(clock, first)
    assert await waiting == 350
    assert number(directory, "SELECT leased FROM allowances") == 351
    held = await take(first, allowance)
    assert held.parts[0].is_direct
    assert imbalances(directory) == []


async def test_a_call_waits_half_a_second_for_those_who_do_not_hear(
    two: tuple[Storage, Storage], clock: StepClock
) -> None:
    """Then it is refused, as it would be at once if nobody kept anything."""
    first, second = two
    (allowance,) = await grant(first, credit(400))
    await take(first, allowance)
    began = clock.monotonic()
    waiting = asyncio.create_task(reserve(second, allowance, 350))
    while not waiting.done():
        await pass_time(clock)
    with pytest.raises(OutOfCredit):
        await waiting
    assert RECALL_SECONDS <= clock.monotonic() - began <= RECALL_SECONDS + 2 * RECALL_STEP_SECONDS
    await first.ledger.heed()
    await first.journal.flush()
    assert await reserve(second, allowance, 399) == 399
    with pytest.raises(OutOfCredit):  # nobody keeps any of it: no time passes here
        await reserve(second, allowance, 1)


async def test_what_calls_hold_elsewhere_is_not_waited_for(two: tuple[Storage, Storage]) -> None:
    """It is not idle: the refusal comes at once."""
    first, second = two
    (allowance,) = await grant(first, credit(5))
    for _ in range(5):
        await take(first, allowance)
    with pytest.raises(OutOfCredit):
        await reserve(second, allowance, 1)


async def test_a_recall_is_heeded_once_and_forgotten(
    two: tuple[Storage, Storage], clock: StepClock, directory: Path
) -> None:
    """It is a row for some seconds."""
    first, second = two
    (allowance,) = await grant(first, credit(400))
    await take(first, allowance)
    waiting = asyncio.create_task(reserve(second, allowance, 350))
    await pass_time(clock, first)
    await waiting
    assert number(directory, "SELECT count(*) FROM recalls") == 1
    clock.advance(11)
    await first.ledger.tick()
    assert number(directory, "SELECT count(*) FROM recalls") == 0


async def test_whoever_has_a_slot_resolves_who_had_it_before(directory: Path, clock: StepClock) -> None:
    """At once, and nobody else; a process without a slot is left alone until it was silent for long."""
    options = Options(b"a check value that says nothing", is_server=True, slot="server/0")
    async with opened(directory, clock) as other:
        (allowance,) = await grant(other, credit(10))
        await take(other, allowance, 2, "other's")
        async with open_storage(directory, clock, options) as first:
            await take(first, allowance, 3, "lost")
            assert number(directory, "SELECT sum(amount) FROM holds") == 5
            async with open_storage(directory, clock, options):
                assert number(directory, "SELECT sum(amount) FROM holds") == 2
    assert imbalances(directory) == []


async def test_a_process_is_fenced_when_it_was_not_heard_of_for_long(
    two: tuple[Storage, Storage], clock: StepClock
) -> None:
    """From the moment on at which others may resolve what it holds, until it has registered anew."""
    first, _ = two
    clock.advance(30)
    assert not first.ledger.is_fenced
    clock.advance(0.5)
    assert first.ledger.is_fenced
    await first.ledger.tick()
    assert not first.ledger.is_fenced
