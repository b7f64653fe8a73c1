"""A fixed piece of pure Python whose cost moves with the machine's, run as `python -m bench.reference`.

The cost of a call divided by the cost of a round of this is the same on a slow day and on a fast one, as far as such a
thing can be: calls, attributes, small objects, dictionaries, bytes and text, in about a gateway's mixture.
"""

import subprocess
import sys
import time
from dataclasses import dataclass

from bench.machine import pinned

ROUNDS = 4_000


@dataclass(frozen=True, slots=True)
class Item:
    """A small value, as a program makes thousands."""

    name: str
    size: int
    weight: float


def round_of_work(seed: int) -> int:
    """One round: a few dozen microseconds."""
    items = [Item(f"item-{seed + number}", number, number / 3) for number in range(16)]
    by_name = {item.name: item for item in items}
    text = ",".join(by_name).encode()
    total = 0
    for part in text.split(b","):
        item = by_name[part.decode()]
        total += item.size if item.weight > 2 else len(item.name)
    return total + sum(len(name) for name in sorted(by_name))


def measure() -> float:
    """Microseconds of CPU per round, in this process."""
    before = time.process_time()
    for seed in range(ROUNDS):
        round_of_work(seed)
    return (time.process_time() - before) / ROUNDS * 1e6


def run(core: int) -> float:
    """The same in a process of its own on a core."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.reference"], preexec_fn=pinned(core), capture_output=True, check=True
    )
    return float(done.stdout)


if __name__ == "__main__":
    sys.stdout.write(str(min(measure() for _ in range(3))))
