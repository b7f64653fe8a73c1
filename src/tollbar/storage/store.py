"""The door to the store: opens it, brings it up to date, and hands out what works on it.

`open_storage` is for commands and servers alike; only a server takes the data directory's lock, may reserve, and
resolves what a crash left behind. Raises `StoreRefused`, with the remedy, where it cannot start.
"""

import asyncio
import hmac
import sqlite3
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tollbar.domain.errors import Overloaded
from tollbar.ports import Clock
from tollbar.storage.batched import BatchedRequestLog, RecordWriter
from tollbar.storage.engine import Database, StoreRefused, prepare, serving_lock
from tollbar.storage.journal import Journal
from tollbar.storage.keys import StoredKeys
from tollbar.storage.ledger import StoredLedger
from tollbar.storage.reader import Reader
from tollbar.storage.requests import StoredRequests
from tollbar.storage.rotation import StoredRotation
from tollbar.storage.statements import Statements, statements
from tollbar.storage.upgrade import upgrade
from tollbar.storage.writing import LedgerWriter

SECRET = "secret_check"


@dataclass(frozen=True, slots=True)
class Options:
    """`secret_check` is derived from the installation's secret, and says nothing about it.

    `is_server` takes the data directory for itself, unless a `slot` says which of several workers this is, whose
    supervisor has it. `is_strict` admits a call only if the most it may cost fits;
    `survives_power_loss` makes each commit wait for the disk.
    """

    secret_check: bytes
    is_server: bool = False
    slot: str | None = None
    is_strict: bool = False
    survives_power_loss: bool = False


@dataclass(frozen=True, slots=True)
class Storage:
    """All that works on one store."""

    keys: StoredKeys
    rotation: StoredRotation
    ledger: StoredLedger
    log: BatchedRequestLog
    requests: StoredRequests
    journal: Journal


@asynccontextmanager
async def open_storage(directory: Path, clock: Clock, options: Options) -> AsyncIterator[Storage]:
    """The store in a data directory, made where there is none; at the end everything queued is written."""
    with ExitStack() as resources:
        path = await asyncio.to_thread(prepare, directory)
        if options.is_server and options.slot is None:
            resources.enter_context(serving_lock(directory))
        database = Database(path, options.survives_power_loss)
        connection, sql = await asyncio.to_thread(_open, database, options.secret_check)
        writer = LedgerWriter(sql.ledger, options.is_strict)
        journal = Journal(connection, (writer.write, RecordWriter(sql.requests.insert).write))
        reader = Reader(database)
        storage = Storage(
            keys=StoredKeys(journal, reader, sql, clock),
            rotation=StoredRotation(journal, reader, sql),
            ledger=StoredLedger(journal, reader, writer, sql, clock),
            log=BatchedRequestLog(journal, clock),
            requests=StoredRequests(journal, reader, sql.requests),
            journal=journal,
        )
        journal.start()
        logging = asyncio.create_task(storage.log.run())
        try:
            if options.is_server:
                await _start(storage, path, options.slot)
            yield storage
        finally:
            logging.cancel()
            with suppress(asyncio.CancelledError):
                await logging
            storage.log.flush()
            await storage.ledger.close()
            await journal.close()
            await reader.close()


async def _start(storage: Storage, path: Path, slot: str | None = None) -> None:
    try:
        await storage.ledger.start(is_alone=slot is None, slot=slot)
    except Overloaded as fault:
        raise StoreRefused(
            f"The database {path} cannot be written: {fault.__cause__}.",
            "Free some disk space if that is the cause, and start again.",
        ) from fault


def _open(database: Database, secret_check: bytes) -> tuple[sqlite3.Connection, Statements]:
    upgrade(database)
    connection = database.writer()
    try:
        _check_secret(connection, secret_check.hex(), database.path)
        return connection, statements(connection)
    except sqlite3.Error as fault:
        connection.close()
        raise StoreRefused(
            f"The database {database.path} cannot be used: {fault}.",
            "If another program has it open, close that; if it is damaged, restore a backup.",
        ) from fault
    except BaseException:
        connection.close()
        raise


def _check_secret(connection: sqlite3.Connection, given: str, path: Path) -> None:
    """Refuses a store that was made with another secret: no key in it would be found."""
    stored = _stored_secret(connection)
    if stored is None:
        connection.execute("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", (SECRET, given))
        stored = _stored_secret(connection)
    if stored is None or not hmac.compare_digest(stored, given):
        raise StoreRefused(
            f"The database {path} was made with another secret, so none of its keys would work.",
            "Set TOLLBAR_SECRET to the secret it was made with, or put its 'secret' file back beside it.",
        )


def _stored_secret(connection: sqlite3.Connection) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (SECRET,)).fetchone()
    return row[0] if row else None
