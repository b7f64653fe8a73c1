"""What the settings say of stores becomes the adapter that is meant."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.app.making import settings_of
from tests.storage.making import StepClock
from tests.valkey import valkey
from tollbar.app.stores import _require, counting, postgres_address
from tollbar.app.workers import MadeKeys, Worker
from tollbar.counters.memory import MemoryCounters
from tollbar.counters.redis import RedisCounters
from tollbar.counters.shared import SharedCounters
from tollbar.storage.engine import StoreRefused

pytestmark = pytest.mark.anyio

SECRET = "cB7nq0Lw2Zx8Vb3Nm6YcWq4RtHy5UjKl"


async def test_rates_are_counted_where_the_settings_say(tmp_path: Path) -> None:
    """In memory, in what workers share, or in a Redis; each says that it lives, and is closed."""
    clock, worker = StepClock(), Worker(0, 2, tmp_path, 1, MadeKeys(), "place")
    named = settings_of(tmp_path, REDIS_URL=valkey().address)
    async with AsyncExitStack() as stack:
        plain = await counting(settings_of(tmp_path), clock, None, stack)
        shared = await counting(settings_of(tmp_path), clock, worker, stack)
        cluster = await counting(named, clock, worker, stack)
        assert isinstance(plain.counters, MemoryCounters)
        assert isinstance(shared.counters, SharedCounters)
        assert isinstance(cluster.counters, RedisCounters)
        for made in (plain, shared, cluster):
            await made.beat()
        (chore,) = cluster.chores
        running = asyncio.create_task(chore)
        await asyncio.sleep(0)
        running.cancel()


def test_state_is_kept_where_the_settings_say(tmp_path: Path) -> None:
    """In the data directory, unless a Postgres is named."""
    address = "postgresql://somebody@host/name"
    assert postgres_address(settings_of(tmp_path)) is None
    assert postgres_address(settings_of(tmp_path, DATABASE_URL="sqlite://")) is None
    assert postgres_address(settings_of(tmp_path, DATABASE_URL=address, TOLLBAR_SECRET=SECRET)) == address


def test_a_client_that_is_not_installed_is_asked_for() -> None:
    """By the name of the extra that brings it."""
    with pytest.raises(StoreRefused, match=r"pip install 'tollbar\[postgres\]'"):
        _require("a_library_that_is_nowhere", "DATABASE_URL names a Postgres", "postgres")
