"""What is asked to be ended, as every process sees it."""

from pathlib import Path

import pytest

from tests.storage.making import StepClock, a_directory, opened

pytestmark = pytest.mark.anyio


async def test_a_question_reaches_every_process(tmp_path: Path) -> None:
    """Once, with its news; the answer ends it, and time forgets it."""
    directory, clock = a_directory(tmp_path), StepClock()
    async with opened(directory, clock) as one, opened(directory, clock) as other:
        before = await other.cancels.news()
        await one.cancels.ask("req_1", "mine")
        await one.cancels.ask("req_2", None)
        assert await other.cancels.news() == (before[0], before[1] + 2)
        assert sorted(await other.cancels.asked()) == [("req_1", "mine"), ("req_2", None)]
        assert not await one.cancels.is_told("req_1")
        await other.cancels.tell("req_1")
        assert (await one.cancels.is_told("req_1"), await one.cancels.is_told("req_3")) == (True, False)
        clock.advance(120)
        await one.cancels.ask("req_4", None)
        assert (await one.cancels.asked(), await one.keys.changes()) == ([("req_4", None)], before[0])
