"""The SQL that the store keeps."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest

from tollbar.storage.compiling import compile_statements
from tollbar.storage.kept import NAME, statements


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """A database in memory with the table of what the store says about itself."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        made.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT)")
        yield made


def test_statements_are_compiled_once_and_kept(connection: sqlite3.Connection) -> None:
    """The first asking compiles and keeps them; the next finds the same."""
    first = statements(connection)
    assert first == compile_statements()
    seen: list[str] = []
    connection.set_trace_callback(seen.append)
    assert statements(connection) == first
    assert len(seen) == 1


@pytest.mark.parametrize("damage", ["source", "form"])
def test_statements_of_another_source_are_not_used(connection: sqlite3.Connection, damage: str) -> None:
    """What another version kept, or what cannot be read, is replaced."""
    first = statements(connection)
    (kept,) = connection.execute("SELECT value FROM meta").fetchone()
    document = msgspec.json.decode(kept)
    document["source"] = "another" if damage == "source" else document["source"]
    document["statements"]["ledger"]["beat"] = "DROP TABLE meta" if damage == "source" else 7
    connection.execute("UPDATE meta SET value = ? WHERE name = ?", (msgspec.json.encode(document).decode(), NAME))
    assert statements(connection) == first
    assert connection.execute("SELECT value FROM meta").fetchall() == [(kept,)]


def test_kept_statements_need_no_sqlalchemy(tmp_path: object) -> None:
    """A start that finds them does not import what compiles them."""
    program = (
        "import sqlite3, sys; from tollbar.storage.kept import statements\n"
        f"c = sqlite3.connect({str(tmp_path)!r} + '/m.db', isolation_level=None)\n"
        "c.execute('CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT)')\n"
        "statements(c); print('sqlalchemy' in sys.modules); c.close()"
    )
    told = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert told == ["True\n", "False\n"]
