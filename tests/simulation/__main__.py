"""Plays simulations from the command line: `python3 dev.py simulate --seconds 60`, or `--seed N` to see one of them."""

import argparse
import gc
import logging
import sys
import time
from collections.abc import Iterator
from itertools import count

import structlog

from tests.simulation.play import Outcome, play
from tests.simulation.store import sql


def main(arguments: list[str]) -> int:
    """Plays what was asked for; returns 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python3 dev.py simulate", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this one, and tell all that happens in it")
    parser.add_argument("--first", type=int, help="begin with this seed (default: one that the time of day gives)")
    parser.add_argument("--seconds", type=float, default=30.0, help="go on with the next seeds for so long")
    options = parser.parse_args(arguments)
    settle()
    if options.seed is not None:
        return tell(play(options.seed, is_told=True))
    first = int(time.time()) * 1_000 if options.first is None else options.first
    return tell_all(first, options.seconds)


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


def tell_all(first: int, seconds: float) -> int:
    """Many of them: those that failed, with how to see them again, and how many there were."""
    began, outcomes = time.monotonic(), list[Outcome]()
    for outcome in played(first, seconds):
        outcomes.append(outcome)
        if outcome.failure:
            print(f"{outcome.failure}\n    python3 dev.py simulate --seed {outcome.seed}", flush=True)
    failed = sum(bool(outcome.failure) for outcome in outcomes)
    calls, commits = sum(one.calls for one in outcomes), sum(one.commits for one in outcomes)
    took = time.monotonic() - began
    print(f"{len(outcomes)} seeds from {first} in {took:.0f} s, {calls} calls, {commits} commits: {failed} failed")
    return int(failed > 0)


def played(first: int, seconds: float) -> Iterator[Outcome]:
    """Seed after seed for so long."""
    end = time.monotonic() + seconds
    for seed in count(first):
        if time.monotonic() > end:
            return
        yield play(seed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
