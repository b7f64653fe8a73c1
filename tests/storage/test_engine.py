"""Opening the database file, transactions, and the lock of a data directory."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tollbar.domain.errors import Overloaded
from tollbar.storage.engine import LOCK, Database, StoreRefused, overloaded, prepare, serving_lock, transaction


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """The directory and the database, with its log, can be read by nobody else."""
    directory = tmp_path / "deep" / "data"
    path = prepare(directory)
    with closing(Database(path).writer()) as connection:
        connection.execute("CREATE TABLE t (x)")
        modes = {found.name: oct(found.stat().st_mode & 0o777) for found in (directory, *directory.iterdir())}
    assert modes == {
        "data": "0o700",
        "tollbar.db": "0o600",
        "tollbar.db-wal": "0o600",
        "tollbar.db-shm": "0o600",
    }


def test_preparing_again_changes_nothing(tmp_path: Path) -> None:
    """What is in the database stays."""
    with closing(Database(prepare(tmp_path)).writer()) as connection:
        connection.execute("CREATE TABLE t (x)")
    with closing(Database(prepare(tmp_path)).writer()) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)


@pytest.mark.parametrize(("survives_power_loss", "synchronous"), [(False, 1), (True, 2)])
def test_a_commit_survives_what_was_asked_for(tmp_path: Path, survives_power_loss: bool, synchronous: int) -> None:
    """The log is written ahead; only where power counts does each commit wait for the disk."""
    with closing(Database(prepare(tmp_path), survives_power_loss).writer()) as connection:
        pragmas = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert pragmas == ["wal", synchronous]


def test_a_writer_waits_for_others_and_checks_references(tmp_path: Path) -> None:
    """Five seconds for a lock; foreign keys hold."""
    with closing(Database(prepare(tmp_path)).writer()) as connection:
        pragmas = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("busy_timeout", "foreign_keys")]
    assert pragmas == [5_000, 1]


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    """Its connection refuses to."""
    with closing(Database(prepare(tmp_path)).reader()) as connection:
        with pytest.raises(sqlite3.OperationalError):
            connection.execute("CREATE TABLE t (x)")


def test_a_directory_that_cannot_be_used_is_refused_with_a_remedy(tmp_path: Path) -> None:
    """A file in its place, and a file that is no database, are named with what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreRefused) as refusal:
        prepare(tmp_path / "file")
    assert "TOLLBAR_DATA" in refusal.value.hint
    (tmp_path / "tollbar.db").write_text("this is no database " * 100)
    with pytest.raises(StoreRefused) as refusal:
        prepare(tmp_path)
    assert str(tmp_path / "tollbar.db") in refusal.value.message


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    """An error undoes it and comes through; without one it is committed."""
    with closing(Database(prepare(tmp_path)).writer()) as connection:
        connection.execute("CREATE TABLE t (x)")
        for words in (["INSERT INTO t VALUES (1)", "INSERT INTO nothing VALUES (1)"], ["no words"]):
            with pytest.raises(sqlite3.OperationalError):
                execute_all(connection, words)
        with transaction(connection):
            connection.execute("INSERT INTO t VALUES (2)")
        assert (connection.execute("SELECT x FROM t").fetchall(), connection.in_transaction) == ([(2,)], False)


def execute_all(connection: sqlite3.Connection, statements: list[str]) -> None:
    """Several statements in one transaction."""
    with transaction(connection):
        for statement in statements:
            connection.execute(statement)


def test_a_data_directory_serves_one_process(tmp_path: Path) -> None:
    """A second server is refused and told who has it; after the first has ended there is room again."""
    with serving_lock(tmp_path):
        with pytest.raises(StoreRefused) as refusal, serving_lock(tmp_path):
            pass
        assert (tmp_path / LOCK).read_text() in refusal.value.message
    with serving_lock(tmp_path):
        pass


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    """A process that dies without a word leaves no lock behind."""
    program = (
        "import sys, os; from pathlib import Path; from tollbar.storage.engine import serving_lock\n"
        "with serving_lock(Path(sys.argv[1])): print('locked', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "locked\n"
        with pytest.raises(StoreRefused), serving_lock(tmp_path):
            pass
        child.kill()
    with serving_lock(tmp_path):
        pass


def test_a_fault_keeps_its_cause() -> None:
    """The caller hears that it may try again; the log can say why. What says so already is passed on."""
    fault = sqlite3.OperationalError("database or disk is full")
    made = overloaded(fault)
    assert (made.may_retry, made.__cause__, overloaded(made)) == (True, fault, made)
    assert isinstance(made, Overloaded)
