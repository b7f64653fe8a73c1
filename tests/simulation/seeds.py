"""Plays ranges of seeds for the tests."""

from tests.simulation.play import BRIEF, FULL, Extent, play

AT_ONCE = 10
"""Seeds that one test plays: about a second of an idle processor, for a test may last for a minute at most."""


def check_seeds(first: int, extent: Extent = FULL) -> None:
    """Plays `AT_ONCE` seeds, and fails with how to see the first again that breaks a promise."""
    for seed in range(first, first + AT_ONCE):
        outcome = play(seed, extent=extent)
        assert outcome.failure == "", replay(seed, extent)


def replay(seed: int, extent: Extent = FULL) -> str:
    """How to see a simulation again."""
    return f"python3 dev.py simulate --seed {seed}{' --brief' if extent is BRIEF else ''}"
