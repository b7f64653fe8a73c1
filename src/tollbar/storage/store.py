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
from datetime import datetime, timedelta
from pathlib import Path

from tollbar.domain.errors import Overloaded
from tollbar.ports.clock import Clock
from tollbar.storage.alerts import StoredAlerts
from tollbar.storage.answers import StoredAnswers
from tollbar.storage.audit import StoredAudit
from tollbar.storage.batched import BatchedRequestLog, RecordWriter
from tollbar.storage.cancels import StoredCancels
from tollbar.storage.end_users import StoredEndUsers
from tollbar.storage.engine import Connection, Database, StoreRefused, prepare, serving_lock, slot_of
from tollbar.storage.files import StoredFiles
from tollbar.storage.journal import Batch, Journal
from tollbar.storage.kept import statements
from tollbar.storage.keys import StoredKeys
from tollbar.storage.ledger import StoredLedger
from tollbar.storage.news import News
from tollbar.storage.postgres import PostgresConnection, PostgresDatabase
from tollbar.storage.reader import Reader
from tollbar.storage.requests import StoredRequests
from tollbar.storage.responses import StoredResponses
from tollbar.storage.rotation import StoredRotation
from tollbar.storage.scribe import Scribe
from tollbar.storage.statements import Statements
from tollbar.storage.teams import StoredTeams
from tollbar.storage.times import moment
from tollbar.storage.upgrade import upgrade
from tollbar.storage.usage import StoredUsage
from tollbar.storage.writing import LedgerWriter

SECRET = "secret_check"
LONGEST_QUESTION_SECONDS = 0.5
TRIES = 5
NOW = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"


@dataclass(frozen=True, slots=True)
class Options:
    """`secret_check` is derived from the installation's secret, and says nothing about it.

    `is_server` takes the data directory for itself, unless a `slot` says which of several workers this is, whose
    supervisor has it. `is_strict` admits a call only if the most it may cost fits; `survives_power_loss` makes each
    commit wait for the disk. With an `address` the store is the Postgres that it names, and the data directory holds
    only what is this machine's own. A key or a team has at most `most_end_users`.
    """

    secret_check: bytes
    is_server: bool = False
    slot: str | None = None
    is_strict: bool = False
    survives_power_loss: bool = False
    address: str | None = None
    most_end_users: int = 10_000


@dataclass(frozen=True, slots=True)
class Storage:
    """All that works on one store."""

    keys: StoredKeys
    teams: StoredTeams
    rotation: StoredRotation
    ledger: StoredLedger
    log: BatchedRequestLog
    requests: StoredRequests
    answers: StoredAnswers
    responses: StoredResponses
    files: StoredFiles
    audit: StoredAudit
    cancels: StoredCancels
    alerts: StoredAlerts
    news: News
    end_users: StoredEndUsers
    usage: StoredUsage
    journal: Journal
    reader: Reader
    is_shared: bool

    async def time(self, clock: Clock) -> datetime:
        """What time it is on the database's machine, where that is a Postgres: true to half of the way to and fro.

        `clock` is only asked how long that took; if too long, the question is asked again.
        """
        for _ in range(TRIES):
            before = clock.monotonic()
            (there,) = await self.reader.run(lambda connection: connection.execute(NOW).fetchone())
            took = clock.monotonic() - before
            if took <= LONGEST_QUESTION_SECONDS:
                break
        return moment(there) + timedelta(seconds=took / 2)


@asynccontextmanager
async def open_storage(directory: Path, clock: Clock, options: Options) -> AsyncIterator[Storage]:
    """The store in a data directory, made where there is none; at the end everything queued is written."""
    with ExitStack() as resources:
        database = await asyncio.to_thread(_database, directory, options)
        if options.is_server and options.slot is None:
            resources.enter_context(serving_lock(directory))
        connection, sql = await asyncio.to_thread(_open, database, options.secret_check)
        storage = assemble(connection, Reader(database), sql, clock, options)
        if isinstance(connection, PostgresConnection):
            connection.stuck = storage.journal.refuse
        storage.journal.start()
        running = [asyncio.create_task(storage.log.run())]
        if options.is_server and options.address is not None:
            running.append(asyncio.create_task(storage.news.listen()))
        try:
            if options.is_server:
                is_alone = options.slot is None and options.address is None
                await _start(storage, database.name, is_alone, options.slot or slot_of(directory))
            yield storage
        finally:
            for task in running:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            storage.log.flush()
            await storage.ledger.close()
            await storage.journal.close()
            await storage.reader.close()


def assemble(
    connection: Connection,
    reader: Reader,
    sql: Statements,
    clock: Clock,
    options: Options,
    scribe: Scribe[Batch] | None = None,
) -> Storage:
    """All that works on a store, over the one connection that writes and those that read; nothing is begun yet."""
    writer = LedgerWriter(sql.ledger, sql.answers.keep, options.is_strict)
    journal = Journal(connection, (writer.write, RecordWriter(sql.requests.insert).write), scribe)
    return Storage(
        keys=StoredKeys(journal, reader, sql, clock),
        teams=StoredTeams(journal, reader, sql, clock),
        rotation=StoredRotation(journal, reader, sql),
        ledger=StoredLedger(journal, reader, writer, sql, clock),
        log=BatchedRequestLog(journal, clock),
        requests=StoredRequests(journal, reader, sql.requests),
        audit=StoredAudit(journal, reader, sql.audit, clock),
        news=News(clock, options.address),
        alerts=StoredAlerts(journal, reader, (sql.alerts, sql.audit), clock),
        cancels=StoredCancels(journal, reader, sql.cancels, clock),
        answers=StoredAnswers(journal, writer, sql.answers, clock),
        responses=StoredResponses(journal, reader, sql.responses, clock),
        files=StoredFiles(journal, reader, sql.files, clock),
        end_users=StoredEndUsers(journal, reader, sql, clock, options.most_end_users),
        usage=StoredUsage(reader, sql.usage),
        journal=journal,
        reader=reader,
        is_shared=options.address is not None,
    )


def _database(directory: Path, options: Options) -> Database | PostgresDatabase:
    if options.address is None:
        return Database(prepare(directory), options.survives_power_loss)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return PostgresDatabase(options.address)


async def _start(storage: Storage, name: str, is_alone: bool = True, slot: str | None = None) -> None:
    try:
        await storage.ledger.start(is_alone, slot)
    except Overloaded as fault:
        raise StoreRefused(
            f"The database {name} cannot be written: {fault.__cause__}.",
            "Free some disk space if that is the cause, and start again.",
        ) from fault


def _open(database: Database | PostgresDatabase, secret_check: bytes) -> tuple[Connection, Statements]:
    upgrade(database)
    connection = database.writer()
    try:
        _check_secret(connection, secret_check.hex(), database.name)
        return connection, statements(connection, database.dialect)
    except sqlite3.Error as fault:
        connection.close()
        raise StoreRefused(
            f"The database {database.name} cannot be used: {fault}.",
            "If another program has it open, close that; if it is damaged, restore a backup.",
        ) from fault
    except BaseException:
        connection.close()
        raise


def _check_secret(connection: Connection, given: str, path: str) -> None:
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


def _stored_secret(connection: Connection) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (SECRET,)).fetchone()
    return row[0] if row else None
