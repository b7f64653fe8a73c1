"""Teams in the store. A change lets every process know, as a change of a key does: their keys are looked up anew."""

import sqlite3
from collections.abc import Callable, Sequence

import msgspec

from tollbar.domain.audit import Actor, Told, told_of
from tollbar.domain.errors import Conflict, NotFound
from tollbar.domain.identity import Allowance, Grant
from tollbar.domain.limits import Limit
from tollbar.domain.teams import Team
from tollbar.ports.clock import Clock
from tollbar.ports.keys import KeyChange
from tollbar.storage.audit import Auditor
from tollbar.storage.engine import Connection
from tollbar.storage.grants import Grants, check
from tollbar.storage.journal import Journal
from tollbar.storage.keys import terms_in, terms_of
from tollbar.storage.reader import Reader
from tollbar.storage.standings import read_standing, read_standings
from tollbar.storage.statements import Statements
from tollbar.storage.times import microseconds, moment

_encode: Callable[[object], bytes] = msgspec.json.encode
_models: Callable[[str], tuple[str, ...]] = msgspec.json.Decoder(tuple[str, ...]).decode
_limits: Callable[[str], tuple[Limit, ...]] = msgspec.json.Decoder(tuple[Limit, ...]).decode


class StoredTeams:
    """`ports.TeamStore` over the store."""

    def __init__(self, journal: Journal, reader: Reader, statements: Statements, clock: Clock) -> None:
        self._journal = journal
        self._reader = reader
        self._sql = statements.teams
        self._keys_sql = statements.keys
        self._grants = Grants(statements.keys, statements.ledger)
        self._clock = clock
        self._statements = statements
        self._auditor = Auditor(statements.audit)

    def by(self, actor: Actor) -> "StoredTeams":
        """See `ports.TeamStore`."""
        named = StoredTeams(self._journal, self._reader, self._statements, self._clock)
        named._auditor = self._auditor.by(actor)
        return named

    async def add(self, team: Team, grants: Sequence[Grant]) -> Team:
        """See `ports.TeamStore`."""
        check(grants)
        now = microseconds(self._clock.now())
        row = {
            "id": team.id,
            "name": team.name,
            "models": _encode(team.models).decode(),
            "limits": _encode(team.limits).decode(),
            "created_at": microseconds(team.created_at),
            "version": team.version,
            "each_user": None,
        }

        def add(connection: Connection) -> Team:
            try:
                connection.execute(self._sql.insert, row)
            except sqlite3.IntegrityError as fault:
                raise _conflict(team.name) from fault
            self._grants.put(connection, team.id, grants, (), now)
            return self._noted(connection, now, ("team.create", team.id), {})

        return await self._journal.run(add)

    async def list(self) -> Sequence[Team]:
        """See `ports.TeamStore`."""
        now = microseconds(self._clock.now())

        def read(connection: Connection) -> Sequence[Team]:
            standings = read_standings(connection, self._keys_sql, now)
            return [_team(row, standings.get(row[0], ())) for row in connection.execute(self._sql.all)]

        return await self._reader.run(read)

    async def get(self, team_id: str) -> Team:
        """See `ports.TeamStore`."""
        now = microseconds(self._clock.now())
        return await self._reader.run(lambda connection: self._read(connection, team_id, now))

    async def change(self, team_id: str, change: KeyChange, version: int | None = None) -> Team:
        """See `ports.TeamStore`."""
        check(change.grants or ())
        now = microseconds(self._clock.now())
        new = {
            "new_name": change.name,
            "new_models": None if change.models is None else _encode(change.models).decode(),
            "new_limits": None if change.limits is None else _encode(change.limits).decode(),
            "new_each_user": terms_in(change),
        }

        def apply(connection: Connection) -> Team:
            before = self._read(connection, team_id, now)
            if version is not None and version != before.version:
                raise Conflict(f"The team was changed meanwhile: it is at version {before.version}, not {version}.")
            try:
                connection.execute(self._sql.change, {"id": team_id, **new})
            except sqlite3.IntegrityError as fault:
                raise _conflict(change.name) from fault
            self._grants.put(connection, team_id, change.grants or (), before.allowances, now)
            self._grants.top_up(connection, change.top_ups, before.allowances, now)
            return self._noted(connection, now, ("team.update", team_id), told_of(before))

        return await self._journal.run(apply)

    def _noted(self, connection: Connection, now: int, what: tuple[str, str], before: Told) -> Team:
        """The team after a change, which every process is told of and the audit keeps."""
        connection.execute(self._keys_sql.note_change)
        team = self._read(connection, what[1], now)
        self._auditor.note(connection, now, what, before, told_of(team))
        return team

    def _read(self, connection: Connection, team_id: str, now: int) -> Team:
        row = connection.execute(self._sql.one, {"id": team_id}).fetchone()
        if row is None:
            raise NotFound(f"There is no team {team_id!r}.", hint="'tollbar teams list' shows them all.")
        return _team(row, read_standing(connection, self._keys_sql, team_id, now))


def _conflict(name: str | None) -> Conflict:
    return Conflict(f"There is already a team of the name {name!r}.", field="name")


def _team(row: tuple, allowances: Sequence[Allowance]) -> Team:
    team_id, name, models, limits, created_at, version, each_user = row
    may_do = _models(models), _limits(limits), tuple(allowances)
    return Team(team_id, name, moment(created_at), *may_do, version, terms_of(each_user))
