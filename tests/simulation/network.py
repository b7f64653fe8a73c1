"""What happens on the way between a process and its store, its providers and its callers.

It has a chance of its own, and every fifth seed has a network that never fails: those are the same simulations as
before there was one that does, so what they found once is still looked for.
"""

from random import Random

RELIABLE = 2
SLOW_SECONDS = 1.5


class Network:
    """The way of one simulation."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(f"the network of {seed}")
        self.is_bad = seed % 5 != RELIABLE

    def happens(self, likelihood: float) -> bool:
        """Whether something goes wrong now that does so that often."""
        return self.is_bad and self.chance.random() < likelihood

    def delay(self) -> float:
        """How long a caller takes to read a piece of an answer; mostly no time."""
        return self.chance.uniform(0.0, SLOW_SECONDS) if self.happens(0.05) else 0.0
