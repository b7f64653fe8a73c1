"""Plays ranges of seeds for the tests."""

from tests.simulation.play import play

AT_ONCE = 10
"""Seeds that one test plays: less than a second of an idle processor, for a test may last for a minute at most."""


def check_seeds(first: int) -> None:
    """Plays `AT_ONCE` seeds, and fails with how to see the first again that breaks a promise."""
    for seed in range(first, first + AT_ONCE):
        outcome = play(seed)
        assert outcome.failure == "", replay(seed)


def replay(seed: int) -> str:
    """How to see a simulation again."""
    return f"python3 dev.py simulate --seed {seed}"
