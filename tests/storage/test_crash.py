"""A real process, really killed: what it acknowledged is in the ledger, and nothing was oversold."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.rules.source import ROOT
from tests.storage.crashing import CHARGED_DOLLARS, ESTIMATED_DOLLARS, WORKERS
from tests.storage.making import SECRET, StepClock, a_directory, a_key, credit, imbalances, number, rows
from tollbar.domain.identity import Grant
from tollbar.domain.money import Unit
from tollbar.storage.store import Options, open_storage

pytestmark = pytest.mark.anyio

DOLLARS = Grant(Unit.DOLLARS, 10**12)


def run_and_kill(directory: Path, prefix: str, seconds: float) -> set[str]:
    """Starts the process, kills it so many seconds after its first call; returns what it had acknowledged."""
    command = [sys.executable, "-m", "tests.storage.crashing", str(directory), prefix]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(seconds)
        child.kill()
        # A line that the kill cut short was no acknowledgement.
        lines = [first, *child.stdout.read().splitlines(keepends=True)]
    return {line.strip() for line in lines if line.endswith("\n")}


async def settle_the_books(directory: Path) -> None:
    """What the next start does."""
    async with open_storage(directory, StepClock(), Options(SECRET, is_server=True)):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("amount", [100_000, 300])
async def test_a_killed_process_loses_no_acknowledged_call_and_oversells_nothing(tmp_path: Path, amount: int) -> None:
    """Killed several times at random moments, with plenty of credits and until the last one."""
    chance = random.Random(amount)
    directory = a_directory(tmp_path)
    async with open_storage(directory, StepClock(), Options(SECRET)) as storage:
        await storage.keys.add(a_key(), b"1", [credit(amount), DOLLARS])
    acknowledged: set[str] = set()
    for kill in range(3):
        acknowledged |= run_and_kill(directory, f"k{kill}", chance.uniform(0.0, 0.25))
        await settle_the_books(directory)

        assert rows(directory, "PRAGMA integrity_check") == [("ok",)]
        assert imbalances(directory) == []
        assert [number(directory, f"SELECT count(*) FROM {table}") for table in ("holds", "leases")] == [0, 0]
        settled = {name for (name,) in rows(directory, "SELECT request_id FROM ledger WHERE outcome = 'ok'")}
        lost = number(directory, "SELECT count(*) FROM ledger WHERE flag = 'estimate'")
        assert acknowledged - {"out of credit"} <= settled
        assert len(settled - acknowledged) + lost <= WORKERS * (kill + 1)
        assert rows(directory, "SELECT spent, leased FROM allowances ORDER BY id") == [
            (len(settled), 0),
            (len(settled) * CHARGED_DOLLARS + lost * ESTIMATED_DOLLARS, 0),
        ]
        assert len(settled) <= amount
