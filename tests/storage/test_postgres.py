"""A Postgres that is spoken to as SQLite is; the promises of the ports are in `tests/contracts`."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.postgres import Postgres, a_store, postgres
from tollbar.storage.engine import StoreRefused, transaction
from tollbar.storage.postgres import PostgresConnection, PostgresDatabase, StoreAway, StoreFault, _translated


@pytest.fixture(scope="module")
def address() -> str:
    """A database with empty tables."""
    return a_store()


@pytest.fixture
def connection(address: str) -> Iterator[PostgresConnection]:
    """A connection to it."""
    with closing(PostgresConnection(address)) as made:
        yield made


def test_parameters_have_names_or_places() -> None:
    """A name that comes twice is one parameter; a cast is none."""
    assert _translated("SELECT :a, :b, :a::text") == ("SELECT $1, $2, $1::text", ["a", "b"])
    assert _translated("INSERT INTO t VALUES (?, ?)") == ("INSERT INTO t VALUES ($1, $2)", [])


def test_statements_give_rows_and_counts(connection: PostgresConnection) -> None:
    """As a cursor of sqlite3 does; texts lose the one character that Postgres cannot keep."""
    assert connection.execute("SELECT CAST(:n AS bigint), CAST(:t AS text)", {"n": 7, "t": "a\0b"}).fetchall() == [
        (7, "a\ufffdb")
    ]
    assert connection.execute("UPDATE changes SET number = number").rowcount == 2
    assert connection.execute("SELECT number FROM changes WHERE id = 5").fetchone() is None
    assert sorted(connection.execute("SELECT id FROM changes")) == [(1,), (2,)]


def add_and(connection: PostgresConnection, then: Callable[[], object]) -> None:
    """A transaction in which something is written, then something happens, and then more is written."""
    with transaction(connection):
        connection.execute("UPDATE changes SET number = number + 1")
        assert connection.in_transaction
        then()
        connection.execute("UPDATE changes SET number = number + 1")


def test_a_transaction_is_whole_or_nothing(connection: PostgresConnection) -> None:
    """What raises undoes it."""
    (before,) = connection.execute("SELECT number FROM changes WHERE id = 1").fetchone() or (0,)
    with pytest.raises(StoreFault):
        add_and(connection, lambda: connection.execute("SELECT nothing FROM nowhere"))
    assert not connection.in_transaction
    assert connection.execute("SELECT number FROM changes WHERE id = 1").fetchone() == (before,)
    with transaction(connection):
        connection.execute("UPDATE changes SET number = number + 1")
    assert connection.execute("SELECT number FROM changes WHERE id = 1").fetchone() == (before + 1,)


def test_faults_are_those_of_sqlite3(connection: PostgresConnection) -> None:
    """So whoever catches them needs to know one library."""
    with pytest.raises(StoreFault):
        connection.execute("SELECT nothing FROM nowhere")
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO changes (id, number) VALUES (1, 1)")
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_writers_take_turns(address: str) -> None:
    """What one reads in its transaction nobody changes before its commit."""

    def add(_: int) -> None:
        with closing(PostgresConnection(address)) as connection:
            for _ in range(10):
                with transaction(connection):
                    (number,) = connection.execute("SELECT number FROM changes WHERE id = 1").fetchone() or (0,)
                    connection.execute("UPDATE changes SET number = :n", {"n": number + 1})

    with closing(PostgresConnection(address)) as connection:
        before = connection.execute("SELECT number FROM changes WHERE id = 1").fetchone() or (0,)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(add, range(4)))
        assert connection.execute("SELECT number FROM changes WHERE id = 1").fetchone() == (before[0] + 40,)


def cut(address: str) -> None:
    """Ends every connection to a database but the one that says so."""
    name = address.rpartition("/test_")[2].partition("?")[0]
    postgres().sql(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'test_{name}'"
        " AND pid != pg_backend_pid()"
    )


def test_a_connection_that_was_cut_is_made_anew(connection: PostgresConnection, address: str) -> None:
    """The statement that finds out fails, the next has another connection; no transaction goes on over two of them."""
    connection.execute("SELECT 1")
    cut(address)
    with pytest.raises(StoreAway):
        connection.execute("SELECT 1")
    assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(StoreAway):
        add_and(connection, lambda: cut(address))
    assert not connection.in_transaction


@pytest.mark.parametrize("is_written", [True, False])
def test_a_commit_whose_answer_was_lost_is_asked_after(address: str, is_written: bool) -> None:
    """It counts if Postgres has it, and is a fault if not; `stuck` is told in between."""
    told: list[bool] = []
    with closing(PostgresConnection(address, told.append)) as connection:
        (before,) = connection.execute("SELECT number FROM changes WHERE id = 1").fetchone() or (0,)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE changes SET number = number + 1")
        if is_written:  # the commit arrives, and its answer does not
            written = connection._transaction
            connection.execute("COMMIT")
            connection._transaction = written
        cut(address)
        if is_written:
            connection.execute("COMMIT")
        else:
            with pytest.raises(StoreAway):
                connection.execute("COMMIT")
        assert connection.execute("SELECT number FROM changes WHERE id = 1").fetchone() == (before + is_written,)
    assert told == [True, False]


def test_a_server_that_is_not_there_is_no_start() -> None:
    """With the setting to look at, and without the password."""
    database = PostgresDatabase("postgresql://me:hush@127.0.0.1:9/name")
    with pytest.raises(StoreRefused, match="DATABASE_URL") as refused:
        database.writer()
    assert "hush" not in str(refused.value)
    assert database.name == "postgresql://127.0.0.1:9/name"
    assert isinstance(postgres(), Postgres)
