"""A request's body on its way through a file, for those too large to be held in memory.

It is read to its end before anything is sent on: the provider is told its length, and a body that is too large, or that
breaks off, never reaches it.
"""

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tollbar.edge.line import Receive
from tollbar.edge.receiving import CallerLeft, too_large

WRITTEN_AT_ONCE = 1024 * 1024


class Spooled(io.BufferedReader):
    """A body in a file without a name. Whoever sends it may close it; only `discard` does."""

    def close(self) -> None:
        """Does nothing: the body may have to be sent again."""

    def discard(self) -> None:
        """Lets go of the file, and with it of its bytes."""
        super().close()


@asynccontextmanager
async def spooled(
    headers: Sequence[tuple[bytes, bytes]], receive: Receive, limit_bytes: int, setting: str
) -> AsyncIterator[Spooled]:
    """The whole body, for as long as the block lasts; raises PayloadTooLarge, CallerLeft."""
    length = dict(headers).get(b"content-length", b"")
    if length.isdigit() and int(length) > limit_bytes:
        raise too_large(limit_bytes, setting)
    raw = await asyncio.to_thread(tempfile.TemporaryFile, "w+b", 0)
    body = Spooled(raw)  # type: ignore[arg-type]
    try:
        size, waiting, more = 0, bytearray(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise CallerLeft
            waiting += bytes(message.get("body", b""))  # type: ignore[arg-type]
            more = bool(message.get("more_body"))
            if size + len(waiting) > limit_bytes:
                raise too_large(limit_bytes, setting)
            if len(waiting) >= WRITTEN_AT_ONCE or not more:
                size += len(waiting)
                await asyncio.to_thread(raw.write, bytes(waiting))
                waiting.clear()
        yield body
    finally:
        body.discard()
