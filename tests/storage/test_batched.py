"""Writing the request log beside the calls."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from tests.fakes import FakeClock
from tests.storage.making import a_directory, a_record, number
from tollbar.storage.batched import (
    FLUSH_RECORDS,
    FLUSH_SECONDS,
    MOST_WAITING,
    BatchedRequestLog,
    Records,
    RecordWriter,
)
from tollbar.storage.compiling import compile_statements
from tollbar.storage.engine import DATABASE, Connection, Database
from tollbar.storage.journal import Journal

pytestmark = pytest.mark.anyio


class Writing(RecordWriter):
    """The lane of the log; remembers how many records came at once."""

    def __init__(self) -> None:
        super().__init__(compile_statements().requests.insert)
        self.batches: list[int] = []

    def write(self, connection: Connection, operations: Sequence[Records]) -> None:
        """Writes them."""
        self.batches.append(sum(len(operation.records) for operation in operations))
        super().write(connection, operations)


class Stand:
    """A log on a journal whose first lane is nobody's."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = FakeClock(waits=True)
        self.writing = Writing()
        self.connection = Database(directory / DATABASE).writer()
        self.journal = Journal(self.connection, (lambda connection, operations: None, self.writing.write))
        self.journal.start()
        self.log = BatchedRequestLog(self.journal, self.clock)

    def written(self) -> int:
        """How many rows there are."""
        return number(self.directory, "SELECT count(*) FROM requests")


@asynccontextmanager
async def standing(directory: Path) -> AsyncIterator[Stand]:
    """A stand whose log runs."""
    stand = Stand(directory)
    task = asyncio.create_task(stand.log.run())
    yield stand
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await stand.journal.close()


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    """The stand of one test."""
    async with standing(a_directory(tmp_path)) as made:
        yield made


async def turns(count: int = 5) -> None:
    """Lets others run."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_records_are_written_together_a_moment_later(stand: Stand) -> None:
    """Not before a quarter of a second has passed since the first."""
    for place in range(7):
        stand.log.write([a_record(f"r{place}")])
    await turns()
    await stand.journal.flush()
    assert stand.written() == 0
    stand.clock.advance(FLUSH_SECONDS)
    await turns()
    await stand.journal.flush()
    assert (stand.written(), stand.writing.batches) == (7, [7])


async def test_nothing_is_waited_for_while_there_is_nothing(stand: Stand) -> None:
    """An idle log sleeps until a record comes; then it begins anew."""
    for _ in range(2):
        await turns()
        slept = len(stand.clock.slept)
        stand.log.write([a_record()])
        await turns()
        assert stand.clock.slept[slept:] == [FLUSH_SECONDS]
        stand.clock.advance(FLUSH_SECONDS)
        await turns()


async def test_many_records_are_not_kept_waiting(stand: Stand) -> None:
    """When so many have come the time is not waited for."""
    for place in range(FLUSH_RECORDS):
        stand.log.write([a_record(f"r{place}")])
    await stand.journal.flush()
    assert stand.written() == FLUSH_RECORDS


async def test_a_flood_is_dropped_and_counted(stand: Stand) -> None:
    """Beyond what may wait, records are dropped; writing never fails and never waits."""
    for place in range(MOST_WAITING + 5):
        stand.log.write([a_record(f"r{place}")])
    assert stand.log.dropped == 5
    stand.log.flush()
    await stand.journal.flush()
    stand.log.write([a_record("after")])
    stand.log.flush()
    await stand.journal.flush()
    assert (stand.written(), stand.log.dropped) == (MOST_WAITING + 1, 5)


async def test_a_record_that_cannot_be_written_spoils_no_other(stand: Stand) -> None:
    """It is dropped and counted; the others of its batch are written."""
    for name in ("r1", "r2", "r3"):
        stand.log.write([a_record(name, status=10**30 if name == "r2" else 200)])
    stand.log.flush()
    await stand.journal.flush()
    await stand.journal.flush()
    assert (stand.written(), stand.log.dropped) == (2, 1)


async def test_records_are_dropped_while_the_disk_is_full(stand: Stand) -> None:
    """They are counted, make room for later ones, and those are written."""
    pages = stand.connection.execute("PRAGMA page_count").fetchone()[0]
    stand.connection.execute(f"PRAGMA max_page_count = {pages}")
    for place in range(100):
        stand.log.write([a_record(f"r{place}", user="x" * 3_000)])
    stand.log.flush()
    await stand.journal.flush()
    await stand.journal.flush()
    assert stand.written() + stand.log.dropped == 100
    assert stand.log.dropped > 0
    stand.connection.execute("PRAGMA max_page_count = 100000")
    stand.log.write([a_record("after")])
    stand.log.flush()
    await stand.journal.flush()
    assert number(stand.directory, "SELECT count(*) FROM requests WHERE request_id = 'after'") == 1


async def test_what_comes_after_the_end_is_counted(tmp_path: Path) -> None:
    """A closed journal takes no record; that is no error for a call."""
    async with standing(a_directory(tmp_path)) as stand:
        pass
    stand.log.write([a_record()])
    stand.log.flush()
    assert stand.log.dropped == 1


async def test_the_log_writes_no_row_by_row(stand: Stand) -> None:
    """Hundreds of records are a handful of statements."""
    seen: list[str] = []
    stand.connection.set_trace_callback(seen.append)
    for place in range(FLUSH_RECORDS):
        stand.log.write([a_record(f"r{place}")])
    await stand.journal.flush()
    with closing(stand.connection.cursor()):
        stand.connection.set_trace_callback(None)
    assert len(seen) < 15
