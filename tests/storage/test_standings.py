"""How allowances stand, read from the store."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.storage.making import a_directory
from tollbar.domain.identity import Allowance, AllowanceId, Reset
from tollbar.domain.money import Unit
from tollbar.storage.compiling import compile_statements
from tollbar.storage.engine import DATABASE, Database
from tollbar.storage.standings import read_standing, read_standings
from tollbar.storage.times import microseconds

SQL = compile_statements().keys
NOON = microseconds(datetime(2026, 1, 1, 12, tzinfo=UTC))
DAY = 86_400_000_000
KEY = "INSERT INTO keys (id, name, hint, permission, models, limits, created_at, version) VALUES"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Two keys: `a` with credits that never reset and dollars for a day, `b` with tokens."""
    with closing(Database(a_directory(tmp_path) / DATABASE).writer()) as made:
        for key in "abc":
            made.execute(f"{KEY} (?, ?, '', 'call', '[]', '[]', 0, 1)", (key, key))
        start = NOON - DAY // 2
        made.executemany(
            "INSERT INTO allowances VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, NULL, 'UTC', NULL)",
            [
                (1, "a", "credits", 100, 10, 60, "never", 0, None),
                (2, "a", "dollars", 50, 20, 9, "day", start, start + DAY),
                (3, "b", "tokens", 7, 0, 0, "never", 0, None),
            ],
        )
        made.executemany(
            "INSERT INTO holds VALUES (?, ?, ?, ?, ?, 'r', 0, NULL)",
            [(1, 1, 1, 0, 5), (2, 1, 2, 0, 6), (3, 2, 1, start, 4), (4, 2, 1, start - DAY, 9)],
        )
        yield made


def test_what_is_held_is_what_calls_hold(connection: sqlite3.Connection) -> None:
    """Of every process, in this period; what is leased beyond that is left."""
    assert read_standing(connection, SQL, "a", NOON) == (
        Allowance(AllowanceId(1, Unit.CREDITS), 100, 10, 11),
        Allowance(AllowanceId(2, Unit.DOLLARS), 50, 20, 4, Reset.DAY, datetime(2026, 1, 2, tzinfo=UTC)),
    )


def test_a_period_that_is_over_counts_as_over(connection: sqlite3.Connection) -> None:
    """Although the store has not begun the next one; its end is that of the period it is now."""
    _, dollars = read_standing(connection, SQL, "a", NOON + 3 * DAY)
    assert dollars == Allowance(AllowanceId(2, Unit.DOLLARS), 50, 0, 0, Reset.DAY, datetime(2026, 1, 5, tzinfo=UTC))


def test_all_keys_at_once(connection: sqlite3.Connection) -> None:
    """Each key has its own; one without allowances is not there."""
    standings = read_standings(connection, SQL, NOON)
    assert {key: list(found) for key, found in standings.items()} == {
        "a": list(read_standing(connection, SQL, "a", NOON)),
        "b": [Allowance(AllowanceId(3, Unit.TOKENS), 7, 0, 0)],
    }
