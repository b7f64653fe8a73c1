"""What was used, kept as sums: they are those of the ledger, however lines come to be and whatever fails."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.making import AT, SUMMED, a_directory, a_line
from tollbar.domain.records import LedgerEntry
from tollbar.domain.usage import Usage
from tollbar.storage import sums
from tollbar.storage.compiling import compile_statements
from tollbar.storage.engine import DATABASE, Database
from tollbar.storage.lines import to_row
from tollbar.storage.writing import append_lines

SQL = compile_statements().ledger
ENTRIES = st.builds(
    lambda number, **fields: a_line(f"r{number}", **fields),
    number=st.integers(0, 10**9),
    key_id=st.sampled_from(["a", "b"]),
    model=st.sampled_from(["m", "n", "\ud800"]),
    end_user=st.sampled_from([None, "user_a", "user_b"]),
    paid=st.booleans(),
    credits=st.integers(0, 3),
    cost_nano_dollars=st.sampled_from([None, 0, 7, 10**15]),
    usage=st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda tokens: Usage(*tokens)),
    at=st.integers(-3, 3).map(lambda days: AT + timedelta(days=days, hours=11)),
)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A new store."""
    with closing(Database(a_directory(tmp_path_factory.mktemp("sums")) / DATABASE).writer()) as made:
        yield made


@contextmanager
def undone(connection: sqlite3.Connection) -> Iterator[None]:
    """Leaves the store as it was."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


@settings(max_examples=40)
@given(batches=st.lists(st.lists(ENTRIES, max_size=6, unique_by=lambda one: one.request_id), max_size=4))
def test_sums_are_those_of_the_ledger(connection: sqlite3.Connection, batches: list[list[LedgerEntry]]) -> None:
    """Of all paid lines, by key, day, model and end user; a line that is not paid is in none."""
    with undone(connection):
        for place, batch in enumerate(batches):
            lines = [line._replace(request_id=f"{place}-{line.request_id}") for line in batch]
            if place % 2:
                append_lines(connection, SQL, lines)
            else:
                SQL.insert_lines.insert(connection, [to_row(line) for line in lines])
                sums.add(connection, SQL.add_usage, lines)
        assert sorted(connection.execute("SELECT * FROM usage")) == sorted(connection.execute(SUMMED))


def test_what_was_used_before_there_were_sums_is_summed_up(connection: sqlite3.Connection) -> None:
    """By the migration, from the ledger."""
    migration = import_module("tollbar.storage.migrations.versions.0013_end_users")
    with undone(connection):
        lines = [a_line("r1"), a_line("r2", cost_nano_dollars=None), a_line("r3", paid=False)]
        SQL.insert_lines.insert(connection, [to_row(line) for line in lines])
        connection.execute(migration.SUM_UP)
        found = sorted(connection.execute("SELECT * FROM usage"))
        assert found == sorted(connection.execute(SUMMED))
        assert len(found) == 1
