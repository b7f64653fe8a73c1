"""A model of this machine, called through Tollbar and called bare, by turns in the same run: `python -m bench.local`.

Both have an engine of their own over the same file, with the same parameters. Streams are read as they come: time to
the first token, tokens a second over all streams, memory, and the CPU time that Tollbar itself spends on a token. An
empty relay before the bare engine shows what waking up for a token costs any process here; the rest is Tollbar's work.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.groups import is_provided
from bench.machine import family, free_port, own_seconds, resident_megabytes, until, wait_for_port
from bench.safetensors import START_SECONDS, served, variables
from tests.providers.local.checkpoints import shelve_checkpoint
from tests.providers.local.making import shelve
from tollbar.providers.local.child import Order

TOLLBAR = Path(sys.executable).parent / "tollbar"
CHILD = (sys.executable, "-m", "tollbar.providers.local.child")
STREAMS = (1, 4, 16)
CONTEXT_TOKENS = 512
MOST_MICROSECONDS = 50.0
MOST_SHARE = 0.02
SLOW_MILLISECONDS = 5.0
"""The share of time that the gateway may cost is promised for models whose tokens cost at least so much."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where the model is asked: an address with its key, the gateway's process if there is one, and the engine's."""

    name: str
    port: int
    key: str
    engine: int
    gateway: int = 0
    model: str = "bench"


@dataclass(frozen=True, slots=True)
class Heard:
    """One stream: seconds to its first token, and how many came."""

    first_seconds: float
    tokens: int


@dataclass(slots=True)
class Measured:
    """All runs of one door with so many streams at once."""

    first_milliseconds: list[float] = field(default_factory=list)
    tokens_per_second: list[float] = field(default_factory=list)
    gateway_seconds: float = 0.0
    tokens: int = 0

    @property
    def gateway_microseconds(self) -> float:
        """The CPU time of the gateway on a token, beyond what it takes when nobody calls."""
        return self.gateway_seconds / self.tokens * 1e6


def main(arguments: Sequence[str]) -> int:
    """Measures and prints the tables; 1 when a figure is above what must hold."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        shelve(directory / "models", "bench", context=CONTEXT_TOKENS, layers=options.layers, hidden=options.hidden)
        with (
            gateway(directory, options.threads) as through,
            bare(directory, options.threads) as straight,
            relay(straight) as relayed,
        ):
            doors = (straight, relayed, through)
            for door in doors:
                asyncio.run(run(door, max(STREAMS), 8))
            idle = {door.name: idle_share(door.gateway) for door in doors}
            found = {(door.name, streams): Measured() for door in doors for streams in STREAMS}
            for turn in range(options.rounds):
                for streams in STREAMS:
                    for door in doors if turn % 2 else doors[::-1]:
                        note(found[door.name, streams], door, streams, options.tokens, idle[door.name])
            print(table(found, doors))
            print(f"With nobody calling, Tollbar takes {idle[through.name]:.2%} of a core.")
            faults = verdicts(found)
        if is_provided("transformers"):
            print(beside(directory / "safetensors", options))
        else:
            print("`python3 dev.py test tests/journeys/test_transformers.py` installs what the other table needs.")
    print("\n".join(faults or ["Every figure is within what must hold."]))
    return 1 if faults else 0


def beside(directory: Path, options: argparse.Namespace) -> str:
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
                for turn in range(options.rounds // 2 + 1):
                    each = Measured() if not turn else found[door.name, streams]  # the first warms it up
                    note(each, door, streams, options.tokens, 0.0)
        return table(found, doors)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 dev.py bench-local", description=__doc__)
    parser.add_argument("--layers", type=int, default=2, help="layers of the model (default: 2)")
    parser.add_argument("--hidden", type=int, default=8_192, help="how wide they are (default: 8192)")
    parser.add_argument("--tokens", type=int, default=48, help="tokens of an answer (default: 48)")
    parser.add_argument("--rounds", type=int, default=6, help="runs of each kind, by turns (default: 6)")
    parser.add_argument("--threads", type=int, default=1, help="threads of the engines (default: 1)")
    return parser.parse_args(arguments)


@contextmanager
def gateway(
    directory: Path, threads: int, model: str = "bench", environment: Mapping[str, str] | None = None
) -> Iterator[Door]:
    """Tollbar with everything on: a key with a rate and an allowance, the ledger, the log."""
    port = free_port()
    settings = f"local: {{parallel: {max(STREAMS)}, context_tokens: {CONTEXT_TOKENS}, threads: {threads}}}\n"
    (directory / "tollbar.yaml").write_text(settings)
    words = ["--config", str(directory / "tollbar.yaml"), "--data", str(directory)]
    limits = ["--tokens", "1000000000", "--rpm", "1000000"]
    make = [str(TOLLBAR), "keys", "create", "--name", "bench", *limits, "--quiet", *words]
    key = subprocess.run(make, capture_output=True, text=True, check=True).stdout.strip()
    serve = [str(TOLLBAR), "serve", "--port", str(port), *words]
    with (
        (directory / "log").open("wb") as log,
        subprocess.Popen(serve, stdout=log, stderr=log, env=environment) as process,
    ):
        try:
            door = Door("Tollbar", port, key, 0, process.pid, model)
            until(lambda: is_answering(door), process, START_SECONDS)
            _, engine = family(process.pid)[:2]
            yield replace(door, engine=engine)
        finally:
            process.terminate()


@contextmanager
def bare(directory: Path, threads: int) -> Iterator[Door]:
    """The engine alone, as Tollbar starts it."""
    path = directory / "models" / "bench" / "model.gguf"
    order = Order("bench", str(path), False, False, CONTEXT_TOKENS, max(STREAMS), threads, "a key")
    with subprocess.Popen(CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the engine has no pipes")
        process.stdin.write(order.line())
        process.stdin.flush()
        url = json.loads(process.stdout.readline())["url"]
        try:
            yield Door("bare engine", int(url.rpartition(":")[2]), order.key, process.pid)
        finally:
            process.stdin.close()


@contextmanager
def relay(straight: Door) -> Iterator[Door]:
    """An empty relay before the bare engine."""
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "bench.relay", str(port), str(straight.port)], stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_for_port(port, process)
            yield Door("empty relay", port, straight.key, straight.engine, process.pid)
        finally:
            process.kill()


def is_answering(door: Door) -> bool:
    """Whether a call gets its answer."""
    try:
        return asyncio.run(hear(door, 1)).tokens > 0
    except (OSError, RuntimeError):
        return False


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
    measured.gateway_seconds += own_seconds(door.gateway) - before - idle * seconds
    measured.tokens += count


async def run(door: Door, streams: int, tokens: int) -> list[Heard]:
    """So many streams at once."""
    return await asyncio.gather(*(hear(door, tokens) for _ in range(streams)))


async def hear(door: Door, tokens: int) -> Heard:
    """One stream, read to its end; raises RuntimeError when it is not answered."""
    asked = {"model": door.model, "stream": True, "temperature": 0, "max_tokens": tokens}
    body = json.dumps({**asked, "messages": [{"role": "user", "content": "Count on from 7"}]}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {door.key}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    began = time.perf_counter()
    try:
        writer.write(head.encode() + body)
        first, count = 0.0, 0
        async for line in reader:
            if b'"content":"' in line:
                count += 1
                first = first or time.perf_counter() - began
            elif line.startswith(b"HTTP/1.1 ") and not line.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{door.name} answers {line!r}")
        return Heard(first, count)
    finally:
        writer.close()


def table(found: dict[tuple[str, int], Measured], doors: Sequence[Door]) -> str:
    """What was measured, as it stands in the documentation."""
    lines = [
        "| streams | asked | first token, median | tokens a second | CPU a token, the engine's apart |",
        "|--:|---|--:|--:|--:|",
    ]
    for name, streams in ((door.name, streams) for streams in STREAMS for door in doors):
        each = found[name, streams]
        first, pace = statistics.median(each.first_milliseconds), statistics.median(each.tokens_per_second)
        cost = f"{each.gateway_microseconds:.0f} µs" if each.gateway_seconds else ""
        lines.append(f"| {streams} | {name} | {first:.1f} ms | {pace:.1f} | {cost} |")
    lines.append("")
    for door in (doors[0], doors[-1]):
        beside = f", Tollbar itself {resident_megabytes(door.gateway):.0f} MB" if door.gateway else ""
        lines.append(f"Memory, {door.name}: the engine {resident_megabytes(door.engine):.0f} MB{beside}.")
    return "\n".join(lines)


def verdicts(found: dict[tuple[str, int], Measured]) -> list[str]:
    """What does not hold that must: the CPU time of a token, and the share of time with a model that is slow."""
    faults: list[str] = []
    for streams in STREAMS:
        straight, through = found["bare engine", streams], found["Tollbar", streams]
        cost = through.gateway_microseconds - found["empty relay", streams].gateway_microseconds
        if cost > MOST_MICROSECONDS:
            told = f"a token costs Tollbar {cost:.0f} µs more than an empty relay, {MOST_MICROSECONDS:.0f} are allowed"
            faults.append(f"{streams} streams: {told}.")
        milliseconds = streams / statistics.median(straight.tokens_per_second) * 1e3
        if milliseconds < SLOW_MILLISECONDS:
            continue
        pairs = zip(straight.tokens_per_second, through.tokens_per_second, strict=True)
        share = statistics.median(alone / behind - 1 for alone, behind in pairs)
        if share > MOST_SHARE:
            faults.append(f"{streams} streams: {share:.1%} slower than the bare engine, {MOST_SHARE:.0%} are allowed.")
    return faults


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
