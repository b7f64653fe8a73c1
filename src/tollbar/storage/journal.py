"""The one place of a process that writes to the database: a thread with the only writing connection.

What the event loop hands over while the thread is at work becomes the next batch, committed as one transaction; an idle
thread is woken at once. Operations are written lane by lane, in the order of the lanes. When a batch fails, each of its
operations is tried again in a transaction of its own, so that one that cannot be written spoils no other. An operation
is told that it is done only after its commit; none is lost, none written twice.
It never blocks the event loop and never gives up: after a full disk the next batch is tried as ever.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from tollbar.domain.errors import Overloaded
from tollbar.storage.ending import Ending
from tollbar.storage.engine import Connection, overloaded, transaction
from tollbar.storage.scribe import Scribe, ThreadScribe

T = TypeVar("T")
CLOSED = "The store is closed."
STUCK = "The store cannot be reached at the moment."
LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class Operation(Protocol):
    """One write of a lane. `fault` is why it was not written; it is set by the thread before `finish`."""

    fault: Exception | None

    def finish(self) -> None:
        """Called on the event loop when the operation is durable, or has failed with `fault`."""
        ...


Lane = Callable[[Connection, Sequence[Any]], None]
"""Writes the operations of one lane inside a transaction; what it raises undoes the transaction."""


class Work:
    """A function that runs in a transaction of its own."""

    def __init__(self, function: Callable[[Connection], object], future: asyncio.Future[object]) -> None:
        self.function = function
        self.future = future
        self.result: object = None
        self.fault: Exception | None = None

    def doubted(self, fault: Exception) -> None:
        """Tells who waits for it that nobody knows."""
        if not self.future.done():
            self.future.set_exception(fault)

    def finish(self) -> None:
        """Hands the result to who waits for it."""
        if self.future.done():
            return
        if self.fault is not None:
            self.future.set_exception(self.fault)
        else:
            self.future.set_result(self.result)


class Batch:
    """What the thread gets at once: operations by lane, then functions, then the wish to know that they are done."""

    def __init__(self, lanes: int) -> None:
        self.lanes: tuple[list[Operation], ...] = tuple([] for _ in range(lanes))
        self.works: list[Work] = []
        self.is_empty = True

    def all(self) -> Iterator[Operation]:
        """The operations, in the order in which they are told of their end."""
        for operations in (*self.lanes, self.works):
            yield from operations


class Journal:
    """See the module. Every method belongs to the event loop that `start` was called on."""

    def __init__(self, connection: Connection, lanes: Sequence[Lane], scribe: Scribe[Batch] | None = None) -> None:
        self._connection = connection
        self._lanes = lanes
        self._next = Batch(len(lanes))
        self._under_way: Batch | None = None
        self._is_stuck = False
        self._refusal = ""
        self._scribe: Scribe[Batch] = scribe or ThreadScribe("journal")

    def start(self) -> None:
        """Starts the thread."""
        self._loop = asyncio.get_running_loop()
        self._scribe.start(self._write, self._done)

    def submit(self, lane: int, operation: Operation) -> None:
        """Queues an operation; its `finish` tells the end. Raises Overloaded after `close`."""
        self._open_batch().lanes[lane].append(operation)

    def check(self) -> None:
        """Raises Overloaded where it would take nothing now."""
        if self._refusal:
            raise Overloaded(self._refusal, hint="Try again shortly.")

    async def run(self, function: Callable[[Connection], T]) -> T:
        """The result of a function that was run in a transaction of its own, committed.

        Raises what the function raised, and Overloaded when the database cannot be written.
        """
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._open_batch().works.append(Work(function, future))
        return await future  # type: ignore[return-value]

    def refuse(self, is_stuck: bool) -> None:
        """Takes nothing more while the database does not tell what became of a commit; called by the thread.

        Whoever waits to begin something is told so now: an outage may last.
        """
        with suppress(RuntimeError):  # the loop is closed: nobody asks any more
            self._loop.call_soon_threadsafe(self._set_refusal, STUCK if is_stuck else "")

    async def flush(self) -> None:
        """Returns when everything that was submitted before is committed or has failed."""
        await self.run(_nothing)

    async def close(self) -> None:
        """Writes what is queued, then ends the thread and closes the connection."""
        if self._refusal == CLOSED:
            return
        with suppress(Overloaded):  # what waits for an answer of the database now waits for it in vain
            await self.flush()
        self._refusal = CLOSED
        self._scribe.dismiss()
        if not self._is_stuck:
            await self._scribe.ended()
            await asyncio.to_thread(self._connection.close)

    def _open_batch(self) -> Batch:
        self.check()
        batch = self._next
        if self._under_way is None and batch.is_empty:
            self._loop.call_soon(self._send, batch)  # whatever else this turn of the loop brings goes along
        batch.is_empty = False
        return batch

    def _set_refusal(self, refusal: str) -> None:
        self._is_stuck = bool(refusal)
        if self._refusal != CLOSED:
            self._refusal = refusal
        if refusal:
            fault = Overloaded(refusal, hint="Try again shortly.")
            for batch in filter(None, (self._under_way, self._next)):
                for operation in batch.all():
                    if isinstance(operation, Ending | Work):  # somebody may wait for it
                        operation.doubted(fault)

    def _send(self, batch: Batch) -> None:
        if batch is not self._next:
            return  # it has been sent before its time
        self._next = Batch(len(self._lanes))
        self._under_way = batch
        self._scribe.hand(batch)

    def _done(self, batch: Batch) -> None:
        self._under_way = None
        if not self._next.is_empty:
            self._send(self._next)
        for operation in batch.all():
            operation.finish()

    def _write(self, batch: Batch) -> None:
        if any(batch.lanes):
            fault = self._attempt(self._write_lanes, batch.lanes)
            if fault is not None:
                self._write_one_by_one(batch.lanes, fault)
        for work in batch.works:
            if work.function is not _nothing:
                fault = self._attempt(self._write_work, work)
                work.fault = overloaded(fault) if isinstance(fault, sqlite3.Error) else fault

    def _write_lanes(self, lanes: Sequence[Sequence[Operation]]) -> None:
        with transaction(self._connection) as connection:
            for write, operations in zip(self._lanes, lanes, strict=True):
                if operations:
                    write(connection, operations)

    def _write_one_by_one(self, lanes: Sequence[Sequence[Operation]], fault: Exception | None) -> None:
        for place, operations in enumerate(lanes):
            for operation in operations:
                # Whoever has locked the database made the batch wait long enough: not once more for each.
                if fault is None or not _is_locked(fault):
                    alone = [[operation] if other == place else [] for other in range(len(lanes))]
                    fault = self._attempt(self._write_lanes, alone)
                operation.fault = None if fault is None else overloaded(fault)

    def _write_work(self, work: Work) -> None:
        with transaction(self._connection) as connection:
            work.result = work.function(connection)

    def _attempt(self, write: Callable[[T], None], what: T) -> Exception | None:
        try:
            write(what)
        except Exception as fault:  # the thread must outlive whatever an operation brings; who waits is told
            return fault
        return None


def _is_locked(fault: Exception) -> bool:
    return isinstance(fault, sqlite3.OperationalError) and fault.sqlite_errorcode in LOCKED


def _nothing(_: Connection) -> None:
    """What `flush` waits for."""
