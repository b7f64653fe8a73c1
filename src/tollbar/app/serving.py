"""Serves the product: as a program of its own, or as an application under a server that somebody else runs."""

import asyncio
import gc
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress

from tollbar import logs
from tollbar.app.banner import banner
from tollbar.app.known import known_names
from tollbar.app.wiring import Running, running
from tollbar.clock import SystemClock
from tollbar.edge.line import Receive, Send
from tollbar.edge.middleware import Scope
from tollbar.edge.server import Drain, server
from tollbar.logs import Sink
from tollbar.settings import Settings, load, read_environment

COLLECT_AFTER = 50_000
"""New containers, less those freed, before the collector looks at the young ones; Python's default is 700."""


class Application:
    """The product as an ASGI application, started and stopped by the lifespan protocol.

    `running` is what runs between the two; `fault` is what kept it from starting.
    """

    def __init__(self, settings: Settings, log: Sink) -> None:
        self._settings = settings
        self._log = log
        self.running: Running | None = None
        self.fault: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection event."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self.running is not None:
            await self.running.application(scope, receive, send)

    def drain(self) -> None:
        """The server was asked to stop."""
        if self.running is not None:
            self.running.drain()

    def expire(self) -> None:
        """Calls in flight have had their time."""
        if self.running is not None:
            self.running.expire()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with AsyncExitStack() as stack:
            try:
                made = running(self._settings, self._log, makes_starter_key=self._settings.server.is_loopback)
                self.running = await stack.enter_async_context(made)
            except Exception as fault:
                self.fault = fault
                await send({"type": "lifespan.startup.failed", "message": str(fault)})
                raise
            await send({"type": "lifespan.startup.complete"})
            with suppress(asyncio.CancelledError):  # a forced stop: what is open is closed all the same
                await receive()
        await send({"type": "lifespan.shutdown.complete"})


def create() -> Application:
    """The application of the settings in the environment, for `uvicorn --factory tollbar.app:create`."""
    settings = load(read_environment(), {}, known_names())
    log = _log(settings)
    for warning in settings.warnings:
        log.emit({"event": "settings.warning", "text": warning}, "warning")
    return Application(settings, log)


def serve(settings: Settings, tell: Callable[[str], None]) -> None:
    """Serves until a signal ends it; raises what keeps it from starting. `tell` is told where, and the keys made."""
    application = Application(settings, _log(settings))
    drain = Drain(
        application.drain, application.expire, settings.server.drain_delay_seconds, settings.server.drain_seconds
    )

    def listening(host: str, port: int) -> None:
        _settle()
        if application.running is not None:
            tell(banner(_url(host, port), application.running))

    server(application, settings.server.host, settings.server.port, drain, listening=listening).run()
    if application.fault is not None:
        raise application.fault


def _settle() -> None:
    """Tunes the interpreter for what follows a start: many small calls, which leave next to no cycles behind.

    The collector is kept off what the start has made, and runs seldom: with Python's own thresholds it takes a third of
    a busy server's time, walking objects that are all in use.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 50)
    # A loop keeps a weak set of every running async generator, to close them when it stops; each call would enter and
    # leave it several times, and none of ours outlives its call.
    sys.set_asyncgen_hooks(firstiter=None)


def _log(settings: Settings) -> Sink:
    return logs.configure(SystemClock().now, "debug" if settings.debug else "info")


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
