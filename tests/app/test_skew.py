"""Two servers on one Postgres whose machines do not agree on the time, and are set while they serve."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest

from tests.app.making import settings_of
from tests.edge.stage import bearer, call
from tests.postgres import a_store, postgres
from tests.storage.making import StepClock
from tollbar.app.chores import TICK_SECONDS
from tollbar.app.wiring import Running, running
from tollbar.clock import SystemClock
from tollbar.logs import Sink, render_json

pytestmark = pytest.mark.anyio

ADMIN_SECRET = "the admin secret of two servers"
SECRET = "a secret that both servers of the tests share"
APART = timedelta(seconds=50)
"""Less than by how much the machines are apart, and more than a test takes."""


@asynccontextmanager
async def servers(directory: Path, clocks: list[StepClock]) -> AsyncIterator[list[Running]]:
    """A server for each clock, on a machine of its own."""
    address = a_store()
    log = Sink(BytesIO(), render_json, SystemClock().now)
    async with AsyncExitStack() as stack:
        made = []
        for number, clock in enumerate(clocks):
            place = directory / str(number)
            place.mkdir()
            settings = settings_of(place, ADMIN_SECRET=ADMIN_SECRET, TOLLBAR_SECRET=SECRET, DATABASE_URL=address)
            made.append(await stack.enter_async_context(running(settings, log, makes_starter_key=False, clock=clock)))
        yield made


async def shown(product: Running) -> str:
    """The rotating key that a server shows."""
    answer = await call(
        product.application, "GET", "/current-key", ((b"admin-secret", ADMIN_SECRET.encode()),)
    ).answer()
    assert answer.status == 200, answer.body
    return str(json.loads(answer.body)["api_key"])


async def opens(product: Running, key: str) -> bool:
    """Whether a server lets a key in."""
    return (await call(product.application, "GET", "/v1/me", (bearer(key),)).answer()).status == 200


def apart(products: list[Running]) -> timedelta:
    """By how much two servers disagree."""
    first, second = (product.gateway.clock.now() for product in products)
    return abs(second - first)


async def test_the_time_is_that_of_the_store_whatever_the_machines_say(tmp_path: Path) -> None:
    """One key is in force on both, though one machine is half a minute behind, the other ahead, and then a year."""
    behind, ahead = StepClock(), StepClock()
    behind.step_seconds, ahead.step_seconds = -30.0, 30.0
    async with servers(tmp_path, [behind, ahead]) as products:
        assert apart(products) < APART
        key = await shown(products[0])
        assert await shown(products[1]) == key
        ahead.step_seconds += 366 * 86_400.0
        for _ in range(3):
            for clock in (behind, ahead):
                clock.advance(TICK_SECONDS)
            await asyncio.sleep(0.05)
        assert apart(products) < APART
        assert [await opens(product, key) for product in products] == [True, True]
        assert [await shown(product) for product in products] == [key, key]
        # Neither took the other for dead: the numbers that they began with are the only ones that there were.
        assert postgres().sql("SELECT count(*), max(id) FROM processes", postgres().newest) == "2|2"
