"""The child as its parent knows it: begun when it is needed, ended when it is not, and no count without an end."""

import asyncio
import os
import signal
import sys

import pytest

from tests.edge.raw import until
from tollbar.domain.usage import Tally
from tollbar.providers.tokens.process import CountingProcess, Terms

pytestmark = pytest.mark.anyio

# It counts bytes, and does as it is told.
CHILD = """\
import sys, time
while head := sys.stdin.buffer.read(4):
    body = sys.stdin.buffer.read(int.from_bytes(head))
    if body == b"sleep":
        time.sleep(600)
    if body == b"crash":
        sys.exit("out of order")
    print("null" if body == b"none" else "word" if body == b"word" else '{"tokens": %d}' % len(body), flush=True)
"""


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Both loops that serve: they differ in what a child that is gone does to its pipes."""
    return "asyncio", {"use_uvloop": request.param}


def terms(patience: float = 60.0, limit: float = 60.0, idle: float = 60.0, program: str = CHILD) -> Terms:
    """A child that is another program."""
    return Terms({}, (sys.executable, "-SEc", program), patience, limit, idle)


async def test_one_child_counts_for_all_and_not_before_it_is_asked() -> None:
    """One thing after the other; it ends with the block."""
    async with CountingProcess(terms()) as counting:
        assert counting.pid is None
        found = await asyncio.gather(
            *(counting.count(b"x" * size) for size in (1, 200_000, 3)), counting.count(b"none")
        )
        assert found == [Tally(1), Tally(200_000), Tally(3), None]
        pid = counting.pid
        assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert counting.pid is None


@pytest.mark.parametrize("word", [b"crash", b"word"])
async def test_a_child_that_fails_is_replaced(word: bytes) -> None:
    """What it was asked is not told, and the next is."""
    async with CountingProcess(terms()) as counting:
        assert await counting.count(word) is None
        assert counting.pid is None
        assert await counting.count(b"xx") == Tally(2)


@pytest.mark.parametrize("is_noticed", [False, True])
async def test_one_that_was_killed_is_replaced(is_noticed: bool) -> None:
    """By whoever: the kernel that wants its memory, or an operator; at once where that has been noticed."""
    async with CountingProcess(terms()) as counting:
        assert await counting.count(b"xx") == Tally(2)
        first = counting.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        if is_noticed:
            await until(lambda: counting.pid is None)
        assert await counting.count(b"xx") in ({Tally(2)} if is_noticed else {Tally(2), None})
        assert await counting.count(b"xx") == Tally(2)
        assert counting.pid != first


async def test_a_program_that_is_not_there() -> None:
    """It counts nothing, and is no fault of the call's."""
    async with CountingProcess(Terms({}, ("/nowhere/python",))) as counting:
        assert await counting.count(b"xx") is None


async def test_it_ends_when_nobody_asks() -> None:
    """And another begins when somebody does."""
    async with CountingProcess(terms(idle=0.01)) as counting:
        for _ in range(2):
            assert await counting.count(b"xx") == Tally(2)
            await until(lambda: counting.pid is None)


async def test_a_count_that_takes_too_long_ends_with_its_child() -> None:
    """The next is asked of another."""
    async with CountingProcess(terms(limit=0.1)) as counting:
        assert await counting.count(b"sleep") is None
        assert counting.pid is None


async def test_who_waits_too_long_is_told_nothing() -> None:
    """Be it for the answer or for the turn; the count goes on, and nobody waits for it at the end."""
    async with CountingProcess(terms(patience=0.05)) as counting:
        assert await asyncio.gather(counting.count(b"sleep"), counting.count(b"xx")) == [None, None]
        await until(lambda: counting.pid is not None)


async def test_who_leaves_cuts_nothing() -> None:
    """The next has the answer to its own question."""
    async with CountingProcess(terms()) as counting:
        leaving = asyncio.create_task(counting.count(b"x" * 100_000))
        await asyncio.sleep(0)  # its turn has begun, and no child yet
        leaving.cancel()
        assert await counting.count(b"xx") == Tally(2)
        assert leaving.cancelled()
