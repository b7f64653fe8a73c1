"""What is asked to be ended, as every process sees it."""

from pathlib import Path

import pytest

from tests.storage.making import StepClock, a_directory, opened
from tollbar.domain.audit import Actor
from tollbar.domain.records import RunningCall

pytestmark = pytest.mark.anyio


async def test_a_question_reaches_every_process(tmp_path: Path) -> None:
    """Once, with its news; the answer ends it, and time forgets it. Of what runs, each tells once."""
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
        await one.cancels.ask_all("what")
        call = RunningCall("req_5", "mine", "ana", "/v1/x", "sm\ud800art", None, clock.now(), 7)
        for process in (one, other):
            assert await process.cancels.questions() == ["what"]
            await process.cancels.report("what", [call])
            assert await process.cancels.questions() == []
        told = await one.cancels.reports("what")
        assert told.calls == (call._replace(model="sm?art"),) * 2
        clock.advance(120)
        await one.cancels.ask_all("again")
        assert await other.cancels.questions() == ["again"]
        await other.audit.note(Actor("the operator"), "request.cancel", "req_5")
        [entry, *_] = await one.audit.find()
        assert (entry.action, entry.subject, entry.actor) == ("request.cancel", "req_5", "the operator")
        await one.cancels.ask("req_4", None)
        assert (await one.cancels.asked(), await one.keys.changes()) == ([("req_4", None)], before[0])
