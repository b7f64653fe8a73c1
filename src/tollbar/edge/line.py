"""The way back to one caller: the status goes out once, and what is said after it is in-band.

A line also notices when its caller leaves: ASGI tells of that only to those who wait on `receive`, so a watcher does,
beside the work, and cancels it. The same watcher says a word to a caller who has waited long for a stream.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from types import TracebackType

Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class Line:
    """Sends one answer; `has_started` says whether its status went out."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_sending = False
        self.status = 0

    @property
    def has_started(self) -> bool:
        """Whether the caller has been told a status."""
        return self.status != 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being sent at this moment."""
        return not self._is_sending

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """A complete answer."""
        headers.append((b"content-length", str(len(body)).encode()))
        await self.start(status, headers)
        await self._send({"type": "http.response.body", "body": body})

    async def start(self, status: int, headers: Headers) -> None:
        """The status and headers of an answer whose body follows in pieces."""
        self.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def say(self, data: bytes) -> None:
        """One piece of the body."""
        self._is_sending = True
        try:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        finally:
            self._is_sending = False

    async def end(self) -> None:
        """The end of a body that was sent in pieces."""
        await self._send({"type": "http.response.body", "body": b""})


class Departure:
    """Cancels the work of its block when the caller leaves, and swallows just that cancellation.

    `watch` or `reassure` begins to listen once the body has been read.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._task = asyncio.current_task()
        self._watcher: asyncio.Task[None] | None = None
        self.has_left = False

    async def __aenter__(self) -> "Departure":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.stop()
        if not self.has_left or self._task is None:
            return False
        self._task.uncancel()
        return kind is not None and issubclass(kind, asyncio.CancelledError)

    def watch(self) -> None:
        """Begins to listen for the caller's leaving."""
        self._watcher = asyncio.create_task(self._listen())

    def reassure(self, on_silence: Callable[[], Awaitable[None]], seconds: float) -> None:
        """Listens, too, and calls `on_silence` each time so many seconds have gone by."""
        self._watcher = asyncio.create_task(self._listen_and_speak(on_silence, seconds))

    def stop(self) -> None:
        """Listens no more: the answer is whole, and a caller who has it may leave."""
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    def left(self) -> None:
        """The caller was seen leaving: the work is cancelled."""
        self.has_left = True
        if self._task is not None:
            self._task.cancel()

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left()

    async def _listen_and_speak(self, on_silence: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            try:
                async with asyncio.timeout(seconds):
                    return await self._listen()
            except TimeoutError:
                await on_silence()
