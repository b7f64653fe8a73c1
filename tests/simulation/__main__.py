"""Plays simulations from the command line: `python3 dev.py simulate --seconds 60`, or `--seed N` to see one of them."""

import argparse
import gc
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count, takewhile

import structlog

from tests.simulation.play import BRIEF, FULL, Extent, Outcome, play
from tests.simulation.seeds import replay
from tests.simulation.store import sql

COUNTED = ("calls", "commits", "workers", "crashes", "faults")


def main(arguments: list[str]) -> int:
    """Plays what was asked for; returns 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python3 dev.py simulate", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this one, and tell all that happens in it")
    parser.add_argument("--first", type=int, help="begin with this seed (default: one that the time of day gives)")
    parser.add_argument("--seconds", type=float, default=30.0, help="go on with the next seeds for so long")
    parser.add_argument("--seeds", type=int, help="go on for so many seeds instead")
    parser.add_argument("--brief", action="store_true", help="with less in each, and so more of them")
    parser.add_argument("--until-broken", action="store_true", help="stop at the first that breaks a promise")
    options = parser.parse_args(arguments)
    settle()
    extent = BRIEF if options.brief else FULL
    if options.seed is not None:
        return tell(play(options.seed, is_told=True, extent=extent))
    first = int(time.time()) * 1_000 if options.first is None else options.first
    seeds = seeds_for(first, options.seconds) if options.seeds is None else range(first, first + options.seeds)
    return tell_all(seeds, options.until_broken, extent)


def settle() -> None:
    """Makes what all simulations share, and keeps quiet what the product tells its operator."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    sql()
    gc.collect()
    gc.freeze()  # what is here by now stays: nobody needs to look through it after each simulation


def tell(outcome: Outcome) -> int:
    """One simulation, in full."""
    print(*outcome.trace or (), sep="\n")
    print(f"digest {outcome.digest}: {outcome.failure or 'every promise was kept'}")
    return int(bool(outcome.failure))


def tell_all(seeds: Iterable[int], is_until_broken: bool, extent: Extent) -> int:
    """Many of them: those that failed, with how to see them again, and what there was in all."""
    began, sums, played, failed = time.process_time(), Counter[str](), 0, 0
    for outcome in (play(seed, extent=extent) for seed in seeds):
        played += 1
        sums.update({name: getattr(outcome, name) for name in COUNTED})
        if outcome.failure:
            failed += 1
            print(f"{outcome.failure}\n    {replay(outcome.seed, extent)}", flush=True)
            if is_until_broken:
                break
    each = ", ".join(f"{sums[name] / max(1, played):.1f} {name}" for name in COUNTED)
    print(f"{played} seeds in {time.process_time() - began:.0f} s of CPU, each with {each}: {failed} failed")
    return int(failed > 0)


def seeds_for(first: int, seconds: float) -> Iterator[int]:
    """Seed after seed for so long."""
    end = time.monotonic() + seconds
    return takewhile(lambda _: time.monotonic() < end, count(first))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
