"""Whoever waits for an operation is told how it ended."""

import asyncio

import pytest

from tollbar.domain.errors import Overloaded
from tollbar.storage.ending import SETTLED, Ending

pytestmark = pytest.mark.anyio


async def test_everybody_who_waits_is_told() -> None:
    """Also who comes afterwards; a waiter who goes away disturbs no other."""
    ending = Ending()
    waiters = [asyncio.create_task(ending.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waiters[1].cancel()
    ending.tell()
    results = await asyncio.gather(*waiters, return_exceptions=True)
    await ending.wait()
    assert [type(result) for result in results] == [type(None), asyncio.CancelledError, type(None)]


async def test_a_fault_reaches_everybody_who_waits() -> None:
    """Each gets it, and who comes later too."""
    ending = Ending()
    waiter = asyncio.create_task(ending.wait())
    await asyncio.sleep(0)
    ending.fault = Overloaded("no")
    ending.tell()
    with pytest.raises(Overloaded):
        await waiter
    with pytest.raises(Overloaded):
        await ending.wait()


async def test_what_is_settled_keeps_nobody_waiting() -> None:
    """The common end of all that is durable."""
    await asyncio.wait_for(SETTLED.wait(), 60)
