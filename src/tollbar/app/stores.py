"""Which stores the settings name: one `match` for where state is kept, one for where rates are counted."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.util import find_spec

from tollbar.app.workers import Worker
from tollbar.counters.memory import MemoryCounters
from tollbar.ports.clock import Clock
from tollbar.ports.money import Counters
from tollbar.settings import Settings
from tollbar.storage.engine import StoreRefused


@dataclass(frozen=True, slots=True)
class Counting:
    """What rates are counted with, how it is told that this process lives, and what has to run beside it."""

    counters: Counters
    beat: Callable[[], Awaitable[None]]
    chores: tuple[Coroutine[None, None, None], ...] = ()


def postgres_address(settings: Settings) -> str | None:
    """Where the Postgres is that keeps state; None for SQLite in the data directory. Raises StoreRefused."""
    address = settings.database_url
    if address is None or address.startswith("sqlite:"):
        return None
    _require("asyncpg", "DATABASE_URL names a Postgres", "postgres")
    return address


async def counting(settings: Settings, clock: Clock, worker: Worker | None, stack: AsyncExitStack) -> Counting:
    """The counters, closed with the stack. Raises StoreRefused."""
    address = settings.redis_url
    if address is not None and not address.startswith("memory:"):
        _require("redis", "REDIS_URL names a Redis", "redis")
        from tollbar.counters.redis import RedisCounters  # an extra

        counters = RedisCounters(address, clock, is_open=settings.limits.when_away == "open")
        stack.push_async_callback(counters.close)
        return Counting(counters, counters.beat, (counters.run(),))
    if worker is not None:
        from tollbar.counters.shared import SharedCounters  # which does not exist everywhere

        shared = SharedCounters(clock, worker.directory, worker.number)
        stack.callback(shared.close)
        return Counting(shared, _plain(shared.beat))
    return Counting(MemoryCounters(clock), _plain(lambda: None))


def _plain(beat: Callable[[], object]) -> Callable[[], Awaitable[None]]:
    async def told() -> None:
        beat()
        await asyncio.sleep(0)

    return told


def _require(library: str, why: str, extra: str) -> None:
    if find_spec(library) is None:
        raise StoreRefused(f"{why}, but its client is not installed.", f"Install it: pip install 'tollbar[{extra}]'.")
