"""The one database of a simulation, in memory, and the ways to it: slow, cut, or failing in the middle of a write.

All transactions take the right to write when they begin, as the real ones do, so each is one step of the simulation,
and one connection serves every process. What was committed is durable; what was not is gone with its process.

That connection serves every simulation, too: each is one transaction of it, in which those of the product are
savepoints, and is undone at its end. So the next one finds what the migrations left, and all statements prepared.
"""

import re
import sqlite3
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from tests.simulation.world import World
from tests.storage.making import empty_store
from tollbar.storage.engine import Result
from tollbar.storage.kept import statements
from tollbar.storage.postgres import Rows, StoreAway
from tollbar.storage.statements import Statements
from tollbar.storage.store import NOW
from tollbar.storage.times import microseconds

NOTHING = Rows((), 0)
"""What a word about a transaction gives."""
MONEY = re.compile(r"\b(INTO|UPDATE|FROM) (allowances|leases|holds|ledger)\b")
JOURNAL_MODE = slice(18, 20)
"""Where a database says that it wants a write-ahead log, which one in memory cannot have."""


@cache
def empty() -> bytes:
    """A database as the migrations leave it."""
    image = bytearray(empty_store())
    image[JOURNAL_MODE] = b"\1\1"
    return bytes(image)


@cache
def database() -> sqlite3.Connection:
    """The one that simulations have, one after the other."""
    made = sqlite3.connect(":memory:", isolation_level=None, cached_statements=512, check_same_thread=False)
    made.deserialize(empty())
    made.execute("PRAGMA foreign_keys = ON")
    return made


@cache
def sql() -> Statements:
    """The store's statements."""
    return statements(database())


@cache
def _is_of_money(sql: str) -> bool:
    return MONEY.search(sql) is not None


class Store:
    """The database, and who cannot reach it at the moment."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.database = database()
        self.database.execute("BEGIN")
        self.is_writing = self._has_money = False
        """Whether one of the product's transactions is open, and whether it has written to a table of `MONEY`."""
        self.away: set[str] = set()
        """Names of processes that are cut off."""
        self.known: dict[str, list[Any]] = {}
        """What questions without parameters were answered since the last commit."""
        self.lies: dict[str, Callable[[sqlite3.Connection, Any], Result]] = {}
        """Statements that do something else than they say: faults that tests plant."""
        self.committed: Callable[[str, bool], None] = lambda name, has_money: None
        """Told of each commit: whose it was, and whether a statement in it named a table of `MONEY`."""

    def begin(self) -> None:
        """One of the product's transactions begins."""
        self.database.execute("SAVEPOINT step")
        self.is_writing, self._has_money = True, False

    def execute(self, sql: str, parameters: Any) -> Result:
        """Runs a statement; or, for that it is planted, something else."""
        if self.is_writing and _is_of_money(sql):
            self._has_money = True
        lie = self.lies.get(sql)
        return self.database.execute(sql, parameters) if lie is None else lie(self.database, parameters)

    def commit(self, name: str) -> None:
        """It is durable, and the books are looked at."""
        self.database.execute("RELEASE step")
        self.is_writing = False
        self.known.clear()
        try:
            self.committed(name, self._has_money)
        except Exception as fault:  # the journal would take it for the database's
            self.world.fail(f"the books cannot be read: {fault!r}")

    def roll_back(self) -> None:
        """It never was."""
        self.database.execute("ROLLBACK TO step")
        self.database.execute("RELEASE step")
        self.is_writing = False

    def forget(self) -> None:
        """All of it never was."""
        self.database.execute("ROLLBACK")


class StoreConnection:
    """`storage.engine.Connection` of one process."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = name
        self.frailty: int | None = None
        """After so many statements more one fails."""

    @property
    def in_transaction(self) -> bool:
        """See `Connection`."""
        return self._store.is_writing

    @property
    def is_away(self) -> bool:
        """Whether the store cannot be reached from here."""
        return self._name in self._store.away

    def execute(self, sql: str, parameters: Any = (), /) -> Result:
        """See `Connection`."""
        store = self._store
        if sql == "ROLLBACK":
            store.roll_back()
            return NOTHING
        if self.is_away:
            raise _fault("the store is away")
        if self.frailty is not None:
            self.frailty -= 1
            if self.frailty < 0:
                self.frailty = None
                raise _fault("the disk is full")
        if sql == "BEGIN IMMEDIATE":
            store.begin()
            return NOTHING
        if sql == "COMMIT":
            store.commit(self._name)
            return NOTHING
        if sql == NOW:
            return store.database.execute("SELECT ?", (microseconds(store.world.moment),))
        return store.execute(sql, parameters)

    def close(self) -> None:
        """The database stays."""


class Loss(NamedTuple):
    """A commit whose answer does not arrive."""

    commits: int
    """How many are answered before."""
    is_done: bool
    """Whether it was committed all the same."""
    cut_off: Callable[[], None]
    """Keeps the process from the store for a while, so that nobody can say."""


class WritingConnection(StoreConnection):
    """One that writes, over a network: of a commit whose answer was lost it learns the end when it can ask.

    As `storage/postgres.py` has it, `stuck` is told when that begins and ends, and its thread waits for it.
    """

    def __init__(self, store: Store, name: str) -> None:
        super().__init__(store, name)
        self.stuck: Callable[[bool], None] = lambda is_stuck: None
        self.wait: Callable[[], None] = lambda: None
        """Returns when the store can be reached."""
        self.loss: Loss | None = None

    def execute(self, sql: str, parameters: Any = (), /) -> Result:
        """See `Connection`."""
        if sql == "COMMIT" and self.loss is not None and not self.is_away:
            loss, self.loss = self.loss, self.loss._replace(commits=self.loss.commits - 1)
            if not loss.commits:
                self.loss = None
                return self._lose(loss)
        return super().execute(sql, parameters)

    def _lose(self, loss: Loss) -> Result:
        store = self._store
        if loss.is_done:
            store.commit(self._name)
        else:
            store.roll_back()
        store.world.note(self._name, "loses the answer to a commit that was", "done" if loss.is_done else "not done")
        loss.cut_off()
        self.stuck(True)
        self.wait()
        self.stuck(False)
        if not loss.is_done:
            raise StoreAway("the answer was lost, and so was the commit")
        return NOTHING


class ReadingConnection(StoreConnection):
    """One that only reads: what is asked again and again is known until the next commit."""

    def execute(self, sql: str, parameters: Any = (), /) -> Result:
        """See `Connection`."""
        if parameters or sql == NOW or self.is_away:
            return super().execute(sql, parameters)
        known = self._store.known
        rows = known.get(sql)
        if rows is None:
            rows = known[sql] = super().execute(sql).fetchall()
        return Rows(rows, 0)


class Reading:
    """`storage.reader.Readable` of one process."""

    def __init__(self, connection: ReadingConnection) -> None:
        self._connection = connection

    def reader(self) -> ReadingConnection:
        """See `Readable`."""
        return self._connection


def _fault(reason: str) -> sqlite3.OperationalError:
    fault = sqlite3.OperationalError(reason)
    fault.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return fault
