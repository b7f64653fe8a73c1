"""Opening the store, for commands and for servers."""

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from tests.storage.making import (
    SECRET,
    StepClock,
    a_directory,
    a_key,
    a_record,
    credit,
    estimating,
    grant,
    number,
    rows,
    take,
)
from tollbar.domain.identity import Grant
from tollbar.domain.money import Unit
from tollbar.ports.money import Claim
from tollbar.storage import store
from tollbar.storage.engine import StoreRefused, overloaded
from tollbar.storage.store import Options, open_storage

pytestmark = pytest.mark.anyio

SERVER = Options(SECRET, is_server=True)


async def test_a_new_store_is_made_where_there_is_none(tmp_path: Path) -> None:
    """And what was put into it is there the next time."""
    directory = tmp_path / "new" / "data"
    async with open_storage(directory, StepClock(), SERVER) as storage:
        await storage.keys.add(a_key(), b"1", [credit(5)])
    async with open_storage(directory, StepClock(), SERVER) as storage:
        assert [key.id for key in await storage.keys.list()] == ["somebody"]


async def test_another_secret_is_refused(tmp_path: Path) -> None:
    """With what is wrong and what to do, and without a word of either secret; the right one still opens it."""
    directory = a_directory(tmp_path)
    for options in (Options(SECRET), SERVER):
        async with open_storage(directory, StepClock(), options):
            pass
    with pytest.raises(StoreRefused) as refusal:
        async with open_storage(directory, StepClock(), Options(b"another secret's value", is_server=True)):
            pass
    assert "another secret" in refusal.value.message
    assert "TOLLBAR_SECRET" in refusal.value.hint
    assert SECRET.hex() not in str(refusal.value)
    async with open_storage(directory, StepClock(), SERVER):
        pass


async def test_one_server_and_any_number_of_commands(tmp_path: Path) -> None:
    """A second server is refused while the first runs; a command works beside it, and its changes are seen."""
    directory, clock = a_directory(tmp_path), StepClock()
    async with open_storage(directory, clock, SERVER) as server:
        with pytest.raises(StoreRefused, match="process"):
            async with open_storage(directory, clock, SERVER):
                pass
        async with open_storage(directory, clock, Options(SECRET)) as command:
            (coins,) = await grant(command, credit(5))
        await take(server, coins)
        assert await server.keys.changes() == 1
        assert number(directory, "SELECT count(*) FROM processes") == 1
    async with open_storage(directory, clock, SERVER):
        pass


async def test_an_orderly_end_leaves_nothing_leased(tmp_path: Path) -> None:
    """What the process kept ready is the next one's at once, and the process is forgotten."""
    directory = a_directory(tmp_path)
    async with open_storage(directory, StepClock(), SERVER) as storage:
        (coins,) = await grant(storage, credit(100_000))
        await take(storage, coins)
    counts = [number(directory, f"SELECT count(*) FROM {table}") for table in ("leases", "holds", "processes")]
    assert (counts, number(directory, "SELECT leased FROM allowances")) == ([0, 0, 0], 0)


async def test_a_start_resolves_what_a_crash_left(tmp_path: Path) -> None:
    """Whatever the clock says: nobody else can be serving from this directory."""
    directory, clock = a_directory(tmp_path), StepClock()
    async with open_storage(directory, clock, Options(SECRET)) as crashed:
        await crashed.ledger.start(is_alone=True)
        (dollars,) = await grant(crashed, Grant(Unit.DOLLARS, 1_000))
        held = await crashed.ledger.reserve("r1", [Claim(dollars, 50, 50)], estimating(cost_nano_dollars=20))
        await held.committed()
        clock.step_seconds = -3_600
        async with open_storage(directory, clock, SERVER):
            assert rows(directory, "SELECT spent, leased FROM allowances") == [(20, 0)]
            assert rows(directory, "SELECT request_id, flag FROM ledger") == [("r1", "estimate")]


async def test_everything_queued_is_written_at_the_end(tmp_path: Path) -> None:
    """Records and holds that were under way are durable when the block is left, also by an error."""
    directory = a_directory(tmp_path)

    async def fail() -> None:
        async with open_storage(directory, StepClock(), SERVER) as storage:
            storage.log.write([a_record()])
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert number(directory, "SELECT count(*) FROM requests") == 1
    assert [path.name for path in sorted(directory.iterdir())] == ["identity", "serve.lock", "tollbar.db"]


async def test_a_database_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """Damage is told with the file's name, and leaves no connection open."""
    directory = a_directory(tmp_path)
    async with open_storage(directory, StepClock(), Options(SECRET)) as storage:
        await storage.journal.run(lambda connection: connection.execute("DROP TABLE meta").close())
    with pytest.raises(StoreRefused, match=r"tollbar\.db"):
        async with open_storage(directory, StepClock(), Options(SECRET)):
            pass


async def test_a_store_that_cannot_be_written_is_no_start(tmp_path: Path) -> None:
    """A server that cannot say that it lives says why, and what to do."""

    class Full:
        """A ledger on a full disk."""

        async def start(self, is_alone: bool, slot: str | None = None) -> None:
            """Fails."""
            raise overloaded(sqlite3.OperationalError("database or disk is full"))

    async with open_storage(a_directory(tmp_path), StepClock(), Options(SECRET)) as storage:
        full: Any = replace(storage, ledger=cast(Any, Full()))
        with pytest.raises(StoreRefused, match="disk is full") as refusal:
            await store._start(full, str(tmp_path / "tollbar.db"))
    assert "disk space" in refusal.value.hint


@pytest.mark.slow
def test_the_second_start_imports_little(tmp_path: Path) -> None:
    """Neither what migrates nor what compiles statements: they cost a start more than the rest of the storage."""
    program = (
        "import asyncio, sys; from pathlib import Path; from tollbar.clock import SystemClock\n"
        "from tollbar.storage.store import Options, open_storage\n"
        "async def main():\n"
        "    async with open_storage(Path(sys.argv[1]), SystemClock(), Options(b'x', is_server=True)): pass\n"
        "asyncio.run(main()); print(sorted({'alembic', 'sqlalchemy'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    told = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert told == ["['alembic', 'sqlalchemy']\n", "[]\n"]
