"""Postgres, spoken to as SQLite is: so everything above is written once.

A connection here belongs to one thread at a time and does what `sqlite3.Connection` does as far as the store uses it:
statements with named parameters or question marks, rows as tuples, faults as sqlite3's own. Underneath is asyncpg, on a
loop that runs while a statement does. It connects when it is first needed, and again after it was cut off.

Writers take turns, as with SQLite: every writing transaction, of whatever process, begins by taking one lock. So what
is decided from rows that were read holds until the commit, and no two transactions ever undo each other. A commit whose
answer was lost is asked after, until Postgres tells what became of it; `stuck` is told when that begins and ends.
"""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from time import sleep
from typing import TYPE_CHECKING, Any

from tollbar.storage.engine import StoreRefused

if TYPE_CHECKING:
    from asyncpg import Connection
    from asyncpg.prepared_stmt import PreparedStatement

TURN = 0x746F6C6C
"""The lock that writers take: its number is ours within a database."""
CONNECT_SECONDS = 2.0
ASK_AGAIN_SECONDS = 0.1
SETTINGS = {
    "application_name": "tollbar",
    "statement_timeout": "10000",
    "lock_timeout": "5000",
    # A process that was stopped in the middle must not keep all others waiting.
    "idle_in_transaction_session_timeout": "10000",
}
UNIQUE = {"keys_name_key": "keys.name", "one_key_per_address": "keys.bound_to"}
_PARAMETER = re.compile(r"(?<!:):([a-z_]+)|\?")


class StoreAway(sqlite3.OperationalError):
    """Postgres cannot be reached; another try at once would only wait as long."""

    sqlite_errorcode = sqlite3.SQLITE_BUSY


class StoreFault(sqlite3.OperationalError):
    """Postgres refused a statement."""

    sqlite_errorcode = sqlite3.SQLITE_ERROR


class Rows:
    """What a statement gave, as a cursor of sqlite3 shows it."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: Sequence[tuple[Any, ...]], rowcount: int) -> None:
        self._rows = iter(rows)
        self.rowcount = rowcount

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row."""
        return next(self._rows, None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that are left."""
        return list(self._rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._rows

    def close(self) -> None:
        """There is nothing to let go of."""


class PostgresConnection:
    """See the module."""

    def __init__(self, address: str, stuck: Callable[[bool], None] = lambda is_stuck: None) -> None:
        self._address = address
        self._loop = asyncio.new_event_loop()
        self._connection: Connection | None = None
        self._prepared: dict[str, PreparedStatement] = {}
        self._transaction: str | None = None
        self._is_closed = False
        self.stuck = stuck
        self._verbs = {"BEGIN IMMEDIATE": self._begin, "COMMIT": self._commit, "ROLLBACK": self._roll_back}

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._transaction is not None

    def execute(self, sql: str, parameters: Mapping[str, object] | Sequence[object] = ()) -> Rows:
        """The outcome of one statement; raises sqlite3.IntegrityError, StoreAway or StoreFault."""
        verb = self._verbs.get(sql)
        if verb is not None:
            verb()
            return Rows((), 0)
        text, names = _translated(sql)
        values = [parameters[name] for name in names] if isinstance(parameters, Mapping) else parameters
        return self._run(self._fetch(text, [_storable(value) for value in values]))

    def close(self) -> None:
        """Ends the connection."""
        self._is_closed = True
        if self._connection is not None and not self._connection.is_closed():
            with suppress(sqlite3.Error):
                self._run(self._connection.close(timeout=CONNECT_SECONDS))
        self._loop.close()

    def _begin(self) -> None:
        self._run(self._begin_turn())

    def _commit(self) -> None:
        transaction, self._transaction = self._transaction, None
        try:
            self._run(self._fetch("COMMIT", ()))
        except StoreAway:
            if transaction is None or not self._was_committed(transaction):
                raise

    def _roll_back(self) -> None:
        self._transaction = None
        with suppress(StoreAway):  # then nothing of it is left anyway
            self._run(self._fetch("ROLLBACK", ()))

    def _was_committed(self, transaction: str) -> bool:
        """What became of a commit whose answer was lost; waits until Postgres is there to tell."""
        self.stuck(True)
        try:
            while not self._is_closed:
                try:
                    self._begin()  # its turn is over, or else it would still have the lock
                    (status,) = self.execute(
                        "SELECT pg_xact_status(CAST(? AS text)::xid8)", (transaction,)
                    ).fetchone() or ("",)
                    self._roll_back()
                    return status == "committed"
                except StoreAway:
                    sleep(ASK_AGAIN_SECONDS)
                except StoreFault:
                    self._roll_back()
                    sleep(ASK_AGAIN_SECONDS)
            return False
        finally:
            self.stuck(False)

    async def _begin_turn(self) -> None:
        connection = await self._connected()
        await connection.execute("BEGIN")
        self._transaction = ""
        self._transaction = await connection.fetchval(
            "SELECT pg_current_xact_id()::text FROM (SELECT pg_advisory_xact_lock($1)) AS turn", TURN
        )

    async def _fetch(self, text: str, values: Sequence[object]) -> Rows:
        connection = await self._connected()
        statement = self._prepared.get(text)
        if statement is None:
            statement = self._prepared[text] = await connection.prepare(text)
        rows = await statement.fetch(*values)
        _, _, count = statement.get_statusmsg().rpartition(" ")
        return Rows([tuple(row) for row in rows], int(count) if count.isdecimal() else 0)

    async def _connected(self) -> "Connection":
        import asyncpg

        if self._connection is None or self._connection.is_closed():
            if self._transaction is not None:
                raise StoreAway("the connection was lost within a transaction")
            self._prepared.clear()
            self._connection = await asyncpg.connect(
                self._address, timeout=CONNECT_SECONDS, command_timeout=15.0, server_settings=SETTINGS
            )
        return self._connection

    def _run(self, work: Any) -> Any:
        import asyncpg

        try:
            return self._loop.run_until_complete(work)
        except asyncpg.UniqueViolationError as fault:
            raise sqlite3.IntegrityError(
                f"UNIQUE: {UNIQUE.get(getattr(fault, 'constraint_name', None) or '', 'id')}"
            ) from fault
        except asyncpg.IntegrityConstraintViolationError as fault:
            raise sqlite3.IntegrityError(str(fault)) from fault
        except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError) as fault:
            self._abandon()
            raise StoreAway(str(fault) or type(fault).__name__) from fault
        except (asyncpg.OperatorInterventionError, asyncpg.CannotConnectNowError) as fault:
            self._abandon()
            raise StoreAway(str(fault)) from fault
        except asyncpg.PostgresError as fault:
            raise StoreFault(str(fault)) from fault

    def _abandon(self) -> None:
        """A connection on which something was lost is not used again."""
        if self._connection is not None:
            self._connection.terminate()


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """Where the database is. What a commit survives there is Postgres' own setting, `synchronous_commit`."""

    address: str = field(repr=False)
    dialect = "postgresql"

    @property
    def name(self) -> str:
        """What people call it, without a password."""
        return re.sub(r"//[^@/]*@", "//", self.address).partition("?")[0]

    def writer(self) -> PostgresConnection:
        """A connection that writes; connects at once, or raises StoreRefused."""
        connection = PostgresConnection(self.address)
        try:
            connection.execute("SELECT 1")
        except sqlite3.Error as fault:
            connection.close()
            raise StoreRefused(
                f"The database {self.name} cannot be reached: {fault}.",
                "Look at DATABASE_URL, and whether Postgres runs and lets this user in.",
            ) from fault
        return connection

    def reader(self) -> PostgresConnection:
        """A connection that reads, and waits for no writer."""
        return PostgresConnection(self.address)


@cache
def _translated(sql: str) -> tuple[str, Sequence[str]]:
    """A statement with Postgres' numbered parameters, and their names in that order; none where they have no names."""
    names: list[str] = []
    count = 0

    def numbered(match: re.Match[str]) -> str:
        nonlocal count
        if match[1] is None:
            count += 1
            return f"${count}"
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return _PARAMETER.sub(numbered, sql), names


def _storable(value: object) -> object:
    """Postgres' texts hold every character but one."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) and "\0" in value else value
