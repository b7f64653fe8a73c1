"""Who listens hears of each call that was settled."""

import asyncio
from contextlib import suppress

import pytest

from tests.fakes import FakeClock
from tests.people import MemoryUsage
from tests.storage.making import a_line
from tollbar.app.rounds import Rounds
from tollbar.domain.errors import Overloaded
from tollbar.gateway import feed
from tollbar.gateway.feed import Feed

pytestmark = pytest.mark.anyio


async def heard(calls: feed.Calls, count: int) -> list[str]:
    """The next calls that a listener hears of."""
    async with asyncio.timeout(60):
        return [(await calls.get()).request_id for _ in range(count)]


async def test_each_listener_hears_of_the_calls_of_its_key() -> None:
    """From then on, once for each call, whatever fails meanwhile; nobody is asked while nobody listens."""
    asked: list[int] = []
    away, crashed = [OSError("The disk is gone."), Overloaded("The store is away.")], list[str]()

    def hook() -> None:
        asked.append(1)
        if away:
            raise away.pop()

    usage = MemoryUsage(lines=[a_line("old")], hook=hook)
    told = Feed(usage)
    running = asyncio.create_task(Rounds(FakeClock(), crashed.append).every(feed.POLL_SECONDS, told.follow))
    await asyncio.sleep(0.01)
    assert not asked
    async with told.listening("somebody") as ana, told.listening("somebody") as again, told.listening("ben") as ben:
        usage.lines += [a_line("r1"), a_line("r1", attempt=1, target="other"), a_line("r2", key_id="ben"), a_line("r3")]
        assert await heard(ana, 2) == await heard(again, 2) == ["r1", "r3"]
        assert await heard(ben, 1) == ["r2"]
        assert (ana.empty(), crashed) == (True, ["follow"])
    asked.clear()
    usage.lines.append(a_line("unheard"))
    await asyncio.sleep(0.01)
    assert len(asked) <= 1
    async with told.listening("somebody") as later:
        usage.lines.append(a_line("r4"))
        assert await heard(later, 1) == ["r4"]
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_there_are_as_many_listeners_as_may_be() -> None:
    """The next is told to ask instead."""
    told = Feed(MemoryUsage())
    told._count = feed.MOST_LISTENERS
    with pytest.raises(Overloaded):
        async with told.listening("somebody"):
            pass
