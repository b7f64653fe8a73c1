"""The rotating key: which one is in force, with its secret sealed.

A replacement is one transaction that begins by looking whether the one it replaces is still in force: of several
processes that replace it at once one does, and the others are given what it made. Times only ever go on.
"""

import sqlite3
from datetime import datetime

from tollbar.domain.identity import Key
from tollbar.ports.keys import KeyChange, Rotation
from tollbar.storage.audit import Auditor
from tollbar.storage.engine import Connection
from tollbar.storage.journal import Journal
from tollbar.storage.keys import changes_of, conflict_of, row_of
from tollbar.storage.reader import Reader
from tollbar.storage.statements import Statements
from tollbar.storage.times import microseconds, moment


class StoredRotation:
    """`ports.RotationStore` over the store."""

    def __init__(self, journal: Journal, reader: Reader, statements: Statements) -> None:
        self._journal = journal
        self._reader = reader
        self._sql = statements.rotation
        self._keys_sql = statements.keys
        self._auditor = Auditor(statements.audit)

    async def current(self) -> Rotation | None:
        """See `ports.RotationStore`."""
        return await self._reader.run(self._read)

    async def advance(self, key: Key, digest: bytes, rotation: Rotation, old_until: datetime) -> Rotation:
        """See `ports.RotationStore`."""

        def advance(connection: Connection) -> Rotation:
            before = self._read(connection)
            if before is not None and before.number != rotation.number - 1:
                return before
            try:
                self._give(connection, key, digest, microseconds(old_until))
            except sqlite3.IntegrityError as fault:
                raise conflict_of(fault, key.name) from fault
            connection.execute(
                self._sql.put,
                {
                    "number": rotation.number,
                    "key_id": key.id,
                    "sealed": rotation.sealed,
                    "created_at": microseconds(rotation.created_at),
                    "expires_at": microseconds(rotation.expires_at),
                },
            )
            connection.execute(self._keys_sql.note_change)
            is_now = {"expires_at": rotation.expires_at.isoformat()}
            self._auditor.note(connection, microseconds(rotation.created_at), ("key.rotate", key.id), {}, is_now)
            return rotation

        return await self._journal.run(advance)

    def _give(self, connection: Connection, key: Key, digest: bytes, old_until: int) -> None:
        """Makes the key, or gives the key that is there the secret."""
        sql = self._keys_sql
        if connection.execute(sql.key, {"key_id": key.id}).fetchone() is None:
            connection.execute(sql.insert_key, row_of(key))
        else:
            connection.execute(sql.retire_secrets, {"key_id": key.id, "until": old_until})
            change = changes_of(KeyChange(expires_at=key.expires_at))
            connection.execute(sql.change_key, {**change, "key_id": key.id, "hint": key.hint})
        connection.execute(sql.insert_secret, {"digest": digest, "key_id": key.id, "valid_until": None})

    def _read(self, connection: Connection) -> Rotation | None:
        row = connection.execute(self._sql.find).fetchone()
        if row is None:
            return None
        number, key_id, sealed, created_at, expires_at, revoked_at = row
        return Rotation(number, key_id, sealed, moment(created_at), moment(expires_at), revoked_at is not None)
