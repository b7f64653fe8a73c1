"""The ways to a model of this machine: through Tollbar, to its engine alone, and through the yardstick before that."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.machine import Cores, family, free_port, move, until, wait_for_port
from bench.safetensors import START_SECONDS
from bench.stage import YARDSTICK_KEY
from bench.streams import Door, hear
from tollbar.providers.local.child import Order

TOLLBAR = Path(sys.executable).parent / "tollbar"
CHILD = (sys.executable, "-m", "tollbar.providers.local.child")
CONTEXT_TOKENS = 512
MOST_AT_ONCE = 16
"""Streams that each door answers at the same time."""


@contextmanager
def gateway(
    directory: Path, threads: int, model: str = "bench", environment: Mapping[str, str] | None = None
) -> Iterator[Door]:
    """Tollbar with everything on: a key with a rate and an allowance, the ledger, the log."""
    port = free_port()
    settings = f"local: {{parallel: {MOST_AT_ONCE}, context_tokens: {CONTEXT_TOKENS}, threads: {threads}}}\n"
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
    order = Order("bench", str(path), False, False, CONTEXT_TOKENS, MOST_AT_ONCE, threads, "a key")
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
def yardstick(straight: Door, directory: Path) -> Iterator[Door]:
    """The yardstick before the bare engine."""
    port, bases = free_port(), json.dumps({"": f"http://127.0.0.1:{straight.port}"})
    words = [str(port), bases, YARDSTICK_KEY, straight.key, str(directory / "yardstick.sqlite")]
    with subprocess.Popen([sys.executable, "-m", "bench.yardstick", *words], stderr=subprocess.DEVNULL) as process:
        try:
            wait_for_port(port, process)
            yield Door("yardstick", port, YARDSTICK_KEY, straight.engine, process.pid)
        finally:
            process.kill()


def part(doors: Sequence[Door], cores: Cores) -> None:
    """Has the engines on one core, and this process and the gateways on the other: nothing of them moves any more."""
    for door in doors:
        move(door.engine, cores.feeding)
        move(door.gateway or os.getpid(), cores.measured)


def is_answering(door: Door) -> bool:
    """Whether a call gets its answer."""
    try:
        asyncio.run(hear(door, 1))
    except (OSError, RuntimeError):
        return False
    return True
