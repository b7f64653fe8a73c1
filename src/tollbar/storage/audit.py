"""The audit in the store: an entry is written in the transaction of its change, so there is none without the other.

Writers take turns, in whatever process, so each entry follows the last one there is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tollbar.domain.audit import FIRST, PROGRAM, Actor, Entry, Search, Told, Verified, differing, seal
from tollbar.ports.clock import Clock
from tollbar.storage.engine import Connection
from tollbar.storage.journal import Journal
from tollbar.storage.reader import Reader
from tollbar.storage.statements import AuditSql
from tollbar.storage.times import microseconds, moment


@dataclass(frozen=True, slots=True)
class Auditor:
    """Writes entries in the name of an actor; belongs to the thread that writes."""

    sql: AuditSql
    actor: Actor = PROGRAM

    def by(self, actor: Actor) -> "Auditor":
        """The same in another name."""
        return replace(self, actor=actor)

    def note(self, connection: Connection, at: int, what: tuple[str, str], before: Told, after: Told) -> None:
        """Adds an entry for what was done, to whom, and how that one was told of before and after."""
        row = connection.execute(self.sql.last).fetchone()
        number, previous = (row[0] + 1, bytes(row[1])) if row else (1, FIRST)
        action, subject = what
        was, is_now = differing(before, after)
        actor = self.actor
        entry = Entry(number, moment(at), actor.name, action, subject, was, is_now, actor.request_id, b"")
        sealed = {**entry._asdict(), "at": at, "seal": seal(previous, entry)}
        connection.execute(self.sql.add, sealed)


class StoredAudit:
    """`ports.AuditTrail` over the store."""

    def __init__(self, journal: Journal, reader: Reader, sql: AuditSql, clock: Clock) -> None:
        self._journal = journal
        self._reader = reader
        self._sql = sql
        self._clock = clock

    async def note(self, actor: Actor, action: str, subject: str) -> None:
        """See `ports.AuditTrail`."""
        now, auditor = microseconds(self._clock.now()), Auditor(self._sql, actor)
        await self._journal.run(lambda connection: auditor.note(connection, now, (action, subject), {}, {}))

    async def find(self, search: Search = Search()) -> Sequence[Entry]:  # noqa: B008 - it is frozen
        """See `ports.AuditTrail`."""
        texts = {name: _holding(getattr(search, name)) for name in ("actor", "action", "subject")}
        sought = {**texts, "before": search.before, "count": search.count}
        rows = await self._reader.run(lambda connection: connection.execute(self._sql.page, sought).fetchall())
        return [_entry(row) for row in rows]

    async def verify(self) -> Verified:
        """See `ports.AuditTrail`."""
        return await self._reader.run(lambda connection: checked(map(_entry, connection.execute(self._sql.all))))


def checked(entries: Iterable[Entry]) -> Verified:
    """See `StoredAudit.verify`."""
    count, previous, wrong = 0, FIRST, None
    for entry in entries:
        count += 1
        if wrong is None and (entry.number != count or entry.seal != seal(previous, entry)):
            wrong = entry.number
        previous = entry.seal
    return Verified(count, previous, wrong)


def _holding(text: str) -> str:
    """A pattern for whatever holds the text."""
    for special in ("\\", "%", "_"):
        text = text.replace(special, f"\\{special}")
    return f"%{text}%"


def _entry(row: tuple[Any, ...]) -> Entry:
    number, at, actor, action, subject, before, after, request_id, sealed = row
    return Entry(number, moment(at), actor, action, subject, before, after, request_id, bytes(sealed))
