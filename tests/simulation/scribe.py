"""What writes to the store beside a process's loop, in the simulation's time: each write is one step of it.

Only one whose commit loses its answer stands still in the middle, until its process reaches the store again.
"""

from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from tests.simulation.loop import ProcessLoop
from tests.simulation.standstill import Standstill
from tests.simulation.store import WritingConnection
from tollbar.storage.postgres import ASK_AGAIN_SECONDS

W = TypeVar("W")
WRITE_SECONDS = (0.0003, 0.006)
SLOW_WRITE_SECONDS = (0.1, 1.5)


class SimulatedScribe(Generic[W]):
    """`storage.scribe.Scribe` in the simulation's time; what it has not done when its process dies is never done."""

    def __init__(self, loop: ProcessLoop, connection: WritingConnection) -> None:
        self._loop = loop
        self._connection = connection
        self._is_dismissed = False
        self._open = 0
        self._standing: Standstill | None = None

    def start(self, write: Callable[[W], None], done: Callable[[W], None]) -> None:
        """See `Scribe`."""
        self._write = write
        self._done = done

    def hand(self, work: W) -> None:
        """See `Scribe`."""
        self._open += 1
        chance = self._loop.world.chance
        seconds = SLOW_WRITE_SECONDS if chance.random() < 0.02 else WRITE_SECONDS
        self._loop.world.after(chance.uniform(*seconds), lambda: self._loop.beside(lambda: self._carry(work)))

    def dismiss(self) -> None:
        """See `Scribe`."""
        self._is_dismissed = True

    async def ended(self) -> None:
        """See `Scribe`."""
        while self._open:
            await _moment(self._loop)

    def end(self) -> None:
        """The process is over: nothing that it has not done by now is done."""
        if self._standing is not None:
            self._standing.end()

    def _carry(self, work: W) -> None:
        if self._connection.loss is None:
            self._write(work)
            self._is_written(work)
        else:
            self._standing = Standstill(partial(self._write, work))
            self._connection.wait = self._standing.wait
            self._go_on(work, self._standing)

    def _go_on(self, work: W, standing: Standstill) -> None:
        if not self._connection.is_away and standing.go_on():
            self._standing = None
            self._is_written(work)
        else:
            again = partial(self._go_on, work, standing)
            self._loop.world.after(ASK_AGAIN_SECONDS, partial(self._loop.beside, again))

    def _is_written(self, work: W) -> None:
        back = self._loop.world.chance.uniform(*WRITE_SECONDS) / 4
        self._loop.world.after(back, lambda: self._loop.call_soon(self._finish, work))

    def _finish(self, work: W) -> None:
        self._open -= 1
        self._done(work)


async def _moment(loop: ProcessLoop) -> None:
    future = loop.create_future()
    loop.call_later(0.001, future.set_result, None)
    await future
