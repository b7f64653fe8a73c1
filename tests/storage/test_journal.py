"""The journal: batches, isolation of what cannot be written, recovery, and an orderly end."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from tollbar.domain.errors import Conflict, Overloaded
from tollbar.storage.ending import Ending
from tollbar.storage.engine import Connection, Database
from tollbar.storage.journal import Journal

pytestmark = pytest.mark.anyio


class Note:
    """An operation that writes a word; it waits to be told how that ended."""

    def __init__(self, word: object) -> None:
        self.word = word
        self.fault: Exception | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def finish(self) -> None:
        """Tells the test."""
        self.ended.set_result(None)


class Notes:
    """A lane that adds words to a table, and remembers how many came at once."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.batches: list[int] = []

    def write(self, connection: Connection, operations: Sequence[Note]) -> None:
        """Adds the words; the word `None` is a constraint's violation, and a list is nothing that can be bound."""
        self.batches.append(len(operations))
        for note in operations:
            connection.execute(f"INSERT INTO {self.table} VALUES (?)", (note.word,))


class Stand:
    """A journal with two lanes on a small database."""

    def __init__(self, path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE first (word TEXT NOT NULL UNIQUE)")
            connection.execute("CREATE TABLE second (word TEXT NOT NULL)")
        self.path = path
        self.first, self.second = Notes("first"), Notes("second")
        self.connection = Database(path).writer()
        self.journal = Journal(self.connection, (self.first.write, self.second.write))
        self.journal.start()

    def words(self, table: str) -> list[str]:
        """What is durable: as another process sees it."""
        with closing(sqlite3.connect(self.path)) as connection:
            return [word for (word,) in connection.execute(f"SELECT word FROM {table} ORDER BY rowid")]


@asynccontextmanager
async def a_stand(tmp_path: Path) -> AsyncIterator[Stand]:
    """A stand that is closed at the end."""
    stand = Stand(tmp_path / "notes.db")
    try:
        yield stand
    finally:
        await stand.journal.close()


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    """The stand of one test."""
    async with a_stand(tmp_path) as made:
        yield made


async def write(stand: Stand, lane: int, *words: object) -> list[Exception | None]:
    """Submits words in one turn of the loop; returns their faults."""
    notes = [Note(word) for word in words]
    for note in notes:
        stand.journal.submit(lane, note)
    for note in notes:
        await note.ended
    return [note.fault for note in notes]


async def test_what_one_turn_submits_is_one_batch(stand: Stand) -> None:
    """Operations of one turn of the loop are written together, and told only when they are durable."""
    assert await write(stand, 0, "a", "b", "c") == [None, None, None]
    assert (stand.first.batches, stand.words("first")) == ([3], ["a", "b", "c"])


async def test_what_comes_while_it_writes_is_the_next_batch(stand: Stand) -> None:
    """A busy journal gathers; nothing is lost and nothing written twice."""
    words = [f"w{number}" for number in range(500)]

    async def one(word: str, turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        assert await write(stand, 0, word) == [None]

    await asyncio.gather(*(one(word, number % 7) for number, word in enumerate(words)))
    assert sorted(stand.words("first")) == sorted(words)
    assert len(stand.first.batches) < len(words)


async def test_lanes_are_written_in_their_order(stand: Stand) -> None:
    """The first lane comes first, whatever was submitted first."""
    seen: list[str] = []
    stand.connection.set_trace_callback(seen.append)
    later, earlier = Note("later"), Note("earlier")
    stand.journal.submit(1, later)
    stand.journal.submit(0, earlier)
    await later.ended
    inserts = [statement for statement in seen if statement.startswith("INSERT")]
    assert inserts == ["INSERT INTO first VALUES ('earlier')", "INSERT INTO second VALUES ('later')"]


async def test_what_cannot_be_written_spoils_nothing_else(stand: Stand) -> None:
    """Of a batch with poison in it all the rest is written, once; the poison is told so."""
    faults = await write(stand, 0, "a", None, "b", ["no", "value"], "c", "a")
    assert [type(fault) for fault in faults] == [
        *(type(None), Overloaded, type(None)),
        *(Overloaded, type(None), Overloaded),
    ]
    assert isinstance(faults[1], Overloaded)
    assert isinstance(faults[1].__cause__, sqlite3.IntegrityError)
    assert stand.words("first") == ["a", "b", "c"]
    assert await write(stand, 0, "d") == [None]


async def test_a_function_runs_in_a_transaction_of_its_own(stand: Stand) -> None:
    """Its result comes back after the commit; what it raises undoes what it did, and nothing else."""

    def add(connection: Connection) -> str:
        connection.execute("INSERT INTO first VALUES ('kept')")
        return "done"

    def fail(connection: Connection) -> None:
        connection.execute("INSERT INTO first VALUES ('undone')")
        raise Conflict("no")

    note = Note("beside")
    stand.journal.submit(0, note)
    results = await asyncio.gather(stand.journal.run(add), stand.journal.run(fail), return_exceptions=True)
    assert [results[0], type(results[1])] == ["done", Conflict]
    assert stand.words("first") == ["beside", "kept"]


async def test_a_broken_function_breaks_only_itself(stand: Stand) -> None:
    """A bug is raised where it was asked for; a fault of the database says that it may pass."""
    with pytest.raises(ZeroDivisionError):
        await stand.journal.run(lambda _: 1 // 0)
    with pytest.raises(Overloaded):
        await stand.journal.run(lambda connection: connection.execute("INSERT INTO nothing VALUES (1)"))
    assert await write(stand, 0, "a") == [None]


async def test_a_caller_who_goes_away_stops_nothing(stand: Stand) -> None:
    """A function that was submitted is run although nobody waits for it any more."""
    task = asyncio.create_task(stand.journal.run(lambda c: c.execute("INSERT INTO first VALUES ('a')") and None))
    await asyncio.sleep(0)
    task.cancel()
    await stand.journal.flush()
    assert stand.words("first") == ["a"]


async def test_flush_waits_for_all_that_was_submitted(stand: Stand) -> None:
    """After a flush the operations before it are durable."""
    notes = [Note(f"w{number}") for number in range(10)]
    for note in notes:
        stand.journal.submit(0, note)
    await stand.journal.flush()
    assert all(note.ended.done() for note in notes)


async def test_close_writes_what_is_queued_and_then_takes_nothing(tmp_path: Path) -> None:
    """What was submitted before the end is written; after it, operations are refused."""
    async with a_stand(tmp_path) as stand:
        note = Note("last")
        stand.journal.submit(0, note)
    assert (note.ended.done(), stand.words("first")) == (True, ["last"])
    with pytest.raises(Overloaded):
        stand.journal.submit(0, Note("too late"))
    with pytest.raises(Overloaded):
        await stand.journal.run(lambda _: None)
    await stand.journal.close()


async def test_a_locked_database_is_waited_for_once(stand: Stand) -> None:
    """When somebody else holds the lock for too long the whole batch fails, and does not wait for each operation."""
    stand.connection.execute("PRAGMA busy_timeout = 20")
    attempts: list[str] = []
    stand.connection.set_trace_callback(attempts.append)
    with closing(sqlite3.connect(stand.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        faults = await write(stand, 0, *(f"w{number}" for number in range(50)))
        other.execute("ROLLBACK")
    assert {type(fault) for fault in faults} == {Overloaded}
    assert attempts.count("BEGIN IMMEDIATE") == 1
    assert await write(stand, 0, "after") == [None]


async def test_it_recovers_from_a_full_disk_by_itself(stand: Stand) -> None:
    """While there is no room operations fail with nothing written; when there is, the next one succeeds."""
    pages = stand.connection.execute("PRAGMA page_count").fetchone()[0]
    stand.connection.execute(f"PRAGMA max_page_count = {pages}")
    long = "x" * 3_000
    faults = await write(stand, 1, *(f"{number}{long}" for number in range(9)))
    assert isinstance(faults[-1], Overloaded)
    assert len(stand.words("second")) == sum(fault is None for fault in faults)
    stand.connection.execute("PRAGMA max_page_count = 100000")
    assert await write(stand, 1, long) == [None]


async def test_many_functions_and_operations_at_once_all_end(stand: Stand) -> None:
    """Control-plane writes between operations keep nobody waiting forever."""
    works = [stand.journal.run(lambda c: c.execute("SELECT 1").fetchone()[0]) for _ in range(50)]
    writes = [write(stand, 0, f"w{number}") for number in range(50)]
    results = await asyncio.gather(*works, *writes)
    assert results == [1] * 50 + [[None]] * 50


class Waited(Ending):
    """An operation that writes a word, and that others wait for."""

    word = "late"

    def finish(self) -> None:
        """Tells them."""
        self.tell()


async def test_who_waits_is_told_when_nobody_knows(stand: Stand) -> None:
    """A commit whose end is not known is not waited for: the call hears it at once, and it ends as it will."""
    known = threading.Event()
    behind = Waited()

    def write(connection: Connection) -> int:
        stand.journal.refuse(is_stuck=True)
        known.wait(60)
        stand.journal.refuse(is_stuck=False)
        return 1

    stuck = asyncio.create_task(stand.journal.run(write))
    await asyncio.sleep(0)
    stand.journal.submit(0, behind)
    with pytest.raises(Overloaded, match="cannot be reached"):
        await stuck
    for _ in range(2):  # also who asks only now
        with pytest.raises(Overloaded, match="cannot be reached"):
            await behind.wait()
    with pytest.raises(Overloaded, match="cannot be reached"):
        stand.journal.submit(0, behind)
    known.set()
    async with asyncio.timeout(60):
        while not behind.is_over:  # noqa: ASYNC110 - the thread ends it
            await asyncio.sleep(0.005)
    await behind.wait()
    await stand.journal.flush()
    assert stand.words("first") == ["late"]
