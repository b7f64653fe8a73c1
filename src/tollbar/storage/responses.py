"""Responses that are kept: written by the journal, found again by whoever goes on from them.

A response and its whole thread live as long as somebody goes on from them, and then for the time that is set. Of one
key no more is kept than is allowed in all: what goes beyond that goes at the next pruning, the oldest first.
"""

from collections.abc import Sequence
from datetime import timedelta

from tollbar.domain.responses import KeptResponse, Thread
from tollbar.ports.clock import Clock
from tollbar.storage.engine import Connection
from tollbar.storage.journal import Journal
from tollbar.storage.reader import Reader
from tollbar.storage.statements import ResponseSql
from tollbar.storage.times import microseconds

SLACK = timedelta(hours=1)
"""What goes on from a thread within so short a time does not prolong it: each row would be written again."""


class StoredResponses:
    """`ports.ResponseStore` over the store."""

    def __init__(self, journal: Journal, reader: Reader, sql: ResponseSql, clock: Clock) -> None:
        self._journal = journal
        self._reader = reader
        self._sql = sql
        self._clock = clock

    async def keep(self, response: KeptResponse, keep_for: timedelta, thread: Sequence[str] = ()) -> None:
        """See `ports.ResponseStore`."""
        now = self._clock.now()
        until = microseconds(now + keep_for)
        size = len(response.items) + len(response.document)
        row = {**response._asdict(), "at": microseconds(now), "until": until, "size": size}
        prolonged = {"key_id": response.key_id, "until": until, "before": microseconds(now + keep_for - SLACK)}

        def write(connection: Connection) -> None:
            connection.execute(self._sql.keep, row)
            for turn in thread:
                connection.execute(self._sql.prolong, {**prolonged, "id": turn})

        await self._journal.run(write)

    async def find(self, key_id: str, response_id: str) -> KeptResponse | None:
        """See `ports.ResponseStore`."""
        named = self._named(key_id, response_id)
        row = await self._reader.run(lambda connection: connection.execute(self._sql.find, named).fetchone())
        return None if row is None else _response(row)

    async def thread(self, key_id: str, response_id: str, most_bytes: int) -> Thread | None:
        """See `ports.ResponseStore`."""
        named = {**self._named(key_id, response_id), "most": most_bytes}
        rows = await self._reader.run(lambda connection: list(connection.execute(self._sql.thread, named)))
        return Thread(tuple(map(_response, rows))) if rows else None

    async def remove(self, key_id: str, response_id: str) -> None:
        """See `ports.ResponseStore`."""
        await self._forget([(key_id, response_id)])

    async def prune(self, most_bytes: int) -> int:
        """Forgets those whose time is over, and of each key what goes beyond so many bytes; says how many."""
        old = {"before": microseconds(self._clock.now())}
        pruned = 0
        while count := await self._journal.run(lambda connection: connection.execute(self._sql.prune, old).rowcount):
            pruned += count
        crowd = {"most": most_bytes}
        while found := await self._reader.run(lambda connection: list(connection.execute(self._sql.crowded, crowd))):
            pruned += await self._forget(found)
        return pruned

    async def _forget(self, found: Sequence[tuple[str, str]]) -> int:
        def write(connection: Connection) -> int:
            named = [{"key_id": key_id, "id": response_id} for key_id, response_id in found]
            return sum(connection.execute(self._sql.remove, one).rowcount for one in named)

        return await self._journal.run(write)

    def _named(self, key_id: str, response_id: str) -> dict[str, object]:
        return {"key_id": key_id, "id": response_id, "now": microseconds(self._clock.now())}


def _response(row: tuple) -> KeptResponse:
    key_id, name, previous, provider, model, items, document = row
    return KeptResponse(key_id, name, previous, provider, model, bytes(items), bytes(document))
