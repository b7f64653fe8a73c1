"""Reads from the database without blocking the event loop: a few threads, each with a connection of its own.

In WAL mode a read sees the last commit and waits for no writer. Raises `Overloaded` when the database cannot be read.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from tollbar.storage.engine import Connection, overloaded

T = TypeVar("T")
THREADS = 2


class Readable(Protocol):
    """A database that can be read."""

    def reader(self) -> Connection:
        """Another connection to it, which can only read."""
        ...


class Reader:
    """Runs functions on connections that can only read."""

    def __init__(self, database: Readable) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="reader")
        self._local = threading.local()
        self._connections: list[Connection] = []

    async def run(self, function: Callable[[Connection], T]) -> T:
        """The function's result; raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, function)

    async def close(self) -> None:
        """Ends the threads and closes their connections."""
        await asyncio.to_thread(self._threads.shutdown)
        for connection in self._connections:
            await asyncio.to_thread(connection.close)

    def _read(self, function: Callable[[Connection], T]) -> T:
        try:
            return function(self._connection())
        except sqlite3.Error as fault:
            raise overloaded(fault) from fault

    def _connection(self) -> Connection:
        if not hasattr(self._local, "connection"):
            self._local.connection = self._database.reader()
            self._connections.append(self._local.connection)
        return self._local.connection
