"""When there may be news in the store: something that another process changed, or asks for.

A Postgres tells at each commit whoever listens; so whoever waits here is woken at once, and asks only once a second
otherwise. While nobody tells, with SQLite or when the listening connection is lost, waiting takes as long as was asked.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog

from tollbar.ports.clock import Clock
from tollbar.storage.postgres import CONNECT_SECONDS

CHANNEL = "tollbar_news"
"""What the trigger on the table `changes` tells (see the migration `0016_alerts.py`)."""
TOLD_SECONDS = 1.0
"""How long is waited for word at most: a connection may be dead without anybody noticing."""
AGAIN_SECONDS = 0.5
TOGETHER_SECONDS = 0.02
"""What is told within that time is one piece of news, however many changes it is."""
APPLICATION = "tollbar-news"


class News:
    """Waits for news. `address` is the Postgres that tells; without one nobody does."""

    def __init__(self, clock: Clock, address: str | None) -> None:
        self._clock = clock
        self._address = address
        self._has_some = asyncio.Event()
        self.is_told = False
        """Whether somebody would tell of news at once."""

    async def wait(self, seconds: float) -> None:
        """Returns when there may be news, or after so many seconds; somewhat later where somebody would have told."""
        if self._address is None:
            await self._clock.sleep(seconds)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, TOLD_SECONDS) if self.is_told else seconds):
                await self._has_some.wait()
            await self._clock.sleep(TOGETHER_SECONDS)
        self._has_some.clear()

    async def listen(self) -> None:
        """Listens for as long as it runs, again after each loss; to be run where there is an address."""
        import asyncpg

        while self._address is not None:
            lost = asyncio.Event()
            try:
                connection = await asyncpg.connect(
                    self._address, timeout=CONNECT_SECONDS, server_settings={"application_name": APPLICATION}
                )
                try:
                    connection.add_termination_listener(_sets(lost))
                    await connection.add_listener(CHANNEL, _sets(self._has_some))
                    self.is_told = True
                    self._has_some.set()  # what happened before we listened was told to nobody
                    await lost.wait()
                finally:
                    self.is_told = False
                    connection.terminate()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
                structlog.get_logger().info("news.unheard", reason=str(fault) or type(fault).__name__)
            await self._clock.sleep(AGAIN_SECONDS)


def _sets(event: asyncio.Event) -> Callable[..., None]:
    """What sets an event, whatever it is called with."""

    def sets(*arguments: Any) -> None:
        event.set()

    return sets
