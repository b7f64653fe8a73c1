"""Word of what changed: at once from a Postgres, and without one as often as it is asked for."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.postgres import a_store
from tests.storage.making import StepClock, a_directory, a_key, opened, opened_postgres
from tollbar.storage.news import APPLICATION, TOGETHER_SECONDS

pytestmark = pytest.mark.anyio

LONG = 3_600.0


async def until(holds: Callable[[], bool]) -> None:
    """Waits for a state that comes."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - it is another program's state, of which nobody tells
            await asyncio.sleep(0.01)


async def test_a_postgres_tells_every_process(tmp_path: Path) -> None:
    """Of a changed key and of a call that is to be ended. A lost connection is made anew; the poll serves till then."""
    address, clock = a_store(), StepClock()
    async with (
        opened_postgres(tmp_path / "one", clock, address) as one,
        opened_postgres(tmp_path / "two", clock, address) as two,
    ):
        listening = asyncio.create_task(two.news.listen())
        await until(lambda: two.news.is_told)
        first = asyncio.create_task(two.news.wait(0))  # the word that it listens now
        await until(lambda: TOGETHER_SECONDS in clock.slept)
        clock.advance(TOGETHER_SECONDS)
        await first
        for change in (
            lambda: one.keys.add(a_key(), b"1", []),
            lambda: one.cancels.ask("req_1", None),
        ):
            clock.slept.clear()
            waiting = asyncio.create_task(two.news.wait(LONG))
            await asyncio.sleep(0)
            assert not waiting.done()
            await change()
            await until(lambda: TOGETHER_SECONDS in clock.slept)
            clock.advance(TOGETHER_SECONDS)
            await waiting
        ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{APPLICATION}'"
        await one.journal.run(lambda connection: connection.execute(ended).rowcount)
        await until(lambda: not two.news.is_told)
        await two.news.wait(0.01)  # returns by itself, since nobody would tell
        clock.advance(1)
        await until(lambda: two.news.is_told)
        listening.cancel()


async def test_without_a_postgres_waiting_takes_its_time(tmp_path: Path) -> None:
    """By the clock, whatever happens."""
    clock = StepClock()
    async with opened(a_directory(tmp_path), clock) as storage:
        waiting = asyncio.create_task(storage.news.wait(5))
        await storage.keys.add(a_key(), b"1", [])
        await asyncio.sleep(0)
        assert (waiting.done(), storage.news.is_told) == (False, False)
        clock.advance(5)
        await waiting
