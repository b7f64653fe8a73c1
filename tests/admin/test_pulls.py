"""Pulling models: what the CLI, the admin API and the dashboard share."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.admin.pulling import MODEL, FakeShelf, FakeSource
from tests.fakes import FakeClock
from tollbar.admin.pulls import MOST_REMEMBERED, Pull, Pulls, remove_model
from tollbar.clock import SystemClock
from tollbar.domain.errors import Conflict, NotFound
from tollbar.domain.local_models import Progress, PullNote, PullPlan, PullState

pytestmark = pytest.mark.anyio


def pulls(source: FakeSource) -> Pulls:
    """The pulls of a process."""
    return Pulls(source, FakeShelf(), FakeClock(), asyncio.ensure_future)  # type: ignore[arg-type]


async def settle() -> None:
    """Lets every task go on as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_pull_goes_on_by_itself() -> None:
    """It is begun at once, tells how far it is, and ends without anybody who watches."""
    source = FakeSource()
    under_way = pulls(source)
    pull = await under_way.start("tiny")
    assert (pull.progress, pull.is_over) == (Progress(PullState.DOWNLOADING, 40, 100), False)
    await settle()
    source.tell(Progress(PullState.DOWNLOADING, 70, 100))
    assert under_way.get(pull.id).progress.done_bytes == 70
    source.go_on.set()
    await settle()
    assert (pull.progress.state, pull.fault, pull.is_over) == (PullState.DONE, None, True)
    assert source.paths == [False]


async def test_a_second_wish_gets_the_first_pull() -> None:
    """One for each model while it is under way; another one afterwards."""
    source = FakeSource()
    under_way = pulls(source)
    first, second, other = [await under_way.start(name) for name in ("tiny", "tiny", "small")]
    assert first is second
    assert [pull.id for pull in under_way.list()] == [other.id, first.id]
    await settle()
    source.go_on.set()
    await settle()
    assert await under_way.start("tiny") is not first
    assert source.fetched == 2


async def test_what_is_here_is_done_at_once() -> None:
    """Nothing is fetched."""
    source = FakeSource(is_here=True)
    pull = await pulls(source).start("tiny")
    await settle()
    assert (pull.progress, source.fetched) == (Progress(PullState.DONE, 100, 100), 0)


async def test_a_refusal_makes_no_pull() -> None:
    """What cannot be begun is told to whoever asked, and to nobody else."""
    under_way = pulls(FakeSource(refusal=Conflict("There is no room.")))
    with pytest.raises(Conflict):
        await under_way.start("tiny")
    assert under_way.list() == ()


@pytest.mark.parametrize(
    ("fault", "message"),
    [(Conflict("The disk is full."), "disk is full"), (OSError("odd"), "odd"), (ValueError("odd"), "odd")],
)
async def test_a_failure_is_kept_to_be_read(fault: Exception, message: str) -> None:
    """Whoever looks later finds why, and how far it was; the process goes on."""
    source = FakeSource(fault=fault)
    under_way = pulls(source)
    pull = await under_way.start("tiny")
    await settle()
    source.tell(Progress(PullState.DOWNLOADING, 70, 100))
    source.go_on.set()
    await settle()
    assert pull.progress == Progress(PullState.FAILED, 70, 100)
    assert pull.fault is not None
    assert message in pull.fault.message


async def test_a_watcher_hears_each_step_to_the_end() -> None:
    """Once for each change, and last of its end."""
    source = FakeSource()
    under_way = pulls(source)
    pull = await under_way.start("tiny")
    heard: list[Progress] = []

    async def watch() -> None:
        heard.extend([seen.progress async for seen in under_way.watch(pull)])

    task = asyncio.create_task(watch())
    await settle()
    source.tell(Progress(PullState.DOWNLOADING, 70, 100))
    await settle()
    source.go_on.set()
    await asyncio.wait_for(task, 60)
    distinct = list(dict.fromkeys(heard))
    assert [progress.done_bytes for progress in distinct] == [40, 70, 100]
    assert heard[-1].state is PullState.DONE


async def test_a_silent_pull_is_told_now_and_then() -> None:
    """A watcher hears of it though nothing goes on, and no longer than it wants to."""
    clock = FakeClock()
    under_way = Pulls(FakeSource(), FakeShelf(), clock, asyncio.ensure_future)  # type: ignore[arg-type]
    pull = await under_way.start("tiny")
    until = clock.monotonic() + 31
    heard = [seen.id async for seen in under_way.watch(pull, lambda: clock.monotonic() < until)]
    assert heard == [pull.id] * 4
    under_way.close()


async def test_the_end_of_the_process_ends_its_pulls() -> None:
    """They are cancelled, and nobody takes that for a failure."""
    under_way = pulls(FakeSource())
    pull = await under_way.start("tiny")
    await settle()
    under_way.close()
    await settle()
    assert (pull.fault, pull.is_over) == (None, False)


async def test_only_the_last_pulls_are_remembered() -> None:
    """The list does not grow for ever; one that is under way is never forgotten."""
    source = FakeSource()
    under_way = pulls(source)
    first = await under_way.start("first")
    source.is_here = True
    for number in range(MOST_REMEMBERED + 10):
        await under_way.start(f"model-{number}")
    assert len(under_way.list()) == MOST_REMEMBERED
    assert under_way.get(first.id) is first
    with pytest.raises(NotFound):
        under_way.get("pull_unknown")
    under_way.close()


def test_a_model_is_removed() -> None:
    """Or what an unfinished pull left of it; what is neither is told, with what there is."""
    shelf = FakeShelf([MODEL, replace(MODEL, name="small")], {"half"})
    assert remove_model(shelf, "tiny") == MODEL
    assert remove_model(shelf, "half") is None
    with pytest.raises(NotFound) as refused:
        remove_model(shelf, "half")
    assert refused.value.hint == "Here are: small."
    with pytest.raises(NotFound, match="half"):
        remove_model(FakeShelf(), "half")


def test_a_pull_is_over_when_it_says_so() -> None:
    """Done, failed and cancelled are ends, the others are not."""
    ends = {
        state for state in PullState if Pull("a", PullPlan("a", "a", "hub"), Progress(state), FakeClock().now()).is_over
    }
    assert ends == {PullState.DONE, PullState.FAILED, PullState.CANCELLED}


class FakeBoard:
    """A board of two processes, of which the test is the other."""

    def __init__(self) -> None:
        self.notes: Sequence[PullNote] = ()
        self.theirs: list[PullNote] = []
        self.wishes: set[str] = set()

    def put(self, notes: Sequence[PullNote]) -> None:
        self.notes = notes

    def others(self) -> Sequence[PullNote]:
        return self.theirs

    def wish_end(self, pull_id: str) -> None:
        self.wishes.add(pull_id)

    def take_wish(self, pull_id: str) -> bool:
        is_wished = pull_id in self.wishes
        self.wishes.discard(pull_id)
        return is_wished


async def test_a_pull_is_cancelled() -> None:
    """It ends as far as it is, nobody takes that for a failure, and the next one of the model is another."""
    source = FakeSource()
    under_way = pulls(source)
    pull = await under_way.start("tiny")
    await settle()
    source.tell(Progress(PullState.DOWNLOADING, 70, 100))
    ended = await under_way.cancel(pull.id)
    assert (ended.progress, ended.fault) == (Progress(PullState.CANCELLED, 70, 100), None)
    assert await under_way.start("tiny") is not pull
    assert (await under_way.cancel(pull.id)).progress.state is PullState.CANCELLED
    with pytest.raises(NotFound):
        await under_way.cancel("pull_unknown")
    under_way.close()


async def test_processes_end_each_others_pulls() -> None:
    """A wish that the other process has left is heeded; one of ours is left for it, and taken back when it is done."""
    board, clock = FakeBoard(), SystemClock()
    under_way = Pulls(FakeSource(), FakeShelf(), clock, asyncio.ensure_future, board)  # type: ignore[arg-type]
    own = await under_way.start("small")
    await settle()
    board.wish_end(own.id)
    assert [seen.progress.state async for seen in under_way.watch(own)][-1] is PullState.CANCELLED
    assert ([note.progress.state for note in board.notes], board.wishes) == ([PullState.CANCELLED], set())
    plan = PullPlan("tiny", "lab/tiny", "hub", size_bytes=100, missing_bytes=60)
    theirs = PullNote("pull_theirs", plan, Progress(PullState.DOWNLOADING, 40, 100), clock.now())
    board.theirs = [theirs]
    cancelling = asyncio.create_task(under_way.cancel("pull_theirs"))
    await settle()
    assert (cancelling.done(), board.wishes) == (False, {"pull_theirs"})
    board.theirs = [replace(theirs, progress=Progress(PullState.CANCELLED, 40, 100))]
    assert ((await cancelling).progress.state, board.wishes) == (PullState.CANCELLED, set())


async def test_the_pulls_of_other_processes_are_seen() -> None:
    """Listed, watched and not begun twice; one whose process is gone has failed."""
    board, source, clock = FakeBoard(), FakeSource(), SystemClock()
    under_way = Pulls(source, FakeShelf(), clock, asyncio.ensure_future, board)  # type: ignore[arg-type]
    own = await under_way.start("small")
    await settle()
    source.tell(Progress(PullState.WAITING, 50, 100))
    assert [(note.id, note.progress.done_bytes) for note in board.notes] == [(own.id, 50)]
    plan = PullPlan("tiny", "lab/tiny", "hub", size_bytes=100, missing_bytes=60)
    board.theirs = [PullNote("pull_theirs", plan, Progress(PullState.DOWNLOADING, 40, 100), clock.now())]
    assert [pull.id for pull in under_way.list()] == ["pull_theirs", own.id]
    theirs = await under_way.start("tiny")
    assert (theirs.id, source.fetched) == ("pull_theirs", 1)
    seen = under_way.watch(theirs)
    assert (await anext(seen)).progress.done_bytes == 40
    board.theirs = []
    last = await anext(seen)
    assert (last.progress.state, last.fault and last.fault.message) == (
        PullState.FAILED,
        "The process that pulled it has ended.",
    )
    assert [pull async for pull in seen] == []
    under_way.close()
