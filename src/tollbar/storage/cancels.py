"""Calls that are to be ended, wherever they run: a process asks in the store, and the one that runs the call tells.

Every process learns by the store's news that something was asked. A question is forgotten after a minute.
"""

from collections.abc import Sequence

from tollbar.ports.clock import Clock
from tollbar.storage.engine import Connection
from tollbar.storage.journal import Journal
from tollbar.storage.reader import Reader
from tollbar.storage.statements import CancelSql
from tollbar.storage.times import SECOND, microseconds

ASKED_SECONDS = 60


class StoredCancels:
    """`ports.CancelStore` over the store."""

    def __init__(self, journal: Journal, reader: Reader, sql: CancelSql, clock: Clock) -> None:
        self._journal = journal
        self._reader = reader
        self._sql = sql
        self._clock = clock

    async def ask(self, request_id: str, key_id: str | None) -> None:
        """See `ports.CancelStore`."""
        now = microseconds(self._clock.now())

        def ask(connection: Connection) -> None:
            connection.execute(self._sql.forget, {"before": now - ASKED_SECONDS * SECOND})
            connection.execute(self._sql.ask, {"request_id": request_id, "key_id": key_id, "at": now})
            connection.execute(self._sql.note)

        await self._journal.run(ask)

    async def asked(self) -> Sequence[tuple[str, str | None]]:
        """See `ports.CancelStore`."""
        return await self._reader.run(lambda connection: connection.execute(self._sql.asked).fetchall())

    async def tell(self, request_id: str) -> None:
        """See `ports.CancelStore`."""
        told = {"call": request_id}
        await self._journal.run(lambda connection: connection.execute(self._sql.tell, told).rowcount)

    async def is_told(self, request_id: str) -> bool:
        """See `ports.CancelStore`."""
        sought = {"call": request_id}
        row = await self._reader.run(lambda connection: connection.execute(self._sql.is_told, sought).fetchone())
        return row is not None and bool(row[0])

    async def news(self) -> tuple[int, int]:
        """Two numbers that grow: with every change of keys and teams, and with every question here."""
        rows = await self._reader.run(lambda connection: connection.execute(self._sql.news).fetchall())
        (changes,), (asked,) = rows
        return changes, asked
