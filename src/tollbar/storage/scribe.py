"""Who carries what a journal wrote down to where it is written, one piece of work after the other.

The event loop hands work over and goes on; each piece comes back to it when it is done, in the same order.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, Protocol, TypeVar

W = TypeVar("W")


class Scribe(Protocol[W]):
    """Does one piece of work after the other, beside the event loop."""

    def start(self, write: Callable[[W], None], done: Callable[[W], None]) -> None:
        """Begins; `write` is called for each piece, away from the event loop, and then `done` on it."""
        ...

    def hand(self, work: W) -> None:
        """Takes a piece of work; never waits."""
        ...

    def dismiss(self) -> None:
        """Takes no more after what it was handed."""
        ...

    async def ended(self) -> None:
        """Returns when the last piece that it was handed is written."""
        ...


class ThreadScribe(Generic[W]):
    """A thread of its own; it ends when the event loop is closed."""

    def __init__(self, name: str) -> None:
        self._inbox: SimpleQueue[W | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self, write: Callable[[W], None], done: Callable[[W], None]) -> None:
        """See `Scribe`; `done` belongs to the event loop that this is called on."""
        self._write = write
        self._done = done
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def hand(self, work: W) -> None:
        """See `Scribe`."""
        self._inbox.put(work)

    def dismiss(self) -> None:
        """See `Scribe`."""
        self._inbox.put(None)

    async def ended(self) -> None:
        """See `Scribe`."""
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while (work := self._inbox.get()) is not None:
            self._write(work)
            try:
                self._loop.call_soon_threadsafe(self._done, work)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more
