"""Reading beside the journal."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from tollbar.domain.errors import NotFound, Overloaded
from tollbar.storage.engine import Connection, Database, prepare
from tollbar.storage.reader import THREADS, Reader

pytestmark = pytest.mark.anyio


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A database with a table."""
    database = Database(prepare(tmp_path))
    with closing(database.writer()) as connection:
        connection.execute("CREATE TABLE t (x)")
    return database


@pytest.fixture
async def reader(database: Database) -> AsyncIterator[Reader]:
    """A reader of it."""
    made = Reader(database)
    yield made
    await made.close()


def count(connection: Connection) -> int:
    """How many rows there are."""
    return connection.execute("SELECT count(*) FROM t").fetchone()[0]


async def test_a_read_sees_the_last_commit_and_waits_for_no_writer(database: Database, reader: Reader) -> None:
    """An open transaction of another connection neither shows nor blocks."""
    with closing(database.writer()) as writer:
        writer.execute("INSERT INTO t VALUES (1)")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO t VALUES (2)")
        assert await reader.run(count) == 1
        writer.execute("COMMIT")
        assert await reader.run(count) == 2


async def test_reads_leave_the_event_loop_free(reader: Reader) -> None:
    """A read that takes long runs in a thread of its own, and another one beside it."""
    release = threading.Event()
    slow = [asyncio.create_task(reader.run(lambda _: release.wait(10))) for _ in range(THREADS - 1)]
    assert await reader.run(count) == 0
    release.set()
    assert await asyncio.gather(*slow) == [True] * (THREADS - 1)


async def test_faults_of_the_database_are_told_as_overload(reader: Reader) -> None:
    """Other errors come through as they are."""
    with pytest.raises(Overloaded):
        await reader.run(lambda connection: connection.execute("SELECT * FROM nothing"))

    def refuse(_: Connection) -> None:
        raise NotFound("no")

    with pytest.raises(NotFound):
        await reader.run(refuse)


async def test_it_cannot_write(reader: Reader) -> None:
    """Its connections are for reading."""
    with pytest.raises(Overloaded):
        await reader.run(lambda connection: connection.execute("INSERT INTO t VALUES (1)"))
