"""Keys: the digests of their secrets, what they may do, and what was granted to them.

A change is one transaction, and lets every process know by the number that `changes` gives. A grant is changed in
place: what was spent and held of it stays. Secrets never come here.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from tollbar.domain.audit import Actor, Told, told_of
from tollbar.domain.errors import Conflict, NotFound
from tollbar.domain.identity import (
    Allowance,
    AllowanceId,
    EndUserTerms,
    Grant,
    Key,
    KeyKind,
    Membership,
    Permission,
    Principal,
)
from tollbar.domain.limits import Limit
from tollbar.domain.money import Unit
from tollbar.domain.teams import holder_of
from tollbar.ports.clock import Clock
from tollbar.ports.keys import KeyChange
from tollbar.storage.audit import Auditor
from tollbar.storage.engine import Connection
from tollbar.storage.grants import Grants, check
from tollbar.storage.journal import Journal
from tollbar.storage.reader import Reader
from tollbar.storage.standings import read_standing, read_standings
from tollbar.storage.statements import Statements
from tollbar.storage.times import maybe_microseconds, maybe_moment, microseconds, moment

_encode: Callable[[object], bytes] = msgspec.json.encode
_models: Callable[[str], tuple[str, ...]] = msgspec.json.Decoder(tuple[str, ...]).decode
_limits: Callable[[str], tuple[Limit, ...]] = msgspec.json.Decoder(tuple[Limit, ...]).decode
_terms: Callable[[str], EndUserTerms | None] = msgspec.json.Decoder(EndUserTerms | None).decode


class StoredKeys:
    """`ports.KeyStore` over the store."""

    def __init__(self, journal: Journal, reader: Reader, statements: Statements, clock: Clock) -> None:
        self._journal = journal
        self._reader = reader
        self._sql = statements.keys
        self._grants = Grants(statements.keys, statements.ledger)
        self._clock = clock
        self._statements = statements
        self._auditor = Auditor(statements.audit)

    def by(self, actor: Actor) -> "StoredKeys":
        """See `ports.KeyStore`."""
        named = StoredKeys(self._journal, self._reader, self._statements, self._clock)
        named._auditor = self._auditor.by(actor)
        return named

    async def find(self, digest: bytes) -> Principal | None:
        """See `ports.KeyStore`; one read. A secret that was replaced expires when its time of grace ends."""
        rows = await self._reader.run(
            lambda connection: connection.execute(self._sql.find, {"digest": digest}).fetchall()
        )
        return _principal(rows) if rows else None

    async def shared(self) -> Sequence[AllowanceId]:
        """See `ports.KeyStore`."""
        rows = await self._reader.run(lambda connection: connection.execute(self._sql.shared).fetchall())
        return _ids(rows)

    async def add(self, key: Key, digest: bytes, grants: Sequence[Grant]) -> Key:
        """See `ports.KeyStore`; raises InvalidValue for two grants of one unit, or too large a grant."""
        check(grants)
        now = self._now()

        def add(connection: Connection) -> Key:
            try:
                connection.execute(self._sql.insert_key, row_of(key))
                secret = {"digest": digest, "key_id": key.id, "valid_until": None}
                connection.execute(self._sql.insert_secret, secret)
            except sqlite3.IntegrityError as fault:
                raise conflict_of(fault, key.name) from fault
            self._grants.put(connection, key.id, grants, (), now)
            return self._noted(connection, now, ("key.create", key.id), {})

        return await self._journal.run(add)

    async def list(self) -> Sequence[Key]:
        """See `ports.KeyStore`."""
        now = self._now()

        def read(connection: Connection) -> Sequence[Key]:
            standings = read_standings(connection, self._sql, now)
            return [_key(row, standings.get(row[0], ())) for row in connection.execute(self._sql.keys)]

        return await self._reader.run(read)

    async def get(self, key_id: str) -> Key:
        """See `ports.KeyStore`."""
        now = self._now()
        return await self._reader.run(lambda connection: self._read(connection, key_id, now))

    async def find_named(self, name: str) -> Key | None:
        """See `ports.KeyStore`."""
        now = self._now()

        def read(connection: Connection) -> Key | None:
            row = connection.execute(self._sql.id_of_name, {"name": name}).fetchone()
            return None if row is None else self._read(connection, row[0], now)

        return await self._reader.run(read)

    async def find_bound(self, bound_to: bytes) -> Key | None:
        """See `ports.KeyStore`."""
        now = self._now()

        def read(connection: Connection) -> Key | None:
            row = connection.execute(self._sql.id_of_bound, {"bound_to": bound_to}).fetchone()
            return None if row is None else self._read(connection, row[0], now)

        return await self._reader.run(read)

    async def change(self, key_id: str, change: KeyChange, version: int | None = None) -> Key:
        """See `ports.KeyStore`; also raises Conflict when the new name is in use."""
        check(change.grants or ())
        now = self._now()

        def apply(connection: Connection) -> Key:
            before = self._read(connection, key_id, now)
            if version is not None and version != before.version:
                raise Conflict(f"The key was changed meanwhile: it is at version {before.version}, not {version}.")
            try:
                connection.execute(self._sql.change_key, {"key_id": key_id, **changes_of(change)})
            except sqlite3.IntegrityError as fault:
                raise conflict_of(fault, change.name) from fault
            self._grants.put(connection, key_id, change.grants or (), before.allowances, now)
            self._grants.top_up(connection, change.top_ups, before.allowances, now)
            action = "key.revoke" if change.revoked_at is not None else "key.update"
            return self._noted(connection, now, (action, key_id), told_of(before))

        return await self._journal.run(apply)

    async def rotate(self, key_id: str, digest: bytes, hint: str, old_until: datetime) -> Key:
        """See `ports.KeyStore`; a secret whose time ends before `old_until` gets no more of it."""
        now = self._now()

        def rotate(connection: Connection) -> Key:
            before = self._read(connection, key_id, now)
            if before.revoked_at is not None:
                raise Conflict("The key is revoked; make another one.")
            until = microseconds(old_until)
            connection.execute(self._sql.retire_secrets, {"key_id": key_id, "until": until})
            try:
                secret = {"digest": digest, "key_id": key_id, "valid_until": None}
                connection.execute(self._sql.insert_secret, secret)
            except sqlite3.IntegrityError as fault:
                raise conflict_of(fault, before.name) from fault
            connection.execute(self._sql.change_key, {"key_id": key_id, **changes_of(KeyChange()), "hint": hint})
            return self._noted(connection, now, ("key.rotate", key_id), told_of(before))

        return await self._journal.run(rotate)

    async def changes(self) -> int:
        """A number that grows with every change, of whatever process; cheap enough to ask several times a second."""
        return await self._reader.run(lambda connection: connection.execute(self._sql.changes).fetchone()[0])

    def _noted(self, connection: Connection, now: int, what: tuple[str, str], before: Told) -> Key:
        """The key after a change, which every process is told of and the audit keeps."""
        connection.execute(self._sql.note_change)
        key = self._read(connection, what[1], now)
        self._auditor.note(connection, now, what, before, told_of(key))
        return key

    def _now(self) -> int:
        return microseconds(self._clock.now())

    def _read(self, connection: Connection, key_id: str, now: int) -> Key:
        row = connection.execute(self._sql.key, {"key_id": key_id}).fetchone()
        if row is None:
            raise NotFound(f"There is no key {key_id!r}.")
        return _key(row, read_standing(connection, self._sql, key_id, now))


def conflict_of(fault: sqlite3.IntegrityError, name: str | None) -> Conflict:
    """What is in use already: the driver says only in words which column it was."""
    if "keys.name" in str(fault):
        return Conflict(f"There is already a key of the name {name!r}.", field="name")
    if "keys.bound_to" in str(fault):
        return Conflict("There is already a key for this address.", field="bound_to")
    return Conflict("There is already a key of this id, or with this secret.")


def row_of(key: Key) -> dict[str, object]:
    """Parameters of an INSERT of the key."""
    return {
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "permission": key.permission.value,
        "models": _encode(key.models).decode(),
        "limits": _encode(key.limits).decode(),
        "created_at": microseconds(key.created_at),
        "expires_at": maybe_microseconds(key.expires_at),
        "revoked_at": maybe_microseconds(key.revoked_at),
        "version": key.version,
        "kind": key.kind.value,
        "tier": key.tier,
        "bound_to": key.bound_to,
        "team": key.team,
        "each_user": None,
    }


def changes_of(change: KeyChange) -> dict[str, object]:
    """Parameters of an UPDATE that leaves what is None as it is."""
    return {
        "hint": None,
        "new_name": change.name,
        "new_tier": change.tier,
        "new_team": change.team,
        "new_expires_at": maybe_microseconds(change.expires_at),
        "never_expires": change.never_expires,
        "unbinds": change.unbinds,
        "new_revoked_at": maybe_microseconds(change.revoked_at),
        "new_models": None if change.models is None else _encode(change.models).decode(),
        "new_limits": None if change.limits is None else _encode(change.limits).decode(),
        "new_each_user": terms_in(change),
    }


def terms_in(change: KeyChange) -> str | None:
    """What each end user is granted after the change, as it is stored; None where that stays."""
    stays = change.end_user_terms is None and not change.forgets_end_users
    return None if stays else _encode(change.end_user_terms).decode()


def terms_of(stored: str | None) -> EndUserTerms | None:
    """What was stored of them."""
    return None if stored is None else _terms(stored)


def _key(row: tuple, allowances: Sequence[Allowance]) -> Key:
    key_id, name, hint, permission, models, limits, created_at, expires_at, revoked_at, version, *more = row
    kind, tier, bound_to, team, each_user = more
    return Key(
        id=key_id,
        name=name,
        hint=hint,
        permission=Permission(permission),
        created_at=moment(created_at),
        kind=KeyKind(kind),
        tier=tier,
        bound_to=bound_to,
        team=team,
        expires_at=maybe_moment(expires_at),
        revoked_at=maybe_moment(revoked_at),
        models=_models(models),
        limits=_limits(limits),
        allowances=tuple(allowances),
        version=version,
        end_user_terms=terms_of(each_user),
    )


def _principal(rows: Sequence[tuple]) -> Principal:
    """One principal of rows that differ in their allowance only."""
    key_id, name, permission, kind, tier, bound_to, models, limits, expires_at, revoked_at, valid_until, *more = rows[0]
    each_user, team_id, team_name, team_models, team_limits, each_of_team, *_ = more
    in_team = team_id is not None
    terms = (key_id, terms_of(each_user)), (team_id, terms_of(each_of_team))
    ends = [end for end in (expires_at, valid_until) if end is not None]
    return Principal(
        key_id=key_id,
        name=name,
        permission=Permission(permission),
        kind=KeyKind(kind),
        tier=tier,
        bound_to=bound_to,
        models=_models(models),
        limits=_limits(limits),
        allowances=_ids(row[-3:] for row in rows if row[-1] is not None),
        team=Membership(team_id, team_name, _models(team_models), _limits(team_limits)) if in_team else None,
        expires_at=maybe_moment(min(ends, default=None)),
        revoked_at=maybe_moment(revoked_at),
        end_user_terms=tuple((owner, granted) for owner, granted in terms if granted is not None),
    )


def _ids(rows: Iterable[Sequence[Any]]) -> tuple[AllowanceId, ...]:
    return tuple(AllowanceId(number, Unit(unit), holder_of(owner)) for number, unit, owner in rows)
