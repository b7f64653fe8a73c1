"""`python -m bench`: prints the table of costs, or compares with the baseline."""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import checking, measures, nginx
from bench.machine import Cores, choose_cores
from bench.plan import CHECK, FULL, QUICK
from bench.stage import stage

QUIET_LOAD = 0.5


def main(arguments: Sequence[str]) -> int:
    """Runs what was asked for; gives the exit status."""
    options = _options(arguments)
    if not sys.platform.startswith("linux"):
        say("The bench needs Linux: it reads CPU time and memory from /proc.")
        return 2
    cores = choose_cores()
    began, load = time.monotonic(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="tollbar-bench-") as folder, stage(Path(folder), cores) as set_up:
        if options.check or options.write_baseline:
            return _compare(checking.ratios(set_up, CHECK, say), options.write_baseline)
        report = measures.everything(set_up, QUICK if options.quick else FULL, say)
    report.notes += circumstances(cores, load, time.monotonic() - began)
    say("\n" + report.table())
    if options.json:
        Path(options.json).write_text(json.dumps(report.document(), indent=2) + "\n")
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m bench", description="Measures what a call costs.")
    parser.add_argument("--quick", action="store_true", help="two and a half minutes in place of six, and less exact")
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well")
    parser.add_argument("--check", action="store_true", help="fail if a call costs 15 %% more than the baseline says")
    parser.add_argument("--write-baseline", action="store_true", help="make the present costs the baseline")
    return parser.parse_args(arguments)


def _compare(measured: dict[str, float], is_new_baseline: bool) -> int:
    for name, ratio in measured.items():
        say(f"{name}: {ratio:.2f} rounds of the reference loop")
    if is_new_baseline:
        checking.write(measured)
        return 0
    try:
        faults = checking.regressions(measured)
    except FileNotFoundError:
        say("There is no baseline yet: `python -m bench --write-baseline` makes one.")
        return 2
    say("\n".join(faults) if faults else "No call costs more than tolerated.")
    return 1 if faults else 0


def circumstances(cores: Cores, load: float, seconds: float) -> list[str]:
    """What else a reader of the figures should know."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    places = f"Tollbar alone on core {cores.measured} of {os.cpu_count()}, everything else on core {cores.feeding}"
    notes = [
        f"{python}; {places}; measured in {seconds:.0f} s.",
        "On everywhere: key, rates, concurrency, credits and dollars, ledger, request log, metrics.",
    ]
    if load > QUIET_LOAD:
        notes.append(f"The machine was busy before this began (load {load:.1f}), so every figure is too high.")
    if not cores.are_apart:
        notes.append("There is one core only: latency and lag include the load generator's own.")
    if nginx.find() is None:
        notes.append(nginx.HOW_TO_INSTALL)
    return notes


def say(text: str) -> None:
    """Writes a line for people."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
