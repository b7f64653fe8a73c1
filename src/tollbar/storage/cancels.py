"""Calls under way, wherever they run: a process asks in the store, and those that run some tell, or end one.

Every process learns by the store's news that something was asked. A question is forgotten after a minute.
"""

import secrets
from collections.abc import Callable, Sequence

import msgspec

from tollbar.domain.records import RunningCall, RunningCalls
from tollbar.ports.clock import Clock
from tollbar.storage.engine import Connection
from tollbar.storage.journal import Journal
from tollbar.storage.lines import storable
from tollbar.storage.reader import Reader
from tollbar.storage.statements import CancelSql
from tollbar.storage.times import SECOND, microseconds

ASKED_SECONDS = 60
NOBODY = ""
"""The process of the row that is the question itself."""

_encode: Callable[[object], bytes] = msgspec.json.encode
_calls: Callable[[str], list[RunningCall]] = msgspec.json.Decoder(list[RunningCall]).decode


class StoredCancels:
    """`ports.CancelStore` over the store."""

    def __init__(self, journal: Journal, reader: Reader, sql: CancelSql, clock: Clock) -> None:
        self._journal = journal
        self._reader = reader
        self._sql = sql
        self._clock = clock
        self._process = secrets.token_hex(8)

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

    async def ask_all(self, question: str) -> None:
        """See `ports.CancelStore`."""
        now = microseconds(self._clock.now())

        def ask(connection: Connection) -> None:
            connection.execute(self._sql.forget_reports, {"before": now - ASKED_SECONDS * SECOND})
            connection.execute(self._sql.report, {"question": question, "process": NOBODY, "at": now, "calls": "[]"})
            connection.execute(self._sql.note)

        await self._journal.run(ask)

    async def questions(self) -> Sequence[str]:
        """See `ports.CancelStore`."""
        sought = {"nobody": NOBODY, "process": self._process}
        rows = await self._reader.run(lambda connection: connection.execute(self._sql.questions, sought).fetchall())
        return [question for (question,) in rows]

    async def report(self, question: str, calls: Sequence[RunningCall]) -> None:
        """See `ports.CancelStore`."""
        told = _encode([call._replace(model=storable(call.model)) for call in calls]).decode()
        row = {"question": question, "process": self._process, "at": microseconds(self._clock.now()), "calls": told}
        await self._journal.run(lambda connection: connection.execute(self._sql.report, row).rowcount)

    async def reports(self, question: str) -> RunningCalls:
        """See `ports.CancelStore`. Processes are those that the ledger knows."""
        sought = {"question": question, "nobody": NOBODY}

        def read(connection: Connection) -> RunningCalls:
            told = [calls for (calls,) in connection.execute(self._sql.reports, sought)]
            (processes,) = connection.execute(self._sql.processes).fetchone()
            calls = tuple(call for each in told for call in _calls(each))
            return RunningCalls(calls, max(0, processes - len(told)))

        return await self._reader.run(read)

    async def news(self) -> tuple[int, int]:
        """Two numbers that grow: with every change of keys and teams, and with every question here."""
        rows = await self._reader.run(lambda connection: connection.execute(self._sql.news).fetchall())
        (changes,), (asked,) = rows
        return changes, asked
