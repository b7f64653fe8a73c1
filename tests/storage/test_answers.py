"""Answers that are kept: what becomes of a turn when its process is gone, and of old rows."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.contracts.stores import keep
from tests.storage.making import StepClock, a_directory, estimating, number, opened
from tollbar.domain.errors import CallUnderWay, Overloaded
from tollbar.domain.repeats import Keeping, KeptAnswer, Repeatable
from tollbar.storage.ledger import EXPIRY_SECONDS
from tollbar.storage.statements import ANSWERS_PRUNED_AT_ONCE as PRUNED_AT_ONCE

pytestmark = pytest.mark.anyio

CALL = Repeatable("key:a", b"name", b"digest", "r1")
AGAIN = CALL._replace(request_id="r2")


async def test_the_turn_of_a_process_that_is_gone_is_over(tmp_path: Path) -> None:
    """Of one that lives it is not, whoever asks; one that was silent for too long is taken for dead."""
    clock = StepClock()
    directory = a_directory(tmp_path)
    async with opened(directory, clock) as first, opened(directory, clock) as second:
        assert await first.answers.begin(CALL) is None
        held = await first.ledger.reserve("r1", [], estimating("r1"))
        with pytest.raises(CallUnderWay):
            await second.answers.begin(AGAIN)
        clock.advance(EXPIRY_SECONDS + 1)
        await second.ledger.tick()
        assert await second.answers.begin(AGAIN) is None
        late = Keeping(CALL, KeptAnswer("r1", 200, (), b"late"), timedelta(days=1))
        with pytest.raises(Overloaded, match="taken for dead"):  # whoever has the turn now gives the answer
            await first.ledger.settle(held, [], [], late)
        with pytest.raises(CallUnderWay):
            await second.answers.begin(CALL)


async def test_the_time_of_day_ends_no_turn(tmp_path: Path) -> None:
    """A machine's clock that is set by more than a day says nothing about a call that is being answered."""
    clock = StepClock()
    async with opened(a_directory(tmp_path), clock) as storage:
        assert await storage.answers.begin(CALL) is None
        clock.step_seconds = 90_000.0
        assert await storage.answers.prune() == 0
        with pytest.raises(CallUnderWay):
            await storage.answers.begin(AGAIN)


async def test_answers_outlive_the_process(tmp_path: Path) -> None:
    """The next one gives them; a turn that was left open is over."""
    clock, answer = StepClock(), KeptAnswer("r1", 200, (), b"said")
    directory = a_directory(tmp_path)
    async with opened(directory, clock) as storage:
        await storage.answers.begin(CALL)
        await keep(storage, CALL, answer, timedelta(days=1))
        await storage.answers.begin(CALL._replace(name=b"open"))
    async with opened(directory, clock) as storage:
        assert await storage.answers.begin(AGAIN) == answer
        assert await storage.answers.begin(AGAIN._replace(name=b"open")) is None


async def test_old_ones_are_removed(tmp_path: Path) -> None:
    """However many there are; what is still given stays."""
    clock = StepClock()
    directory = a_directory(tmp_path)
    async with opened(directory, clock) as storage:
        for place in range(PRUNED_AT_ONCE + 2):
            call = CALL._replace(name=b"%d" % place)
            await storage.answers.begin(call)
            await keep(storage, call, KeptAnswer("r1", 200, (), b""), timedelta(hours=1 + place % 2))
        clock.advance(3_601)
        assert await storage.answers.prune() == PRUNED_AT_ONCE // 2 + 1
        assert await storage.answers.prune() == 0
    assert number(directory, "SELECT count(*) FROM answers") == PRUNED_AT_ONCE // 2 + 1
