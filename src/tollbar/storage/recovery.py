"""Resolves what dead processes left behind, so that nothing stays held for nobody.

A dead process's open holds end as ruling 16 says: credits and uses are released, since a call whose answer ended was
settled before; dollars and tokens are charged as estimated, since the provider will bill them. Each call gets its line,
flagged. What was leased goes back. All of it is one transaction with the removal of the process: done once, or not
at all.
"""

from collections.abc import Callable, Collection, Sequence
from itertools import groupby
from operator import itemgetter

import msgspec

from tollbar.domain.money import Unit
from tollbar.domain.records import LedgerEntry
from tollbar.storage.engine import Connection
from tollbar.storage.hearing import Heard
from tollbar.storage.lines import lost
from tollbar.storage.statements import LedgerSql
from tollbar.storage.times import moment
from tollbar.storage.writing import append_lines

Hold = tuple[int, int, str, int, str, int, str | None]
"""A row of an open hold: reservation, allowance, unit, period, request, time, estimate."""

COSTLY = frozenset({Unit.DOLLARS, Unit.TOKENS})
"""What a lost call is charged, since the provider will bill it; credits and uses are for calls that succeed."""

_encode: Callable[[object], bytes] = msgspec.json.encode


def register(connection: Connection, sql: LedgerSql, now: int, slot: str | None) -> int:
    """The number of a process that starts now; no other ever had it."""
    (number,) = connection.execute(sql.insert_process, {"at": now, "slot": slot}).fetchone()
    return number


def others(connection: Connection, sql: LedgerSql, process: int) -> list[Heard]:
    """All other processes."""
    return connection.execute(sql.other_processes, {"process": process}).fetchall()


def resolve(connection: Connection, sql: LedgerSql, processes: Collection[int]) -> int:
    """Ends every hold of these processes, returns their leases and forgets them; says how many calls were lost."""
    if not processes:
        return 0
    dead = {"processes": _encode(list(processes)).decode()}
    holds: list[Hold] = connection.execute(sql.open_holds, dead).fetchall()
    ended = [_end(list(rows)) for _, rows in groupby(holds, key=itemgetter(0))]
    append_lines(connection, sql, (line for line, _ in ended))
    charges = [charge for _, charged in ended for charge in charged]
    for allowance, period, amount in charges:
        deltas = _encode([(allowance, period, amount, 0)]).decode()
        connection.execute(sql.charge, {"deltas": deltas})
    connection.execute(sql.return_leases, dead)
    for statement in (sql.delete_holds, sql.delete_leases, sql.delete_processes):
        connection.execute(statement, dead)
    return len(ended)


def _end(rows: Sequence[Hold]) -> tuple[LedgerEntry, list[tuple[int, int, int]]]:
    """The line of one lost call, and what each allowance is charged: its number, the period, the amount."""
    request_id, at, estimate = next(row[4:] for row in rows if row[6] is not None)
    line = lost(str(estimate), request_id, moment(at), is_paid=any(row[2] in COSTLY for row in rows))
    costs = {Unit.DOLLARS: line.cost_nano_dollars or 0, Unit.TOKENS: line.usage.total_tokens}
    return line, [(allowance, period, costs.get(Unit(unit), 0)) for _, allowance, unit, period, *_ in rows]
