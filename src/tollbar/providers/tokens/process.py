"""The child that counts, as its parent knows it: started when it is needed, ended when it was not for a while.

Guarantees: one child at the most, which is asked one thing at a time; a caller waits for a bounded time, and is told
nothing when it is over. A child that ends, or takes too long, is replaced with the next question. It is given nothing
of our environment but what programs need to run.
"""

import asyncio
import json
import sys
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog

from tollbar.domain.usage import Tally
from tollbar.providers.tokens.child import framed

COMMAND = (sys.executable, "-m", "tollbar.providers.tokens.child")
MOST_SAID = 500
"""Characters of what a child said last that a log line tells."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How the child is run, in seconds: what a caller waits, what a count may take, how long it idles."""

    environment: Mapping[str, str] | None = None
    command: Sequence[str] = COMMAND
    patience: float = 2.0
    limit: float = 30.0
    idle: float = 60.0


class CountingProcess:
    """Counts, as a block: no child outlives it."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._turn = asyncio.Lock()
        self._child: asyncio.subprocess.Process | None = None
        self._tasks: set[asyncio.Task[Tally | None]] = set()
        self._idling: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._end()

    @property
    def pid(self) -> int | None:
        """The number of the child's process; None while there is none."""
        return self._child.pid if self._child is not None and self._child.returncode is None else None

    async def count(self, body: bytes) -> Tally | None:
        """What a chat completion request holds; None where that cannot be told, or not in time.

        Who leaves, or has waited long enough, cuts nothing: the count goes on to its end, and others have their turn.
        """
        try:
            async with asyncio.timeout(self._terms.patience):
                await self._turn.acquire()
                return await asyncio.shield(self._begin(self._ask(body)))
        except TimeoutError:
            return None

    def _begin(self, work: Coroutine[None, None, Tally | None]) -> asyncio.Task[Tally | None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _ask(self, body: bytes) -> Tally | None:
        """The child's answer, in a turn that was taken and is given back."""
        try:
            async with asyncio.timeout(self._terms.limit):
                return await self._exchange(body)
        except (OSError, ValueError, RuntimeError) as fault:  # it ended (uvloop: RuntimeError), or took too long
            said = await self._end()
            structlog.get_logger("tollbar").warning("tokens.counting_failed", fault=repr(fault), said=said)
            return None
        finally:
            self._turn.release()

    async def _exchange(self, body: bytes) -> Tally | None:
        if self._idling is not None:
            self._idling.cancel()
        if self.pid is None:
            await self._end()  # what is left of one that was killed
            self._child = await self._start()
        child = self._child
        if child is None or child.stdin is None or child.stdout is None:
            raise RuntimeError("a child is started with pipes")
        child.stdin.write(framed(body))
        await child.stdin.drain()
        told = json.loads(await child.stdout.readline())
        self._idling = asyncio.get_running_loop().call_later(self._terms.idle, self._rest)
        return None if told is None else Tally(**told)

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._terms.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._terms.environment,
            start_new_session=True,  # Ctrl-C is for us
        )

    def _rest(self) -> None:
        """Nobody has asked for a while."""
        if not self._turn.locked():
            self._begin(self._end_idle())

    async def _end_idle(self) -> Tally | None:
        async with self._turn:
            await self._end()

    async def _end(self) -> str:
        """Ends the child, if there is one; gives the last line that it said."""
        child = self._child
        if self._idling is not None:
            self._idling.cancel()
        if child is None:
            return ""
        with suppress(ProcessLookupError):
            child.kill()
        if child.stdin is not None:
            child.stdin.close()
        _, said = await child.communicate()
        self._child = None
        return said.decode("utf-8", "replace").strip().rpartition("\n")[2][-MOST_SAID:]
