"""How allowances stand: what was granted and spent, and what open calls hold, of every process.

What a process leased but no call holds counts as left, since the next call can have it. A period that is over counts as
such although nobody has begun the next one in the store yet.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from tollbar.domain.identity import Allowance, AllowanceId, Reset, TopUp
from tollbar.domain.money import Unit
from tollbar.domain.teams import holder_of
from tollbar.storage.engine import Connection
from tollbar.storage.statements import KeySql
from tollbar.storage.times import maybe_moment, moment, period

Row = tuple[str, int, str, int, int, int, str, int | None, int, int | None, str]


def read_standing(connection: Connection, sql: KeySql, owner: str, now: int) -> tuple[Allowance, ...]:
    """The allowances of a key or a team, its own; none when it has none, or is unknown."""
    rows = connection.execute(sql.standing, {"owner": owner})
    return tuple(to_allowance(row, now) for row in rows)


def read_covering(
    connection: Connection, sql: KeySql, key_id: str, now: int, end_users: Sequence[str] = ()
) -> tuple[Allowance, ...]:
    """Every allowance that covers a key: its own, its team's, the installation's; and those of these end users."""
    rows = connection.execute(sql.covering, {"key_id": key_id})
    covering = tuple(to_allowance(row, now) for row in rows)
    for end_user in end_users:
        covering += read_standing(connection, sql, end_user, now)
    return covering


def read_standings(connection: Connection, sql: KeySql, now: int) -> Mapping[str, Sequence[Allowance]]:
    """The allowances of every key and team that has some."""
    standings: defaultdict[str, list[Allowance]] = defaultdict(list)
    for row in connection.execute(sql.standings):
        standings[row[0]].append(to_allowance(row, now))
    return standings


def to_allowance(row: Row, now: int) -> Allowance:
    """The allowance of a row, as it stands at a moment."""
    owner, number, unit, granted, spent, held, reset, ends_at, extra, until, zone = row
    if ends_at is not None and ends_at <= now:
        spent = held = 0
        _, ends_at = period(Reset(reset), now, zone)
    named = AllowanceId(number, Unit(unit), holder_of(owner))
    top_up = None if until is None else TopUp(named.unit, extra, moment(until))
    if until is not None and until <= now:
        granted, top_up = granted - extra, None
    return Allowance(named, granted, spent, held, Reset(reset), maybe_moment(ends_at), top_up, zone)
