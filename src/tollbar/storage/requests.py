"""The request log's rows: how a record becomes one, how one is found again, and how old ones are forgotten."""

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from tollbar.domain.records import Attempt, CallHistory, Outcome, Provenance, RequestRecord
from tollbar.domain.usage import Usage
from tollbar.storage import lines
from tollbar.storage.engine import Connection
from tollbar.storage.journal import Journal
from tollbar.storage.lines import storable
from tollbar.storage.reader import Reader
from tollbar.storage.statements import RequestSql
from tollbar.storage.times import SECOND, microseconds, moment

PRUNED_AT_ONCE = 5_000
"""Rows that one transaction deletes; more would keep calls waiting for the journal."""


_Detail = tuple[Usage | None, tuple[Attempt, ...], Mapping[str, float]]
"""What of a record has no column of its own."""

_encode: Callable[[object], bytes] = msgspec.json.encode
_detail: Callable[[str], _Detail] = msgspec.json.Decoder(_Detail).decode


class StoredRequests:
    """The request log as people ask it; `batched.py` writes it."""

    def __init__(self, journal: Journal, reader: Reader, sql: RequestSql) -> None:
        self._journal = journal
        self._reader = reader
        self._sql = sql

    async def find(self, request_id: str) -> RequestRecord | None:
        """The record of a call; None if it was never written, was dropped or is forgotten."""
        named = {"request_id": request_id}
        row = await self._reader.run(lambda connection: connection.execute(self._sql.find, named).fetchone())
        return None if row is None else from_row(row)

    async def history(self, request_id: str) -> CallHistory | None:
        """What the record and the ledger have of a call, with all that was handed to the journal until now."""
        await self._journal.flush()
        named = {"request_id": request_id}

        def read(connection: Connection) -> CallHistory | None:
            row = connection.execute(self._sql.find, named).fetchone()
            written = tuple(lines.from_row(line) for line in connection.execute(self._sql.lines, named))
            record = None if row is None else from_row(row)
            return CallHistory(record, written) if record or written else None

        return await self._reader.run(read)

    async def prune(self, before: datetime) -> int:
        """Forgets what is older, from the oldest on; says how many records. A later call gets what was written late."""
        pruned = 0
        while count := await self._journal.run(lambda connection: self._prune(connection, microseconds(before))):
            pruned += count
        return pruned

    def _prune(self, connection: Connection, before: int) -> int:
        (oldest,) = connection.execute(self._sql.oldest).fetchone()
        if oldest is None:
            return 0
        end = oldest + PRUNED_AT_ONCE
        (kept,) = connection.execute(self._sql.first_kept, {"end": end, "before": before}).fetchone()
        return connection.execute(self._sql.prune, {"end": end if kept is None else kept}).rowcount


def to_row(record: RequestRecord) -> tuple[object, ...]:
    """A record in the order of the table's columns, without its number."""
    usage, first_token = record.usage, record.first_token_seconds
    return (
        record.request_id,
        microseconds(record.at),
        record.route,
        record.key_id,
        record.key_name,
        record.address,
        None if record.model is None else storable(record.model),
        None if record.target is None else storable(record.target),
        int(record.stream),
        record.outcome.value,
        record.status,
        record.error_code,
        None if usage is None else usage.prompt_tokens,
        None if usage is None else usage.completion_tokens,
        None if record.provenance is None else record.provenance.value,
        record.credits,
        record.cost_nano_dollars,
        round(record.duration_seconds * SECOND),
        None if first_token is None else round(first_token * SECOND),
        None if record.user is None else storable(record.user),
        _detail_of(record),
    )


def _detail_of(record: RequestRecord) -> str:
    try:
        return _encode((record.usage, record.attempts, record.stages)).decode()
    except UnicodeEncodeError:
        attempts = [attempt._replace(target=storable(attempt.target)) for attempt in record.attempts]
        return _encode((record.usage, attempts, record.stages)).decode()


def from_row(row: tuple) -> RequestRecord:
    """The record of a row; durations come back to the microsecond."""
    usage, attempts, stages = _detail(row[20])
    return RequestRecord(
        request_id=row[0],
        at=moment(row[1]),
        route=row[2],
        key_id=row[3],
        key_name=row[4],
        address=row[5],
        model=row[6],
        target=row[7],
        stream=bool(row[8]),
        outcome=Outcome(row[9]),
        status=row[10],
        error_code=row[11],
        usage=usage,
        provenance=None if row[14] is None else Provenance(row[14]),
        credits=row[15],
        cost_nano_dollars=row[16],
        attempts=attempts,
        duration_seconds=row[17] / SECOND,
        first_token_seconds=None if row[18] is None else row[18] / SECOND,
        stages=stages,
        user=row[19],
    )
