"""Every compiled statement is one that SQLite takes, and finds its rows by an index where there may be many."""

import re
import sqlite3
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import pytest

from tests.storage.making import a_directory
from tollbar.storage.compiling import compile_statements
from tollbar.storage.engine import DATABASE
from tollbar.storage.statements import Rows

TEXTS = {
    f"{part.name}.{field.name}": getattr(getattr(compile_statements(), part.name), field.name)
    for part in fields(compile_statements())
    for field in fields(getattr(compile_statements(), part.name))
}

# These look at a whole table that stays small (processes, open holds, recalls, changes, rotation, usage, keys), or are
# asked for all of it; one looks for a name that is to be forgotten, among the readers.
SCANS = {
    "responses.crowded",
    *("ledger.other_processes", "ledger.open_holds", "ledger.return_leases", "ledger.delete_holds"),
    *(
        "ledger.delete_leases",
        "keys.keys",
        "keys.standings",
        "keys.standing",
        "keys.covering",
        "teams.all",
        "alerts.standings",
        "alerts.thresholds",
        "alerts.prune",
        "alerts.hook",
        "alerts.newest",
        "audit.last",
        "audit.all",
        "cancels.asked",
        "cancels.forget",
        "cancels.news",
        "cancels.questions",
        "cancels.processes",
        "cancels.forget_reports",
        "requests.of_user",
        "rotation.find",
        "ledger.idle_elsewhere",
        "ledger.recalled",
        "ledger.forget_recalls",
        "end_users.standings",
        "usage.of_all",
        "usage.of_team",
    ),
}


def plan(directory: Path, text: str) -> list[str]:
    """What SQLite will do for a statement."""
    parameters = dict.fromkeys(re.findall(r":(\w+)", text), "[]")
    with closing(sqlite3.connect(directory / DATABASE)) as connection:
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", parameters)]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store to plan against."""
    return a_directory(tmp_path_factory.mktemp("plans"))


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_no_statement_looks_at_a_large_table_row_by_row(directory: Path, name: str) -> None:
    """Each is valid; only those that are known to scan do."""
    text = TEXTS[name]
    if isinstance(text, Rows):
        values = re.sub(r"\?", "NULL", text.row)
        text = f"{text.head}{values}, {values}{text.tail}"
    scanned = [
        step for step in plan(directory, text) if re.match(r"SCAN (?!anon_1|held|thread|sizes|lost|CONSTANT|\d)", step)
    ]
    assert (name in SCANS, bool(scanned)) in {(True, True), (False, False)}
