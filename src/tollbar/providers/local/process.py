"""One engine under way: a child process that serves a model on a loopback address, from its start to its end.

Guarantees: `start` returns an engine that has said where it listens, or raises with the reason and leaves no process
behind. The child holds the other end of a pipe and ends when that closes, so none outlives this process. It is given
its key through the pipe, and nothing of our environment but what programs need to run.
"""

import asyncio
import json
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from tollbar.domain.errors import EngineUnavailable
from tollbar.providers.local.child import Order

COMMAND = (sys.executable, "-m", "tollbar.providers.local.child")
COMMANDS = {"gguf": COMMAND, "safetensors": (sys.executable, "-m", "tollbar.providers.local.transformers.child")}
STOP_SECONDS = 5.0
KEPT_LINES = 20
LONGEST_LINE = 64 * 1024
NEEDED = frozenset({"PATH", "HOME", "LANG", "TMPDIR", "TEMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"})
SAID = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false"}
"""To every child: nothing is fetched, and nobody is told of what runs here."""
NEEDED_BEGINNINGS = ("OMP_", "GOMP_", "GGML_", "LLAMA_", "CUDA_", "HIP_", "PYTHON")
USUAL = {"GOMP_SPINCOUNT": "1000"}
"""Unless our environment says otherwise. Threads wait for each other some hundred times a token: for a moment in a loop
and then asleep, or a core that another program wants for a while is lost to both."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How children are started: their environment, and the seconds that loading a model may take.

    `command` is for all of them; None means that of the model's format.
    """

    command: Sequence[str] | None = None
    environment: Mapping[str, str] | None = None
    seconds: float = 300.0


def needed(environment: Mapping[str, str]) -> dict[str, str]:
    """What a child gets of our environment: no key of a provider is among it."""
    kept = {name: value for name, value in environment.items() if name in NEEDED or name.startswith(NEEDED_BEGINNINGS)}
    return {**USUAL, **kept, **SAID}


class EngineProcess:
    """A child that is serving. `ended` is set once it is no more."""

    def __init__(self, process: asyncio.subprocess.Process, order: Order) -> None:
        self._process = process
        self.order = order
        self.url = ""
        self.ended = asyncio.Event()
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._watching = asyncio.create_task(self._watch())
        self._is_stopping = False

    @classmethod
    async def start(cls, order: Order, launch: Launch) -> Self:
        """A child that has loaded its model; raises EngineUnavailable."""
        try:
            process = await asyncio.create_subprocess_exec(
                *(launch.command or COMMANDS[order.format]),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=launch.environment,
                limit=LONGEST_LINE,
                start_new_session=True,  # Ctrl-C is for us: calls under way come to their end
            )
        except OSError as fault:
            raise EngineUnavailable(
                f"No process can be started for {order.name}: {fault}.", is_retryable=True
            ) from None
        engine = cls(process, order)
        try:
            async with asyncio.timeout(launch.seconds):
                engine.url = await engine._say_where()
        except BaseException as fault:
            engine.kill()
            await engine.ended.wait()
            if isinstance(fault, TimeoutError):
                raise EngineUnavailable(
                    f"{order.name} was not loaded within {launch.seconds:g} seconds.",
                    hint="'local.start_seconds' says how long it may take.",
                ) from None
            raise
        return engine

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    @property
    def crash(self) -> str | None:
        """How it ended, in a sentence with the last that it said; None while it runs, and when it was stopped."""
        status = self._process.returncode
        if status is None or self._is_stopping:
            return None
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        return f"The engine of {self.order.name} {how}. {' '.join(self._lines)[-500:]}".strip()

    def kill(self) -> None:
        """Ends it at once; calls under way are cut."""
        self._is_stopping = True
        with suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Closes the pipe, which ends it, and waits until it is no more; one that takes longer is killed."""
        self._is_stopping = True
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(seconds):
                await self.ended.wait()
        except TimeoutError:
            self.kill()
            await self.ended.wait()

    async def _say_where(self) -> str:
        """Its address; raises EngineUnavailable with what it said, or how it ended."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("a child is started with pipes")
        with suppress(BrokenPipeError, ConnectionResetError):  # then it has ended, and the next line says how
            stdin.write(self.order.line())
            await stdin.drain()
        try:
            told = json.loads(await stdout.readline())
        except ValueError:  # nothing, or no line of ours: it has ended, or is no child of ours
            stdin.close()
            await self.ended.wait()
            raise EngineUnavailable(
                self.crash or f"The engine of {self.order.name} ended.", is_retryable=True
            ) from None
        if "url" not in told:
            raise EngineUnavailable(told["fault"], hint=told["hint"])
        return told["url"]

    async def _watch(self) -> None:
        """Reads what it says beside its answers, so that it never waits for us, until it is no more."""
        if self._process.stderr is not None:
            while line := await self._next_line(self._process.stderr):
                self._lines.append(line.decode("utf-8", "replace").strip())
        await self._process.wait()
        self.ended.set()

    async def _next_line(self, stream: asyncio.StreamReader) -> bytes:
        try:
            return await stream.readline()
        except ValueError:  # a line beyond any bound, which is dropped
            return b"\n"
