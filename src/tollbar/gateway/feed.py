"""Tells whoever listens of each call of a key that was settled, in whatever process: by asking the store what is new.

Nothing is asked while nobody listens, and once for all who do.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tollbar.domain.errors import Overloaded
from tollbar.domain.records import LedgerEntry
from tollbar.ports.money import UsageStore

POLL_SECONDS = 0.25
MOST_LISTENERS = 1_000
MOST_WAITING = 1_000
"""Calls that a listener has not heard of yet; of more it never hears."""

Calls = asyncio.Queue[LedgerEntry]


class Feed:
    """Listeners by the key whose calls they want to hear of."""

    def __init__(self, store: UsageStore) -> None:
        self._store = store
        self._listeners: defaultdict[str, list[Calls]] = defaultdict(list)
        self._count = 0
        self._last: int | None = None

    @asynccontextmanager
    async def listening(self, key_id: str) -> AsyncIterator[Calls]:
        """A block in which the queue gets the line of each call that is settled from now on; raises Overloaded."""
        if self._count >= MOST_LISTENERS:
            raise Overloaded(f"{MOST_LISTENERS} listen to their usage already.", hint="Ask /v1/me/usage instead.")
        if self._last is None:
            last = await self._store.last_line()
            self._last = last if self._last is None else self._last  # another one began to listen meanwhile
        calls = Calls(MOST_WAITING)
        self._listeners[key_id].append(calls)
        self._count += 1
        try:
            yield calls
        finally:
            self._count -= 1
            self._listeners[key_id].remove(calls)
            if not self._listeners[key_id]:
                del self._listeners[key_id]
            if not self._count:
                self._last = None

    async def follow(self) -> None:
        """Tells what is new if somebody listens; to be called every `POLL_SECONDS`. What fails is told the next time.

        Of several attempts of a call, which are settled together, the last one's line is told.
        """
        if self._last is None:
            return
        lines = await self._store.lines_after(self._last)
        if self._last is None or not lines:  # nobody listens any more, or there is nothing to hear
            return
        self._last = lines[-1][0]
        for line in {line.request_id: line for _, line in lines}.values():
            for waiting in self._listeners.get(line.key_id, ()):
                if not waiting.full():
                    waiting.put_nowait(line)
