"""The one database of a simulation, in memory, and the ways to it: slow, cut, or failing in the middle of a write.

All transactions take the right to write when they begin, as the real ones do, so each is one step of the simulation,
and one connection serves every process. What was committed is durable; what was not is gone with its process.
"""

import sqlite3
from collections.abc import Callable
from functools import cache
from typing import Any, Generic, TypeVar

from tests.simulation.loop import ProcessLoop
from tests.simulation.world import World
from tests.storage.making import empty_store
from tollbar.storage.engine import Result
from tollbar.storage.kept import statements
from tollbar.storage.statements import Statements
from tollbar.storage.store import NOW
from tollbar.storage.times import microseconds

W = TypeVar("W")
WRITE_SECONDS = (0.0003, 0.006)
SLOW_WRITE_SECONDS = (0.1, 1.5)
JOURNAL_MODE = slice(18, 20)
"""Where a database says that it wants a write-ahead log, which one in memory cannot have."""


@cache
def empty() -> bytes:
    """A database as the migrations leave it."""
    image = bytearray(empty_store())
    image[JOURNAL_MODE] = b"\1\1"
    return bytes(image)


@cache
def sql() -> Statements:
    """The store's statements."""
    return statements(Store(World(0)).database)


class Store:
    """The database, and who cannot reach it at the moment."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.database = sqlite3.connect(":memory:", isolation_level=None, cached_statements=512)
        self.database.deserialize(empty())
        self.database.execute("PRAGMA foreign_keys = ON")
        self.away: set[str] = set()
        """Names of processes that are cut off."""
        self.lies: dict[str, Callable[[sqlite3.Connection, Any], Result]] = {}
        """Statements that do something else than they say: faults that tests plant."""
        self.committed: Callable[[str], None] = lambda name: None
        """Told of each commit, and whose it was."""


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
        return self._store.database.in_transaction

    def execute(self, sql: str, parameters: Any = (), /) -> Result:
        """See `Connection`."""
        store = self._store
        if sql == "ROLLBACK":
            return store.database.execute(sql)
        if self._name in store.away:
            raise _fault("the store is away")
        if self.frailty is not None:
            self.frailty -= 1
            if self.frailty < 0:
                self.frailty = None
                raise _fault("the disk is full")
        if sql == NOW:
            return store.database.execute("SELECT ?", (microseconds(store.world.moment),))
        lie = store.lies.get(sql)
        if lie is not None:
            return lie(store.database, parameters)
        result = store.database.execute(sql, parameters)
        if sql == "COMMIT":
            try:
                store.committed(self._name)
            except Exception as fault:  # the journal would take it for the database's
                store.world.fail(f"the books cannot be read: {fault!r}")
        return result

    def close(self) -> None:
        """The database stays."""


class Reading:
    """`storage.reader.Readable` of one process."""

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection

    def reader(self) -> StoreConnection:
        """See `Readable`."""
        return self._connection


class SimulatedScribe(Generic[W]):
    """`storage.scribe.Scribe` in the simulation's time; what it has not done when its process dies is never done."""

    def __init__(self, loop: ProcessLoop) -> None:
        self._loop = loop
        self._is_dismissed = False
        self._open = 0

    def start(self, write: Callable[[W], None], done: Callable[[W], None]) -> None:
        """See `Scribe`."""
        self._write = write
        self._done = done

    def hand(self, work: W) -> None:
        """See `Scribe`."""
        self._open += 1
        chance = self._loop.world.chance
        seconds = SLOW_WRITE_SECONDS if chance.random() < 0.02 else WRITE_SECONDS
        self._loop.world.after(chance.uniform(*seconds), lambda: self._loop.beside(lambda: self._carry(work)))

    def dismiss(self) -> None:
        """See `Scribe`."""
        self._is_dismissed = True

    async def ended(self) -> None:
        """See `Scribe`."""
        while self._open:
            await _moment(self._loop)

    def _carry(self, work: W) -> None:
        self._write(work)
        back = self._loop.world.chance.uniform(*WRITE_SECONDS) / 4
        self._loop.world.after(back, lambda: self._loop.call_soon(self._finish, work))

    def _finish(self, work: W) -> None:
        self._open -= 1
        self._done(work)


async def _moment(loop: ProcessLoop) -> None:
    future = loop.create_future()
    loop.call_later(0.001, future.set_result, None)
    await future


def _fault(reason: str) -> sqlite3.OperationalError:
    fault = sqlite3.OperationalError(reason)
    fault.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return fault
