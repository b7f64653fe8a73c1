"""A model of this machine, called through Tollbar and called bare, by turns in the same run: `python -m bench.local`.

Both have an engine of their own over the same file, with the same parameters. Streams are read as they come: time to
the first token, tokens a second over all streams, memory, and the CPU time that Tollbar itself spends on a token. The
yardstick stands before the bare engine, too: what a token costs it says how dear it is on this machine to wake up for
one, with all that the model's weights have driven out of the processor's caches. Engines have one core, all else the
other.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.doors import CONTEXT_TOKENS, MOST_AT_ONCE, bare, gateway, part, yardstick
from bench.groups import is_provided
from bench.machine import choose_cores, own_seconds, resident_megabytes
from bench.measures import BUDGETS, CHUNK, SET_BESIDE, scaled
from bench.safetensors import served, variables
from bench.streams import Door, run
from tests.providers.local.checkpoints import shelve_checkpoint
from tests.providers.local.making import shelve

STREAMS = (1, 4, MOST_AT_ONCE)
MOST_YARDSTICKS = scaled(BUDGETS[CHUNK], SET_BESIDE[CHUNK]).must
"""A token may cost 50 µs where the yardstick's event costs 34 µs: docs/decisions/0008-budgets-in-yardsticks.md."""
MOST_SHARE = 0.02
SLOW_MILLISECONDS = 5.0
"""The share of time that the gateway may cost is promised for models whose tokens cost at least so much."""

ANSWER_TOKENS = 128
"""An answer of so many tokens is compared. It is known from far fewer: the rest are like them."""
COSTS_TURNS = 3
"""The yardstick takes part in every third turn: CPU time needs fewer to be known than time does."""
TRANSFORMERS_ROUNDS, TRANSFORMERS_TOKENS = 4, 32
"""Transformers is asked less often, and for more: it needs minutes as it is."""


@dataclass(slots=True)
class Measured:
    """All runs of one door with so many streams at once."""

    first_milliseconds: list[float] = field(default_factory=list)
    tokens_per_second: list[float] = field(default_factory=list)
    usual_seconds: list[float] = field(default_factory=list)
    """What an answer of `ANSWER_TOKENS` takes, run by run, where nothing else on the machine holds up a token of it."""
    token_microseconds: list[float] = field(default_factory=list)
    """CPU time of the gateway on a token, run by run, beyond what it takes when nobody calls."""


def main(arguments: Sequence[str]) -> int:
    """Measures and prints the tables; 1 when a figure is above what must hold."""
    options, cores = _options(arguments), os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        shelve(directory / "models", "bench", context=CONTEXT_TOKENS, layers=options.layers, hidden=options.hidden)
        with (
            gateway(directory, options.threads) as through,
            bare(directory, options.threads) as straight,
            yardstick(straight, directory) as beside,
        ):
            doors = (straight, beside, through)
            for door in doors:
                asyncio.run(run(door, MOST_AT_ONCE, 8))
            part(doors, choose_cores())
            idle = {door.name: idle_share(door.gateway) for door in doors}
            found = {(door.name, streams): Measured() for door in doors for streams in STREAMS}
            for turn in range(options.rounds):
                asked = (straight, through) if turn % COSTS_TURNS else doors
                for streams in STREAMS:
                    for door in asked if turn % 2 else asked[::-1]:
                        note(found[door.name, streams], door, streams, options.tokens, idle[door.name])
            print(table(found, doors))
            print(f"With nobody calling, Tollbar takes {idle[through.name]:.2%} of a core.")
            told, faults = verdicts(found)
            print("\n".join(told))
        os.sched_setaffinity(0, cores)
        if is_provided("transformers"):
            print(of_transformers(directory / "safetensors", options))
        else:
            print("`python3 dev.py test tests/journeys/test_transformers.py` installs what the other table needs.")
    print("\n".join(["Too much:", *faults] if faults else ["Every figure is within what must hold."]))
    return 1 if faults else 0


def of_transformers(directory: Path, options: argparse.Namespace) -> str:
    """The table of the same model as safetensors: `transformers serve` as it is, batching, and through Tollbar."""
    sizes = {"context": CONTEXT_TOKENS, "layers": options.layers, "hidden": options.hidden}
    path, threads = shelve_checkpoint(directory / "models", "plain", **sizes).path, options.threads
    with (
        served(path, threads, is_batching=False) as alone,
        served(path, threads, is_batching=True) as batching,
        gateway(directory, threads, "plain", variables(threads)) as through,
    ):
        doors = [
            Door("transformers serve", *alone, model=str(path)),
            Door("batching", *batching, model=str(path)),
            through,
        ]
        found = {(door.name, streams): Measured() for door in doors for streams in STREAMS}
        for streams in STREAMS:
            for door in doors:
                for turn in range(TRANSFORMERS_ROUNDS + 1):
                    each = Measured() if not turn else found[door.name, streams]  # the first warms it up
                    note(each, door, streams, TRANSFORMERS_TOKENS, 0.0)
        return table(found, doors)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 dev.py bench-local", description=__doc__)
    parser.add_argument("--layers", type=int, default=2, help="layers of the model (default: 2)")
    parser.add_argument("--hidden", type=int, default=8_192, help="how wide they are (default: 8192)")
    parser.add_argument("--tokens", type=int, default=24, help="tokens read of an answer (default: 24)")
    parser.add_argument("--rounds", type=int, default=200, help="runs of each kind, by turns (default: 200)")
    parser.add_argument("--threads", type=int, default=1, help="threads of the engines (default: 1)")
    return parser.parse_args(arguments)


def idle_share(process: int, seconds: float = 3.0) -> float:
    """How much of a core a gateway takes that nobody calls."""
    if not process:
        return 0.0
    before, began = own_seconds(process), time.perf_counter()
    time.sleep(seconds)
    return (own_seconds(process) - before) / (time.perf_counter() - began)


def note(measured: Measured, door: Door, streams: int, tokens: int, idle: float) -> None:
    """One run of a door; `idle` is the share of a core that its gateway takes anyhow."""
    before, began = own_seconds(door.gateway), time.perf_counter()
    heard = asyncio.run(run(door, streams, tokens))
    seconds = time.perf_counter() - began
    count = sum(one.tokens for one in heard)
    measured.first_milliseconds += [one.first_seconds * 1e3 for one in heard]
    measured.tokens_per_second.append(count / seconds)
    measured.usual_seconds.append(statistics.median(one.usual_seconds(ANSWER_TOKENS) for one in heard))
    if door.gateway:
        spent = own_seconds(door.gateway) - before - idle * seconds
        measured.token_microseconds.append(spent / count * 1e6)


def table(found: dict[tuple[str, int], Measured], doors: Sequence[Door]) -> str:
    """What was measured, as it stands in the documentation."""
    lines = [
        "| streams | asked | first token, median | tokens a second | CPU a token, the engine's apart |",
        "|--:|---|--:|--:|--:|",
    ]
    for name, streams in ((door.name, streams) for streams in STREAMS for door in doors):
        each = found[name, streams]
        first, pace = statistics.median(each.first_milliseconds), statistics.median(each.tokens_per_second)
        cost = f"{statistics.median(each.token_microseconds):.0f} µs" if each.token_microseconds else ""
        lines.append(f"| {streams} | {name} | {first:.1f} ms | {pace:.1f} | {cost} |")
    lines.append("")
    for door in (doors[0], doors[-1]):
        beside = f", Tollbar itself {resident_megabytes(door.gateway):.0f} MB" if door.gateway else ""
        lines.append(f"Memory, {door.name}: the engine {resident_megabytes(door.engine):.0f} MB{beside}.")
    return "\n".join(lines)


def verdicts(found: dict[tuple[str, int], Measured]) -> tuple[list[str], list[str]]:
    """What there is to say of the two promises, and of these lines those that tell of a broken one.

    They are the CPU time of a token, in yardsticks, and the share of time with a model that is slow. What may be the
    machine's weather as well is no broken promise.
    """
    told: list[str] = []
    faults: list[str] = []
    for streams in STREAMS:
        straight, beside, through = (found[name, streams] for name in ("bare engine", "yardstick", "Tollbar"))
        cost = statistics.median(through.token_microseconds) / statistics.median(beside.token_microseconds)
        told.append(f"{streams} streams: a token costs {cost:.2f} yardsticks, {MOST_YARDSTICKS:.2f} are allowed.")
        if cost > MOST_YARDSTICKS:
            faults.append(told[-1])
        if streams / statistics.median(straight.tokens_per_second) * 1e3 < SLOW_MILLISECONDS:
            continue
        pairs = zip(through.usual_seconds, straight.usual_seconds, strict=True)
        low, share, high = median_within([behind / alone - 1 for behind, alone in pairs])
        within = f"{share:.1%} slower than the bare engine ({low:.1%} to {high:.1%})"
        told.append(f"{streams} streams: {within}, {MOST_SHARE:.0%} are allowed.")
        if low > MOST_SHARE:
            faults.append(told[-1])
    return told, faults


def median_within(values: Sequence[float]) -> tuple[float, float, float]:
    """A median between the bounds within which, with a probability of 95 %, that of endless runs lies.

    They are values themselves: so many stand on either side of the true median as coins fall on one of theirs.
    """
    ordered, count = sorted(values), len(values)
    beyond = max(0, int(count / 2 - 0.98 * count**0.5))
    return ordered[beyond], statistics.median(ordered), ordered[count - 1 - beyond]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
