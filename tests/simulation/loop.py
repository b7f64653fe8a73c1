"""The event loop of one simulated process: real coroutines, on the simulation's time.

Callbacks run in the order in which they were registered, as asyncio promises; what comes between those of different
processes, and how long everything takes, is the simulation's choice. A loop that was killed runs nothing any more: its
tasks stay where they are, and not even their `finally` runs.
"""

import asyncio
import contextvars
from asyncio.events import _set_running_loop
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Executor
from functools import partial
from typing import Any

from tests.simulation.world import World

READ_SECONDS = (0.0002, 0.004)
SLOW_READ_SECONDS = (0.05, 0.4)


class Handle:
    """What is to be called, and can be called off: `asyncio.Handle` without what nobody needs here, for speed."""

    __slots__ = ("args", "callback", "context")

    def __init__(
        self, callback: Callable[..., object] | None, args: tuple[Any, ...], context: contextvars.Context
    ) -> None:
        self.callback = callback
        self.args = args
        self.context = context

    def cancel(self) -> None:
        """It will not be called; if it is a timer, that stays where it is, and does not ring."""
        self.callback = None


class ProcessLoop(asyncio.AbstractEventLoop):
    """What asyncio needs of a loop, and no more: no sockets, no threads, no child processes."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.is_dead = False
        self.is_stopped = False
        self.is_frozen = False
        self.fuse: int | None = None
        """After so many callbacks more the process dies, by `burnt`."""
        self.burnt: Callable[[], None] = lambda: None
        self.tasks: list[asyncio.Task[Any]] = []
        self._ready: deque[Handle] = deque()
        self._held_up: list[Callable[[], object]] = []
        self.get_debug = bool  # no; asyncio asks it for each future

    def turn(self) -> None:
        """Runs what is ready, and what that makes ready."""
        if self.is_stopped or self.is_dead:
            return
        ready = self._ready
        _set_running_loop(self)
        try:
            while ready and not self.is_dead:
                handle = ready.popleft()
                if handle.callback is not None:
                    try:
                        handle.context.run(handle.callback, *handle.args)
                    except Exception as fault:
                        self.call_exception_handler({"message": "a callback failed", "exception": fault})
                if self.fuse is not None:
                    self.fuse -= 1
                    if self.fuse < 0:
                        self.burnt()
        finally:
            _set_running_loop(None)

    def kill(self) -> None:
        """Nothing runs here any more."""
        self.is_dead = True
        self._ready.clear()

    def stop_for(self, seconds: float, is_frozen: bool) -> None:
        """The loop is busy, or all of the process is frozen: what should happen meanwhile happens afterwards."""
        self.is_stopped, self.is_frozen = True, is_frozen
        self.world.after(seconds, self._go_on)

    def beside(self, act: Callable[[], object]) -> None:
        """Does what a thread of the process does: now, or once that can go on; never if it was killed."""
        if self.is_frozen:
            self._held_up.append(act)
        elif not self.is_dead:
            act()

    def _go_on(self) -> None:
        self.is_stopped = self.is_frozen = False
        held_up, self._held_up = self._held_up, []
        for act in held_up:
            self.beside(act)
        if self._ready:
            self.world.awake.append(self)

    def time(self) -> float:
        """Seconds on the clock that never goes back."""
        return self.world.now

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Handle:
        """See asyncio."""
        handle = Handle(callback, args, context or contextvars.copy_context())
        if not self.is_dead:
            self._is_ready(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Handle:
        """See asyncio."""
        return self.call_at(self.world.now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> Handle:
        """See asyncio."""
        timer = Handle(callback, args, context or contextvars.copy_context())

        self.world.at(when, partial(self._ring, timer))
        return timer

    def _ring(self, timer: Handle) -> None:
        if not self.is_dead and timer.callback is not None:
            self._is_ready(timer)

    def _is_ready(self, handle: Handle) -> None:
        if not self._ready and not self.is_stopped:
            self.world.awake.append(self)
        self._ready.append(handle)

    def create_future(self) -> asyncio.Future[Any]:
        """See asyncio."""
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[Any]:
        """See asyncio; it is kept, so that nothing of a killed process is ended by the collector."""
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        if not self.is_dead:
            self.tasks.append(task)
        return task

    def run_in_executor(self, executor: Executor | None, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Runs it somewhere on the way to and fro, which takes as long as it does."""
        future = self.create_future()
        chance = self.world.chance
        luck = chance.random()
        there = chance.uniform(*(SLOW_READ_SECONDS if luck < 0.01 else READ_SECONDS))

        def run() -> None:
            try:
                result, fault = func(*args), None
            except Exception as raised:
                result, fault = None, raised
            if luck < 0.8:
                _resolve(future, result, fault)
            else:  # what was read is not new any more when it arrives
                self.world.after(there, lambda: _resolve(future, result, fault))

        self.world.after(there, partial(self.beside, run))
        return future

    def pause(self, seconds: float) -> asyncio.Future[Any]:
        """What ends after so much time: `asyncio.sleep` in fewer steps."""
        future = self.create_future()
        self.world.at(self.world.now + seconds, partial(_wake, future))
        return future

    def run(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begins something, from outside of the loop."""
        return self.create_task(work)

    def is_running(self) -> bool:
        """Whether anything runs here."""
        return not self.is_dead

    def is_closed(self) -> bool:
        """The same."""
        return self.is_dead

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """A fault that nobody waited for is a broken promise."""
        if not self.is_dead:
            self.world.fail(f"{self.name}: {context.get('message')}: {context.get('exception')!r}")


def _wake(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_result(None)


def _resolve(future: asyncio.Future[Any], result: object, fault: BaseException | None) -> None:
    if future.done():
        return
    if fault is not None:
        future.set_exception(fault)
    else:
        future.set_result(result)
