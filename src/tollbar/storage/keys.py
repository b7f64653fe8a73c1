"""Keys: the digests of their secrets, what they may do, and what was granted to them.

A change is one transaction, and lets every process know by the number that `changes` gives. A grant is changed in
place: what was spent and held of it stays. Secrets never come here.
"""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from tollbar.domain.errors import Conflict, InvalidValue, NotFound
from tollbar.domain.identity import Allowance, AllowanceId, Grant, Key, KeyKind, Permission, Principal
from tollbar.domain.limits import Limit
from tollbar.domain.money import Unit
from tollbar.ports import Clock, KeyChange
from tollbar.storage.engine import Connection
from tollbar.storage.journal import Journal
from tollbar.storage.reader import Reader
from tollbar.storage.standings import read_standing, read_standings
from tollbar.storage.statements import Statements
from tollbar.storage.times import maybe_microseconds, maybe_moment, microseconds, moment, period
from tollbar.storage.writing import current_balances

LARGEST_GRANT = 10**18
"""A billion dollars in nano-dollars; sums of a few such amounts stay within 64 bits."""

_encode: Callable[[object], bytes] = msgspec.json.encode
_models: Callable[[str], tuple[str, ...]] = msgspec.json.Decoder(tuple[str, ...]).decode
_limits: Callable[[str], tuple[Limit, ...]] = msgspec.json.Decoder(tuple[Limit, ...]).decode


class StoredKeys:
    """`ports.KeyStore` over the store."""

    def __init__(self, journal: Journal, reader: Reader, statements: Statements, clock: Clock) -> None:
        self._journal = journal
        self._reader = reader
        self._sql = statements.keys
        self._ledger_sql = statements.ledger
        self._clock = clock

    async def find(self, digest: bytes) -> Principal | None:
        """See `ports.KeyStore`; one read. A secret that was replaced expires when its time of grace ends."""
        rows = await self._reader.run(
            lambda connection: connection.execute(self._sql.find, {"digest": digest}).fetchall()
        )
        return _principal(rows) if rows else None

    async def add(self, key: Key, digest: bytes, grants: Sequence[Grant]) -> Key:
        """See `ports.KeyStore`; raises InvalidValue for two grants of one unit, or too large a grant."""
        _check(grants)
        now = self._now()

        def add(connection: Connection) -> Key:
            try:
                connection.execute(self._sql.insert_key, row_of(key))
                secret = {"digest": digest, "key_id": key.id, "valid_until": None}
                connection.execute(self._sql.insert_secret, secret)
            except sqlite3.IntegrityError as fault:
                raise conflict_of(fault, key.name) from fault
            for grant in grants:
                self._grant(connection, key.id, grant, now)
            connection.execute(self._sql.note_change)
            return self._read(connection, key.id, now)

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
        _check(change.grants or ())
        now = self._now()

        def apply(connection: Connection) -> Key:
            before = self._read(connection, key_id, now)
            if version is not None and version != before.version:
                raise Conflict(f"The key was changed meanwhile: it is at version {before.version}, not {version}.")
            try:
                connection.execute(self._sql.change_key, {"key_id": key_id, **changes_of(change)})
            except sqlite3.IntegrityError as fault:
                raise conflict_of(fault, change.name) from fault
            known = {allowance.id.unit: allowance for allowance in before.allowances}
            for grant in change.grants or ():
                if grant.unit in known:
                    self._regrant(connection, known[grant.unit], grant, now)
                else:
                    self._grant(connection, key_id, grant, now)
            connection.execute(self._sql.note_change)
            return self._read(connection, key_id, now)

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
            connection.execute(self._sql.note_change)
            return self._read(connection, key_id, now)

        return await self._journal.run(rotate)

    async def changes(self) -> int:
        """A number that grows with every change, of whatever process; cheap enough to ask several times a second."""
        return await self._reader.run(lambda connection: connection.execute(self._sql.changes).fetchone()[0])

    def _now(self) -> int:
        return microseconds(self._clock.now())

    def _read(self, connection: Connection, key_id: str, now: int) -> Key:
        row = connection.execute(self._sql.key, {"key_id": key_id}).fetchone()
        if row is None:
            raise NotFound(f"There is no key {key_id!r}.")
        return _key(row, read_standing(connection, self._sql, key_id, now))

    def _grant(self, connection: Connection, key_id: str, grant: Grant, now: int) -> None:
        start, end = period(grant.reset, now)
        amounts = {"granted": grant.amount, "spent": 0, "leased": 0}
        bounds = {"reset": grant.reset.value, "period_start": start, "period_end": end}
        connection.execute(
            self._sql.insert_allowance, {"key_id": key_id, "unit": grant.unit.value, **amounts, **bounds}
        )

    def _regrant(self, connection: Connection, allowance: Allowance, grant: Grant, now: int) -> None:
        current_balances(connection, self._ledger_sql, [allowance.id.number], now)
        # The period goes on under its name, so that what is spent and held in it stays; only its end may move.
        _, end = period(grant.reset, now)
        granted = {"allowance": allowance.id.number, "amount": grant.amount, "reset": grant.reset.value, "end": end}
        connection.execute(self._sql.regrant, granted)


def _check(grants: Sequence[Grant]) -> None:
    units = [grant.unit for grant in grants]
    if len(set(units)) < len(units):
        raise InvalidValue("A key has one allowance of each unit: name each unit once.", field="grants")
    for grant in grants:
        if not 0 <= grant.amount <= LARGEST_GRANT:
            raise InvalidValue(f"A grant is a whole number from 0 to {LARGEST_GRANT}.", field="grants")


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
    }


def changes_of(change: KeyChange) -> dict[str, object]:
    """Parameters of an UPDATE that leaves what is None as it is."""
    return {
        "hint": None,
        "new_name": change.name,
        "new_tier": change.tier,
        "new_expires_at": maybe_microseconds(change.expires_at),
        "never_expires": change.never_expires,
        "unbinds": change.unbinds,
        "new_revoked_at": maybe_microseconds(change.revoked_at),
        "new_models": None if change.models is None else _encode(change.models).decode(),
        "new_limits": None if change.limits is None else _encode(change.limits).decode(),
    }


def _key(row: tuple, allowances: Sequence[Allowance]) -> Key:
    key_id, name, hint, permission, models, limits, created_at, expires_at, revoked_at, version, *more = row
    kind, tier, bound_to = more
    return Key(
        id=key_id,
        name=name,
        hint=hint,
        permission=Permission(permission),
        created_at=moment(created_at),
        kind=KeyKind(kind),
        tier=tier,
        bound_to=bound_to,
        expires_at=maybe_moment(expires_at),
        revoked_at=maybe_moment(revoked_at),
        models=_models(models),
        limits=_limits(limits),
        allowances=tuple(allowances),
        version=version,
    )


def _principal(rows: Sequence[tuple]) -> Principal:
    """One principal of rows that differ in their allowance only."""
    key_id, name, permission, kind, tier, bound_to, models, limits, expires_at, revoked_at, valid_until, _, _ = rows[0]
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
        allowances=tuple(AllowanceId(number, Unit(unit)) for *_, number, unit in rows if number is not None),
        expires_at=maybe_moment(min(ends, default=None)),
        revoked_at=maybe_moment(revoked_at),
    )
