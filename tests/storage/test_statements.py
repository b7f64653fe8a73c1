"""INSERTs of many rows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tollbar.storage.statements import Rows

ROWS = Rows("INSERT INTO t (x, y) VALUES ", "(?, ?)", " ON CONFLICT (x) DO UPDATE SET y = excluded.y")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A database in memory with a table to fill."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        made.execute("CREATE TABLE t (x INTEGER PRIMARY KEY, y)")
        yield made


@pytest.mark.parametrize("count", [0, 1, 3, 4, 63, 64, 65, 500, 2_000])
def test_any_number_of_rows_is_inserted_in_order(connection: sqlite3.Connection, count: int) -> None:
    """Each row once, and later ones after earlier ones."""
    rows = [(place, f"y{place}") for place in range(count)]
    ROWS.insert(connection, rows)
    assert connection.execute("SELECT x, y FROM t ORDER BY rowid").fetchall() == rows


def test_many_rows_are_few_statements(connection: sqlite3.Connection) -> None:
    """A thousand rows are a dozen statements, not a thousand."""
    seen: list[str] = []
    connection.set_trace_callback(seen.append)
    ROWS.insert(connection, [(place, place) for place in range(1_000)])
    assert len(seen) <= 12


def test_what_follows_the_rows_is_said(connection: sqlite3.Connection) -> None:
    """A second row of one key is what the tail makes of it."""
    ROWS.insert(connection, [(1, "first"), (2, "other")])
    ROWS.insert(connection, [(1, "second")])
    assert connection.execute("SELECT y FROM t ORDER BY x").fetchall() == [("second",), ("other",)]
