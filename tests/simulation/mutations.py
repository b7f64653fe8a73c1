"""Breaks the product on purpose, in a copy, and plays seeds until one finds it: `python -m tests.simulation.mutations`.

With `--brief` before other words, brief seeds.

A promise that is kept in every simulation means something only if breaking it is found.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "tollbar"
SEEDS = "1750"


class Mutation(NamedTuple):
    """What is wrong, and the one place of the source that makes it so."""

    what: str
    file: str
    old: str
    new: str


MUTATIONS = (
    Mutation(
        "a call is settled twice",
        "storage/operations.py",
        "            self.held.settlement = SETTLED\n        self.tell()",
        "            self.held.settlement = None\n        self.tell()",
    ),
    Mutation(
        "the holds of a dead process are forgotten, and not ended",
        "storage/recovery.py",
        "ended = [_end(list(rows)) for _, rows in groupby(holds, key=itemgetter(0))]",
        "ended: list[tuple[LedgerEntry, list[tuple[int, int, int]]]] = []",
    ),
    Mutation(
        "a lease is larger than what was taken out of the store",
        "storage/leases.py",
        "lease.free += given.leased - given.held",
        "lease.free += given.leased",
    ),
    Mutation(
        "an answer goes out before its hold is durable",
        "gateway/meter.py",
        "            await hold.committed()",
        "            pass",
    ),
    Mutation(
        "an answer ends before it is settled",
        "gateway/hold.py",
        "            await self.settle(Outcome.OK)\n",
        "            asyncio.ensure_future(self.settle(Outcome.OK))\n",
    ),
    Mutation(
        "a hold counts as durable when nobody knows what became of its commit",
        "storage/operations.py",
        "        await self.wait()\n",
        "        try:\n            await self.wait()\n"
        "        except Exception:\n            if self.is_over:\n                raise\n",
    ),
    Mutation(
        "an answer is charged, and said to have failed, when the store does not say what became of it",
        "storage/operations.py",
        '    def doubted(self, fault: Exception) -> None:\n        """Whoever waits goes on',
        '    def doubted_no_more(self, fault: Exception) -> None:\n        """Whoever waits goes on',
    ),
    Mutation(
        "an answer that outlived its hold ends well",
        "storage/ledger.py",
        "if isinstance(ending, Settlement) and ending.is_late:",
        "if False:",
    ),
    Mutation(
        "who is alive is told by the time of day",
        "storage/ledger.py",
        "silent = self._hearing.silent(found, self._clock.monotonic(), self._slot)",
        "silent = [other for other, at, _ in found if at < now - EXPIRY_SECONDS * SECOND]",
    ),
    Mutation(
        "an answer is kept before its call is charged",
        "gateway/repeats.py",
        "        await settle(Keeping(self._call, answer, self._repeats.keep_for) if self._is_open else None)",
        "        await self._repeats.store.free(self._call)\n        await settle(None)",
    ),
    Mutation(
        "the name of a call that is under way is given again",
        "storage/answers.py",
        "process is not None:",
        "False:",
    ),
    Mutation(
        "the time of day ends a turn",
        "storage/answers.py",
        "if until > at if status is not None else process is not None:",
        "if until > at and (status is not None or process is not None):",
    ),
    Mutation(
        "one name serves any request",
        "storage/answers.py",
        "if bytes(digest) != call.digest:",
        "if False:",
    ),
    Mutation(
        "a window of the shared rates never moves",
        "counters/shared.py",
        "    if bucket <= newest:\n        return",
        "    if newest:\n        return",
    ),
    Mutation(
        "shared rates are forgotten with each second",
        "counters/shared.py",
        "range(max(newest + 1, bucket - RING + 1), bucket + 1)",
        "range(bucket - RING + 1, bucket + 1)",
    ),
    Mutation(
        "a worker sees only its own calls",
        "counters/shared.py",
        "if heard[AMOUNTS + number] > since or number == self._worker]",
        "if number == self._worker]",
    ),
    Mutation(
        "the slots of a worker that crashed stay taken",
        "counters/shared.py",
        "                    shard.cells[slot + AMOUNTS + self._worker] = 0",
        "                    pass",
    ),
)


def main(words: Sequence[str]) -> int:
    """Tries those whose names have one of the words, without any all of them; returns 1 when one is not found."""
    options, words = words[:1] if words[:1] == ["--brief"] else [], [word for word in words if word != "--brief"]
    unfound = 0
    for mutation in MUTATIONS:
        if words and not any(word in mutation.what for word in words):
            continue
        with tempfile.TemporaryDirectory() as directory:
            source = Path(directory) / "tollbar"
            shutil.copytree(SOURCE, source)
            file = source / mutation.file
            file.write_text(file.read_text().replace(mutation.old, mutation.new))
            command = [
                sys.executable,
                "-m",
                "tests.simulation",
                "--first",
                "0",
                "--seeds",
                SEEDS,
                "--until-broken",
                *options,
            ]
            environment = {**os.environ, "PYTHONPATH": directory}
            done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        print(f"{mutation.what}:\n    {done.stdout.strip() or done.stderr.strip()}", flush=True)
        unfound += done.returncode == 0
    print(f"{unfound} were not found")
    return int(unfound > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
