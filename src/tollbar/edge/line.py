"""The way back to one caller: the status goes out once, and what is said after it is in-band.

A departure notices when the caller leaves, and cancels the work. It also says a word to one who has waited long for a
stream.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from types import TracebackType

Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class Line:
    """Sends one answer."""

    def __init__(self, send: Send, status: int = 0) -> None:
        self._send = send
        self._is_sending = False
        self.status = status
        self.has_started = status != 0
        """Whether the caller has been told a status."""

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
        self.status, self.has_started = status, True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def say(self, data: bytes) -> None:
        """One piece of the body."""
        self._is_sending = True
        try:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        finally:
            self._is_sending = False

    async def last(self, data: bytes) -> None:
        """The last piece of the body, and its end."""
        await self.say(data)
        await self.end()

    async def end(self) -> None:
        """The end of a body that was sent in pieces."""
        await self._send({"type": "http.response.body", "body": b""})


class Presence:
    """Whether a caller is still there, kept by our server for each connection."""

    __slots__ = ("_is_over", "_watchers")

    def __init__(self) -> None:
        self._watchers: set[Callable[[], None]] = set()
        self._is_over = False

    def watch(self, on_leave: Callable[[], None]) -> None:
        """Has `on_leave` called when the caller leaves; at once, if it has left."""
        if self._is_over:
            on_leave()
        else:
            self._watchers.add(on_leave)

    def forget(self, on_leave: Callable[[], None]) -> None:
        """Does not call it any more."""
        self._watchers.discard(on_leave)

    def end(self) -> None:
        """The caller has left."""
        self._is_over = True
        watchers, self._watchers = self._watchers, set()
        for on_leave in watchers:
            on_leave()


class Departure:
    """Cancels the work of its block when the caller leaves, and swallows just that cancellation.

    `watch` or `reassure` begins to listen once the body has been read. Our own server has a `presence`
    to ask; of another one it is known only to who waits on `receive`, so then a task does.
    """

    def __init__(self, receive: Receive, presence: Presence | None = None) -> None:
        self._receive = receive
        self._presence = presence
        self._task = asyncio.current_task()
        self._watcher: asyncio.Task[None] | None = None
        self._speaker: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_watching = False
        self.has_left = False

    def __enter__(self) -> "Departure":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.stop()
        if not self.has_left or self._task is None:
            return False
        self._task.uncancel()
        return kind is not None and issubclass(kind, asyncio.CancelledError)

    def watch(self) -> None:
        """Begins to listen for the caller's leaving."""
        self._is_watching = True
        if self._presence is None:
            self._watcher = asyncio.create_task(self._listen())
        else:
            self._presence.watch(self.left)

    def reassure(self, on_silence: Callable[[], Coroutine[None, None, None]], seconds: float) -> None:
        """Listens, too, and runs `on_silence` each time so many seconds have gone by."""
        self.watch()
        self._arm(on_silence, seconds)

    def stop(self) -> None:
        """Listens no more: the answer is whole, and a caller who has it may leave."""
        if not self._is_watching:
            return
        self._is_watching = False
        if self._presence is not None:
            self._presence.forget(self.left)
        for running in (self._watcher, self._speaker, self._timer):
            if running is not None:
                running.cancel()
        self._watcher = self._speaker = self._timer = None

    def left(self) -> None:
        """The caller was seen leaving: the work is cancelled."""
        self.has_left = True
        if self._task is not None:
            self._task.cancel()

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left()

    def _arm(self, on_silence: Callable[[], Coroutine[None, None, None]], seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._speak, on_silence, seconds)

    def _speak(self, on_silence: Callable[[], Coroutine[None, None, None]], seconds: float) -> None:
        self._speaker = asyncio.create_task(on_silence())
        self._arm(on_silence, seconds)
