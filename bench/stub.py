"""A provider's stand-in of canned bytes, hand-written on the event loop; run as `python -m bench.stub PORT`.

`/plain/…` answers with a document, `/stream/…` with 64 events at once, `/paced/…` with one event every 20 to 50 ms,
each telling when it was sent. It reads requests as far as the load generator and gateways send them, and no further.
"""

import asyncio
import random
import sys
import time
from collections.abc import Callable

from bench.answers import STREAM_CHUNKS, document, stream, stream_end, timed_chunk

PACE_SECONDS = (0.020, 0.050)


class Stub(asyncio.Protocol):
    """One connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._pace = random.Random(0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins."""
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends, whatever was still to be sent."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Answers each request that is whole."""
        self._received += data
        while (head_end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:head_end].lower()
            end = head_end + 4 + length_of(head)
            if len(self._received) < end:
                return
            self._received = self._received[end:]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        if self._transport is None:
            return
        if b" /paced/" in head:
            self._transport.write(PACED_HEAD)
            self._loop.call_later(self._pace.uniform(*PACE_SECONDS), self._next_chunk, STREAM_CHUNKS)
        else:
            self._transport.write(STREAM if b" /stream/" in head else PLAIN)

    def _next_chunk(self, left: int) -> None:
        if self._transport is None:
            return
        if left == 0:
            self._transport.write(framed(stream_end()) + b"0\r\n\r\n")
            return
        self._transport.write(framed(timed_chunk(time.monotonic_ns())))
        self._loop.call_later(self._pace.uniform(*PACE_SECONDS), self._next_chunk, left - 1)


def length_of(head: bytes) -> int:
    """The Content-Length of a head in lower case; 0 without one."""
    _, found, rest = head.partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


def framed(data: bytes) -> bytes:
    """Data as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def _whole(content_type: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (content_type, len(body), body)


PLAIN = _whole(b"application/json", document())
STREAM = _whole(b"text/event-stream", stream())
PACED_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


async def serve(port: int) -> None:
    """Serves until it is killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Stub(loop), "127.0.0.1", port, backlog=2_048)
    await server.serve_forever()


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loop where it is installed; None for asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(int(sys.argv[1])))
