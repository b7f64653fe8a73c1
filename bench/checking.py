"""Whether a call costs more than it did: CPU per request, as a multiple of a reference loop of the same minute."""

import json
from collections.abc import Callable
from pathlib import Path

from bench import gateway
from bench.measures import PLAIN, REFERENCE, STREAM, costs, installed
from bench.plan import Plan
from bench.report import Figure, Report
from bench.stage import Stage

BASELINE = Path(__file__).with_name("baseline.json")
TOLERATED = 1.15


def ratios(stage: Stage, plan: Plan, tell: Callable[[str], None]) -> dict[str, float]:
    """The cost of each kind of call, in rounds of the reference loop."""
    report = Report()
    installation, key = installed(stage)
    with gateway.running(installation, (key,)) as running:
        gateway.check(running)
        tell("CPU per request and per stream")
        costs(report, stage, running, plan)
    tell(report.table())
    return ratios_of(report.figures)


def ratios_of(figures: list[Figure]) -> dict[str, float]:
    """The lowest run of each kind over the lowest of the reference: what else runs on a machine only ever adds."""
    lowest = {figure.name: min(figure.values) for figure in figures}
    return {name: round(lowest[name] / lowest[REFERENCE], 3) for name in (PLAIN, STREAM)}


def write(measured: dict[str, float], file: Path = BASELINE) -> None:
    """Makes what was measured the measure of later runs."""
    file.write_text(json.dumps(measured, indent=2) + "\n")


def regressions(measured: dict[str, float], file: Path = BASELINE) -> list[str]:
    """What costs too much more than the baseline says; raises FileNotFoundError when there is none."""
    baseline: dict[str, float] = json.loads(file.read_text())
    return [
        f"{name}: {measured[name]:.2f} rounds of the reference loop, {was:.2f} in the baseline "
        f"({(measured[name] / was - 1) * 100:+.0f} %, {(TOLERATED - 1) * 100:.0f} % tolerated)"
        for name, was in baseline.items()
        if measured[name] > was * TOLERATED
    ]
