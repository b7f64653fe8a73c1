"""How long and how often to measure."""

from dataclasses import dataclass

STREAMS = 1_000
"""Open at once in the paced measure, as the budgets say."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How often, and for how many seconds, calls are compared.

    In each of `runs` every side takes `turns` turns of `turn_seconds` with 64 connections, and as many with one.
    `growth_keys` are in the store for the last measure, `growth_callers` of them in use.
    """

    runs: int
    turns: int
    warm_seconds: float
    more_starts: int
    paced_rounds: int
    turn_seconds: float = 0.15
    growth_keys: int = 100_000
    growth_callers: int = 100
    growth_runs: int = 2


QUICK = Plan(3, 8, 0.7, more_starts=2, paced_rounds=3)
FULL = Plan(5, 24, 3.0, more_starts=4, paced_rounds=5, growth_callers=1_000, growth_runs=4)
CHECK = Plan(4, 12, 1.5, more_starts=0, paced_rounds=0)
"""For `costs` alone."""
