"""Answers that are kept for calls that are sent again: each name's turn is given to one call at a time.

A turn belongs to its process, as holds do: one that is over, or was taken for dead, has none any more. Who may take a
turn is decided in a transaction that no other process can write in.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from tollbar.domain.errors import CallUnderWay, OtherCall
from tollbar.domain.repeats import KeptAnswer, Repeatable
from tollbar.ports.clock import Clock
from tollbar.storage.engine import Connection
from tollbar.storage.journal import Journal
from tollbar.storage.keeping import place_of
from tollbar.storage.statements import AnswerSql
from tollbar.storage.times import microseconds
from tollbar.storage.writing import LedgerWriter

LONGEST_TURN = timedelta(days=1)
"""When a turn is forgotten that nobody ended, since its process died; no call lasts so long."""
_head: Callable[[str], tuple[tuple[str, str], ...]] = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode


class StoredAnswers:
    """`ports.AnswerStore` over the store."""

    def __init__(self, journal: Journal, writer: LedgerWriter, sql: AnswerSql, clock: Clock) -> None:
        self._journal = journal
        self._writer = writer
        self._sql = sql
        self._clock = clock

    async def begin(self, call: Repeatable) -> KeptAnswer | None:
        """See `ports.AnswerStore`."""
        now = self._clock.now()
        return await self._journal.run(lambda connection: self._begin(connection, call, now))

    async def free(self, call: Repeatable) -> None:
        """See `ports.AnswerStore`."""
        await self._journal.run(lambda connection: connection.execute(self._sql.free, place_of(call)).rowcount)

    async def prune(self) -> int:
        """Forgets the answers whose time is over; says how many."""
        old = {"before": microseconds(self._clock.now())}
        pruned = 0
        while count := await self._journal.run(lambda connection: connection.execute(self._sql.prune, old).rowcount):
            pruned += count
        return pruned

    def _begin(self, connection: Connection, call: Repeatable, now: datetime) -> KeptAnswer | None:
        at = microseconds(now)
        row = connection.execute(self._sql.find, {"scope": call.scope, "name": call.name}).fetchone()
        if row is not None:
            digest, request_id, until, status, head, body, process = row
            # Whose turn it is has it for as long as its process lives, whatever the time of day becomes.
            if until > at if status is not None else process is not None:
                if bytes(digest) != call.digest:
                    raise OtherCall(
                        "This Idempotency-Key was sent before, with another request.",
                        hint="Send a new one with each new request.",
                        field="idempotency-key",
                    )
                if status is not None:
                    return KeptAnswer(request_id, status, _head(head), bytes(body))
                raise CallUnderWay(
                    "The call of this Idempotency-Key is still being answered.",
                    hint="Ask again in a moment.",
                    field="idempotency-key",
                )
        begun = {
            **place_of(call),
            "digest": call.digest,
            "process": self._writer.process,
            "until": microseconds(now + LONGEST_TURN),
        }
        connection.execute(self._sql.claim, {**begun, "status": None, "head": None, "body": None})
        return None
