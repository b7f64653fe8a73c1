"""Serves the product: as a program of its own, or as an application under a server that somebody else runs."""

import asyncio
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, closing, contextmanager, suppress

from tollbar import logs
from tollbar.app.banner import banner, made_keys, own_command
from tollbar.app.known import known_names
from tollbar.app.stores import postgres_address
from tollbar.app.wiring import Running, running
from tollbar.app.workers import Post, Worker, cannot_listen, supervise
from tollbar.clock import SystemClock
from tollbar.edge.line import Receive, Send
from tollbar.edge.middleware import Scope
from tollbar.edge.server import Drain, server
from tollbar.logfile import LogFile
from tollbar.logs import Sink
from tollbar.settings import Settings, load, read_environment


class Application:
    """The product as an ASGI application, started and stopped by the lifespan protocol.

    `running` is what runs between the two; `fault` is what kept it from starting. `tell` is told the keys made at a
    start, for servers that print no banner.
    """

    def __init__(
        self,
        settings: Settings,
        log: Sink,
        tell: Callable[[str], object] = lambda text: None,
        worker: Worker | None = None,
    ) -> None:
        self._settings = settings
        self._log = log
        self._tell = tell
        self._worker = worker
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
                stack.enter_context(_copied_to_file(self._settings, self._log))
                is_loopback = self._settings.server.is_loopback
                made = running(self._settings, self._log, makes_starter_key=is_loopback, worker=self._worker)
                self.running = await stack.enter_async_context(made)
            except Exception as fault:
                self.fault = fault
                await send({"type": "lifespan.startup.failed", "message": str(fault)})
                raise
            self._tell(made_keys(self.running))
            await send({"type": "lifespan.startup.complete"})
            with suppress(asyncio.CancelledError):  # a forced stop: what is open is closed all the same
                await receive()
        await send({"type": "lifespan.shutdown.complete"})


def create() -> Application:
    """The application of the settings in the environment, for `uvicorn --factory tollbar.app:create`.

    Keys that a start makes are written to standard output, which is not where the log goes.
    """
    settings = load(read_environment(), {}, known_names())
    log = _log(settings)
    for warning in settings.warnings:
        log.emit({"event": "settings.warning", "text": warning}, "warning")
    return Application(settings, log, _write)


def serve(settings: Settings, tell: Callable[[str], None]) -> None:
    """Serves until a signal ends it; raises what keeps it from starting. `tell` is told where, and the keys made."""
    log = _log(settings)
    post = None
    if settings.server.workers > 1:
        post = supervise(settings, log, postgres_address(settings))
        if post is None:
            return
    _serve(settings, log, tell, post)


def _serve(settings: Settings, log: Sink, tell: Callable[[str], None], post: Post | None) -> None:
    """Serves in this process, alone or as one of several workers; the first of them tells."""
    application = Application(settings, log, worker=post.worker if post else None)
    drain = Drain(
        application.drain, application.expire, settings.server.drain_delay_seconds, settings.server.drain_seconds
    )

    def listening(host: str, port: int) -> None:
        _settle()
        if application.running is not None and (post is None or post.worker.is_first_to_tell()):
            tell(banner(_url(host, port), application.running, own_command(sys.executable)))

    host, port = settings.server.host, settings.server.port
    try:
        server(application, host, port, drain, listening=listening).run(post.sockets if post else None)
    except SystemExit:  # what kept it from starting, or from listening, has been logged
        if application.running is None:
            raise
        raise cannot_listen(host, port) from None
    if application.fault is not None:
        raise application.fault


def _settle() -> None:
    """Tunes the interpreter for what follows a start: the collector is kept off what that has made, which is in use."""
    gc.freeze()
    # A loop keeps a weak set of every running async generator, to close them when it stops; each call would enter and
    # leave it several times, and none of ours outlives its call.
    sys.set_asyncgen_hooks(firstiter=None)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _log(settings: Settings) -> Sink:
    return logs.configure(SystemClock().now, "debug" if settings.debug else "info", settings.logging.format)


@contextmanager
def _copied_to_file(settings: Settings, log: Sink) -> Iterator[None]:
    """The log goes to its file as well, if there is to be one. A file that cannot be had is a warning."""
    if not settings.logging.file:
        yield
        return

    def tell(text: str) -> None:
        log.emit({"event": "logfile", "text": text}, "warning")

    path = settings.data / settings.logging.file  # an absolute path stays what it is
    with suppress(OSError):  # whatever keeps the directory from being, the file will tell
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = LogFile(path, settings.logging.max_bytes, settings.logging.keep, tell)
    with closing(file), log.copied(file.append, logs.renderer(settings.logging.format)):
        yield


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
