"""Opens the database file, and keeps a second server out of a data directory.

Whoever opens the store gets it readable by its owner alone, in WAL mode; a transaction that has returned survives the
death of the process (`synchronous=NORMAL`), and of the machine's power where FULL is asked for. What cannot be served
at all raises `StoreRefused` with its remedy; what may be served later, `Overloaded`.
"""

import os
import secrets
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tollbar.domain.errors import Overloaded

DATABASE = "tollbar.db"
LOCK = "serve.lock"
IDENTITY = "identity"
BUSY_SECONDS = 5.0
# SQLite 3.35 brought RETURNING, the newest of what the statements use.
OLDEST_SQLITE = (3, 35, 0)
# The same few pages are written over and over: 16 MiB of log let a checkpoint copy each of them once for many commits.
CHECKPOINT_PAGES = 4_000
# After a checkpoint a larger write-ahead log is cut back to this.
LOG_BYTES = 64 * 1024 * 1024


class StoreRefused(Exception):
    """The store cannot be used as it stands, and waiting will not help: what is wrong, and the remedy."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message = message
        self.hint = hint


class Result(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """How many rows were written."""
        ...

    def fetchone(self) -> Any:
        """The next row, a tuple; None after the last."""
        ...

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...

    def close(self) -> None:
        """Lets go of what is left of it."""
        ...


class Connection(Protocol):
    """A connection to the store's database, whichever it is, as sqlite3 has it; its faults are sqlite3's."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        ...

    def execute(self, sql: str, parameters: Any = ..., /) -> Result:
        """The outcome of one statement."""
        ...

    def close(self) -> None:
        """Ends the connection."""
        ...


@dataclass(frozen=True, slots=True)
class Database:
    """Where the file is, and what a commit must survive: the process, or the machine's power as well."""

    path: Path
    survives_power_loss: bool = False
    dialect = "sqlite"

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self.path)

    def writer(self) -> sqlite3.Connection:
        """A connection that writes; begins no transaction by itself."""
        connection = self._connect()
        connection.execute(f"PRAGMA synchronous = {'FULL' if self.survives_power_loss else 'NORMAL'}")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        # Some builds overwrite what is deleted: of no use here, since no secret is stored, and it writes more pages.
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def reader(self) -> sqlite3.Connection:
        """A connection that only reads, and waits for no writer."""
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _connect(self) -> sqlite3.Connection:
        # Each connection is used by one thread at a time, but not always by the one that opened or closes it.
        connection = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection


def prepare(directory: Path) -> Path:
    """The path of the database file in a data directory, both made for their owner alone where they were missing."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise StoreRefused(
            f"This Python brings SQLite {sqlite3.sqlite_version}; {wanted} or newer is needed.",
            "Use a newer Python, or a newer SQLite library.",
        )
    path = directory / DATABASE
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
    except (OSError, sqlite3.Error) as fault:
        raise StoreRefused(
            f"The database {path} cannot be opened: {fault}.",
            "TOLLBAR_DATA must name a directory on a local disk that this user may write to.",
        ) from fault
    return path


@contextmanager
def transaction(connection: Connection) -> Iterator[Connection]:
    """One transaction that has the right to write from its beginning: committed at the end, or undone by an error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        # SQLite has already undone it where the disk was full.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def serving_lock(directory: Path) -> Iterator[None]:
    """The right to serve from a data directory, for one process at a time; raises StoreRefused when it is taken."""
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor, directory)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


def slot_of(directory: Path) -> str:
    """What tells a data directory from all others: whoever serves from it takes the place of who did so before."""
    descriptor = os.open(directory / IDENTITY, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        found = os.read(descriptor, 100).decode(errors="replace")
        if not found:
            found = secrets.token_hex(16)
            os.write(descriptor, found.encode())
        return found
    finally:
        os.close(descriptor)


def overloaded(fault: Exception) -> Overloaded:
    """What a caller is told when the store cannot answer now; the cause goes with it for the log."""
    if isinstance(fault, Overloaded):
        return fault
    made = Overloaded("The store cannot be used at the moment.", hint="Try again shortly.")
    made.__cause__ = fault
    return made


def _lock(descriptor: int, directory: Path) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        holder = os.read(descriptor, 20).decode(errors="replace") or "unknown"
        raise StoreRefused(
            f"Another server (process {holder}) already serves from {directory}.",
            "Stop it, or give this one a data directory of its own with TOLLBAR_DATA.",
        ) from fault
