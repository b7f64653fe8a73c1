"""How allowances stand: what was granted and spent, and what open calls hold, of every process.

What a process leased but no call holds counts as left, since the next call can have it. A period that is over counts as
such although nobody has begun the next one in the store yet.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from tollbar.domain.identity import Allowance, AllowanceId, Reset
from tollbar.domain.money import Unit
from tollbar.storage.engine import Connection
from tollbar.storage.statements import KeySql
from tollbar.storage.times import maybe_moment, period

Row = tuple[str, int, str, int, int, int, str, int | None]


def read_standing(connection: Connection, sql: KeySql, key_id: str, now: int) -> tuple[Allowance, ...]:
    """A key's allowances; none when it has none, or is unknown."""
    rows = connection.execute(sql.standing, {"key_id": key_id})
    return tuple(_allowance(row, now) for row in rows)


def read_standings(connection: Connection, sql: KeySql, now: int) -> Mapping[str, Sequence[Allowance]]:
    """The allowances of every key that has some."""
    standings: defaultdict[str, list[Allowance]] = defaultdict(list)
    for row in connection.execute(sql.standings):
        standings[row[0]].append(_allowance(row, now))
    return standings


def _allowance(row: Row, now: int) -> Allowance:
    _, number, unit, granted, spent, held, reset, ends_at = row
    if ends_at is not None and ends_at <= now:
        spent = held = 0
        _, ends_at = period(Reset(reset), now)
    return Allowance(AllowanceId(number, Unit(unit)), granted, spent, held, Reset(reset), maybe_moment(ends_at))
