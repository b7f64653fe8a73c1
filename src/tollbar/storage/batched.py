"""Writes the request log in batches, beside the calls and never in their way.

A record is dropped, and counted, when too many wait or when it cannot be written; the ledger, which is money, goes
another way and loses nothing.
"""

import asyncio
from collections.abc import Sequence

from tollbar.domain.errors import Overloaded
from tollbar.domain.records import RequestRecord
from tollbar.ports.clock import Clock
from tollbar.storage.engine import Connection
from tollbar.storage.journal import Journal
from tollbar.storage.requests import to_row
from tollbar.storage.statements import Rows

LANE = 1
FLUSH_SECONDS = 0.25
FLUSH_RECORDS = 500
MOST_WAITING = 10_000


class Records:
    """Records on their way to the table: one operation of the journal."""

    __slots__ = ("_log", "fault", "records")

    def __init__(self, log: "BatchedRequestLog", records: Sequence[RequestRecord]) -> None:
        self._log = log
        self.records = records
        self.fault: Exception | None = None

    def finish(self) -> None:
        """They are written, or could not be."""
        self._log.finished(self)


class RecordWriter:
    """The journal's lane for the request log."""

    def __init__(self, insert: Rows) -> None:
        self._insert = insert

    def write(self, connection: Connection, operations: Sequence[Records]) -> None:
        """Adds the rows of all records."""
        rows = [to_row(record) for operation in operations for record in operation.records]
        self._insert.insert(connection, rows)


class BatchedRequestLog:
    """`ports.RequestLog`; `run` belongs to a task of the store, `dropped` says how many records were lost."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._waiting: list[RequestRecord] = []
        self._unwritten = 0
        self._has_some = asyncio.Event()
        self.dropped = 0

    def write(self, records: Sequence[RequestRecord]) -> None:
        """See `ports.RequestLog`."""
        room = MOST_WAITING - self._unwritten
        if len(records) > room:
            self.dropped += len(records) - room
            records = records[:room]
        if not records:
            return
        self._unwritten += len(records)
        self._waiting += records
        if len(self._waiting) >= FLUSH_RECORDS:
            self.flush()
        else:
            self._has_some.set()

    async def run(self) -> None:
        """Sends what waits, a moment after the first came; never returns."""
        while True:
            await self._has_some.wait()
            await self._clock.sleep(FLUSH_SECONDS)
            self.flush()

    def flush(self) -> None:
        """Hands what waits to the journal now."""
        self._has_some.clear()
        records, self._waiting = self._waiting, []
        if records:
            self._send(records)

    def finished(self, operation: Records) -> None:
        """Takes note of what was written; of several that failed together, each gets another chance by itself."""
        count = len(operation.records)
        if operation.fault is not None and count > 1:
            for record in operation.records:
                self._send([record])
            return
        self._unwritten -= count
        if operation.fault is not None:
            self.dropped += count

    def _send(self, records: Sequence[RequestRecord]) -> None:
        try:
            self._journal.submit(LANE, Records(self, records))
        except Overloaded:
            self._unwritten -= len(records)
            self.dropped += len(records)
