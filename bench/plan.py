"""How long and how often to measure."""

from dataclasses import dataclass

STREAMS = 1_000
"""Open at once in the paced measure, as the budgets say."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds and repetitions; `growth_keys` are in the store for the last measure, `growth_callers` of them in use."""

    runs: int
    run_seconds: float
    warm_seconds: float
    latency_seconds: float
    more_starts: int
    paced_rounds: int
    growth_keys: int = 100_000
    growth_callers: int = 100
    growth_runs: int = 2


QUICK = Plan(2, 2.0, 0.7, 0.6, more_starts=0, paced_rounds=1)
FULL = Plan(5, 5.0, 3.0, 2.0, more_starts=4, paced_rounds=4, growth_callers=1_000, growth_runs=4)
CHECK = Plan(4, 2.5, 1.5, 0.0, more_starts=0, paced_rounds=0)
