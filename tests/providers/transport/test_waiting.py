"""Waiting for the first word, with one timer for all."""

import asyncio

import pytest
from aiohttp.client_proto import ResponseHandler

from tollbar.providers.transport.waiting import Waiting

pytestmark = pytest.mark.anyio


def a_connection() -> ResponseHandler:
    """A connection to nowhere."""
    return ResponseHandler(asyncio.get_running_loop())


async def ended(connection: ResponseHandler) -> None:
    """Returns once the connection's time is over."""
    with pytest.raises(TimeoutError):
        await connection.read()


async def test_each_waits_as_long_as_it_may_in_whatever_order_they_came() -> None:
    """The nearest end comes first, and one that was taken off never comes."""
    waiting, now = Waiting(), asyncio.get_running_loop().time()
    last, removed, first, middle = connections = [a_connection() for _ in range(4)]
    for connection, seconds in zip(connections, (0.15, 0.01, 0.02, 0.08), strict=True):
        waiting.add(connection, now + seconds)
    waiting.remove(removed)
    waiting.remove(removed)
    order: list[ResponseHandler] = []

    async def follow(connection: ResponseHandler) -> None:
        await ended(connection)
        assert asyncio.get_running_loop().time() >= now + 0.01
        order.append(connection)

    await asyncio.gather(*(follow(one) for one in (last, middle, first)))
    assert order == [first, middle, last]
    assert removed.exception() is None


async def test_a_moment_that_is_over_ends_at_once() -> None:
    """As the time of a call may be, before it is sent; and the timer serves whoever comes next."""
    waiting, now = Waiting(), asyncio.get_running_loop().time()
    for _ in range(2):
        late = a_connection()
        waiting.add(late, now - 1)
        await ended(late)
