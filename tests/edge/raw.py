"""A server on a free port, an application that shows what reached it, and callers that write bytes as they like."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import uvloop

from tollbar.edge.refusal import ConnectionLimits
from tollbar.edge.server import Drain, Server, server

HEAD_END = b"\r\n\r\n"
QUICK = ConnectionLimits(head_seconds=0.25, body_seconds=0.25, linger_seconds=0.2, sweep_seconds=0.02)
FLEETING = ConnectionLimits(head_seconds=0.25, idle_seconds=0.25, sweep_seconds=0.02)


@dataclass
class Application:
    """Answers every request with its body and remembers it.

    `/wait` answers when `release` is set; `/early` answers before it reads, `/half` sends half an answer before it
    does. `left` counts callers that left before their request was whole. Other threads may watch.
    """

    seen: list[tuple[str, str, bytes]] = field(default_factory=list)
    headers: list[list[tuple[bytes, bytes]]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    left: int = 0

    def forget(self) -> None:
        """Begins anew, for another test."""
        self.seen.clear()
        self.headers.clear()
        self.release.clear()
        self.left = 0

    async def __call__(self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[..., Any]) -> None:
        """Serves one connection event."""
        if scope["type"] == "lifespan":
            for state in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{state}.complete"})
            return
        if scope["path"] == "/early":
            await answer(send, b"early")
            return
        if scope["path"] == "/half":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
            await send({"type": "http.response.body", "body": b"half:", "more_body": True})
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left += 1
                return
            body += message["body"]
            more = message["more_body"]
        self.seen.append((scope["method"], scope["path"], body))
        self.headers.append(scope["headers"])
        if scope["path"] == "/wait":
            await asyncio.to_thread(self.release.wait, 60)
        await answer(send, body)


async def answer(send: Callable[..., Any], body: bytes) -> None:
    """A plain answer with a length."""
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def serving(
    application: Application,
    limits: ConnectionLimits | None = None,
    drain: Drain | None = None,
    uses_uvloop: bool = True,
) -> Iterator[Server]:
    """The application behind a server that runs in a thread of its own, and is stopped at the end."""
    running = server(application, "127.0.0.1", 0, drain or Drain(lambda: None, lambda: None), limits)
    thread = threading.Thread(target=serve, args=(running, uses_uvloop))
    thread.start()
    while not running.started:
        time.sleep(0.005)
    try:
        yield running
    finally:
        running.should_exit = True
        thread.join()


def serve(running: Server, uses_uvloop: bool) -> None:
    """Runs a server on the event loop of choice until it stops."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if uses_uvloop else None) as runner:
        runner.run(running.serve())


@dataclass
class Caller:
    """One connection, byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Writes, and lets the server read before more is written."""
        self.writer.write(data)
        await self.writer.drain()
        await asyncio.sleep(0.02)

    async def response(self) -> "Response":
        """The next answer; its length must be told."""
        async with asyncio.timeout(60):
            head = await self.reader.readuntil(HEAD_END)
            response = Response.parse(head)
            response.body = await self.reader.readexactly(int(response.headers["content-length"]))
        return response

    async def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        async with asyncio.timeout(60):
            return await self.reader.read()


@dataclass
class Response:
    """An answer taken apart."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> "Response":
        """Reads the head, and takes what follows it for the body."""
        head, _, body = data.partition(HEAD_END)
        status_line, *lines = head.decode().split("\r\n")
        pairs = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        return cls(int(status_line.split(" ")[1]), dict(pairs), body)

    @property
    def error(self) -> dict[str, Any]:
        """The unified error in the body."""
        return json.loads(self.body)["error"]


@asynccontextmanager
async def calling(running: Server) -> AsyncIterator[Caller]:
    """A connection to the server."""
    reader, writer = await asyncio.open_connection(*running.address)
    try:
        yield Caller(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def exchange(running: Server, data: bytes) -> bytes:
    """All that comes back for some bytes, up to the end of the connection."""
    async with calling(running) as caller:
        await caller.send(data)
        return await caller.rest()


async def until(holds: Callable[[], bool]) -> None:
    """Waits for something to become true; fails after a minute."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in another thread
            await asyncio.sleep(0.005)
