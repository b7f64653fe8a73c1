"""A process that reserves and settles until it is killed; it says on standard output what was acknowledged to it.

A program, not a test: started by `test_crash.py` with the data directory and a number that its request ids begin with.
"""

import asyncio
import os
import sys
from pathlib import Path

from tests.storage.making import SECRET, a_line, a_record, estimating
from tollbar.clock import SystemClock
from tollbar.domain.errors import OutOfCredit
from tollbar.domain.identity import AllowanceId
from tollbar.domain.money import Unit
from tollbar.ports.money import Claim
from tollbar.storage.store import Options, Storage, open_storage

WORKERS = 16
HELD_DOLLARS, ESTIMATED_DOLLARS, CHARGED_DOLLARS = 50, 20, 30


async def call(storage: Storage, allowances: list[AllowanceId], name: str) -> None:
    """One call, and the word that it was settled: written to the pipe at once, as an answer's last byte would be."""
    coins, dollars = allowances
    claims = [Claim(coins, 1, 1), Claim(dollars, HELD_DOLLARS, HELD_DOLLARS)]
    held = await storage.ledger.reserve(name, claims, estimating(name, cost_nano_dollars=ESTIMATED_DOLLARS))
    await held.committed()
    line = a_line(name, cost_nano_dollars=CHARGED_DOLLARS)
    await storage.ledger.settle(held, [(coins, 1), (dollars, CHARGED_DOLLARS)], [line])
    os.write(1, f"{name}\n".encode())
    storage.log.write([a_record(name)])


async def main(directory: Path, prefix: str) -> None:
    """Calls without end, or until the credits are used up."""
    async with open_storage(directory, SystemClock(), Options(SECRET, is_server=True)) as storage:
        key = await storage.keys.get("somebody")
        allowances = [
            next(one.id for one in key.allowances if one.id.unit is unit) for unit in (Unit.CREDITS, Unit.DOLLARS)
        ]

        async def work(worker: int) -> None:
            for number in range(1_000_000):
                await call(storage, allowances, f"{prefix}-{worker}-{number}")

        try:
            await asyncio.gather(*(work(worker) for worker in range(WORKERS)))
        except OutOfCredit:
            os.write(1, b"out of credit\n")
            await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
