"""The server around the application, and how it stops.

At the first signal readiness ends and every answer asks its caller to come back on another connection. After a delay
in which load balancers take note, the listener closes; calls in flight then have their time to finish; at its end the
application is told, so that streams end with a word instead of a cut. Nothing here knows what the application serves.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from tollbar.edge.protocol import Connection, ServingState
from tollbar.edge.refusal import ConnectionLimits

LAST_WORDS_SECONDS = 5.0
"""What calls get to end by themselves after `Drain.expired`; then their tasks are cancelled."""


@dataclass(frozen=True, slots=True)
class Drain:
    """How a stop goes: `began` is called at the first signal, `expired` when calls in flight have had their time.

    `delay_seconds` runs from the signal until the listener closes, but not after Ctrl+C; `limit_seconds` from there on.
    """

    began: Callable[[], None]
    expired: Callable[[], None]
    delay_seconds: float = 0.0
    limit_seconds: float = 30.0


class Server(uvicorn.Server):
    """uvicorn's server with a drain, and a sweep over its connections once a second."""

    def __init__(
        self, config: uvicorn.Config, drain: Drain, limits: ConnectionLimits, listening: Callable[[str, int], None]
    ) -> None:
        super().__init__(config)
        self._listening = listening
        self._serving = ServingState(limits)
        self.server_state: ServerState = self._serving
        self._drain = drain
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next_sweep: asyncio.TimerHandle | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that are listened on, once started; with port 0, the one that was given."""
        host, port, *_ = self.servers[0].sockets[0].getsockname()
        return host, port

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins the drain; a Ctrl+C cuts its delay short, and a second one ends everything at once.

        Unlike uvicorn's, a drained server returns from `run` instead of dying of the signal again.
        """
        if self._loop is None:
            self.should_exit = True
        elif sig == signal.SIGINT:
            if self.should_exit:
                self.force_exit = True
                # What is cut short by us must not be taken for a caller's leaving, which is charged.
                self._loop.call_soon_threadsafe(self._drain.expired)
            self.should_exit = True  # at once: the next Ctrl+C is the second, however busy the loop is
            self._loop.call_soon_threadsafe(self._begin_drain, 0.0)
        else:
            self._loop.call_soon_threadsafe(self._begin_drain, self._drain.delay_seconds)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts the application and listens."""
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            self._sweep()
            self._listening(*self.address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Closes the listener, lets calls in flight finish, and stops the application."""
        loop = asyncio.get_running_loop()
        self._begin_drain(0.0)
        expiry = loop.call_later(self._drain.limit_seconds, self._drain.expired)
        try:
            await super().shutdown(sockets)
            if self.force_exit and self._serving.tasks:
                # They were told to end. Without them the store would be closed under what they still have to settle.
                await asyncio.wait(self._serving.tasks, timeout=LAST_WORDS_SECONDS)
        finally:
            expiry.cancel()
            if self._next_sweep is not None:
                self._next_sweep.cancel()

    def _begin_drain(self, delay_seconds: float) -> None:
        if delay_seconds == 0.0:
            self.should_exit = True
        if self._serving.is_draining:
            return
        self._serving.is_draining = True
        for connection in self._connections():
            connection.drain()
        self._drain.began()
        if delay_seconds and self._loop is not None:
            self._loop.call_later(delay_seconds, self._stop)

    def _stop(self) -> None:
        self.should_exit = True

    def _connections(self) -> list[Connection]:
        return [connection for connection in self._serving.connections if isinstance(connection, Connection)]

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in self._connections():
            connection.sweep(now)
        self._next_sweep = loop.call_later(self._serving.limits.sweep_seconds, self._sweep)


def server(
    app: Callable[..., Any],
    host: str,
    port: int,
    drain: Drain,
    limits: ConnectionLimits | None = None,
    listening: Callable[[str, int], None] = lambda host, port: None,
) -> Server:
    """A server for `app`, ready to `run()`; uvloop is used where it is installed, port 0 takes any that is free.

    `listening` is told the host and port once connections are taken.
    """
    limits = limits or ConnectionLimits()
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Connection,
        ws="none",
        lifespan="on",
        interface="asgi3",
        workers=1,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whom to believe about a caller's address is decided by the application's settings
    )
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    # uvicorn's annotation asks for whole seconds; `wait_for`, which gets it, does not.
    config.timeout_graceful_shutdown = drain.limit_seconds + LAST_WORDS_SECONDS  # type: ignore[assignment]
    return Server(config, drain, limits, listening)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a line of uvicorn's tells something: an answer broken off on purpose has a line of its own."""
    return record.getMessage() != "ASGI callable returned without completing response."
