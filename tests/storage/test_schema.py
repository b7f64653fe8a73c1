"""The tables refuse what must not be, whoever asks."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.storage.making import a_directory
from tollbar.storage.engine import DATABASE, Database

KEY = "INSERT INTO keys (id, name, hint, permission, models, limits, created_at, version, kind, bound_to) VALUES "
ALLOWANCE = "INSERT INTO allowances (id, owner, unit, granted, spent, leased, reset, period_start) VALUES "
ATTEMPT = "SELECT request_id, attempt, key_id, model, target, outcome, provenance"
FIGURES = "1, 1, 1, 1, 1, 1, 1, 1, 1, 1, NULL, items, at, NULL, NULL"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE allowances SET leased = -1",
        "UPDATE allowances SET spent = -1",
        "UPDATE allowances SET granted = -1",
        f"{ALLOWANCE} (9, 'k', 'credits', 1, 0, 0, 'never', 0)",
        "INSERT INTO secrets (digest, key_id) VALUES (x'01', 'nobody')",
        f"{KEY} ('l', 'l', '', 'call', '[]', '[]', 0, 1, 'self_service', x'01')",
        f"INSERT INTO ledger SELECT 2, * FROM ({ATTEMPT}, {FIGURES} FROM ledger)",
    ],
)
def test_what_must_not_be_is_refused(tmp_path: Path, statement: str) -> None:
    """Negative amounts, a unit granted twice, strangers' secrets, two keys of one address, two lines of an attempt."""
    with closing(Database(a_directory(tmp_path) / DATABASE).writer()) as connection:
        connection.execute(f"{KEY} ('k', 'k', '', 'call', '[]', '[]', 0, 1, 'self_service', x'01')")
        connection.execute(f"{ALLOWANCE} (1, 'k', 'credits', 1, 0, 0, 'never', 0)")
        line = ("r", 0, "k", "", "", "", "", *(0,) * 10, None, "", 0, None, None)
        connection.execute(f"INSERT INTO ledger VALUES (1, {', '.join('?' * len(line))})", line)
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)


def test_a_process_number_is_never_used_twice(tmp_path: Path) -> None:
    """Also not when the newest was removed."""
    with closing(Database(a_directory(tmp_path) / DATABASE).writer()) as connection:
        numbers = []
        for _ in range(3):
            added = connection.execute("INSERT INTO processes (started_at, heartbeat_at) VALUES (0, 0)")
            numbers.append(added.lastrowid)
            connection.execute("DELETE FROM processes")
        assert numbers == [1, 2, 3]
