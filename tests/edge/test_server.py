"""How the server starts, and how it stops without cutting anybody off."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.edge.raw import QUICK, Application, Response, answer, calling, exchange, serving, until
from tollbar.edge.server import Drain

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
WAIT = b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"


def nothing() -> None:
    """Is called and does nothing."""


@pytest.mark.anyio
async def test_answers_do_not_name_the_server() -> None:
    """An answer tells its date, and nothing about the program."""
    with serving(Application()) as running:
        async with calling(running) as caller:
            await caller.send(GET)
            response = await caller.response()
    assert "server" not in response.headers
    assert "date" in response.headers


@pytest.mark.anyio
async def test_callers_cannot_name_their_own_address() -> None:
    """The server believes nobody about the address of a caller, itself included."""
    seen: list[object] = []

    class Watching(Application):
        async def __call__(self, scope: dict[str, object], *rest: object) -> None:  # type: ignore[override]
            seen.append(scope.get("client"))
            await super().__call__(scope, *rest)  # type: ignore[arg-type]

    with serving(Watching()) as running:
        async with calling(running) as caller:
            await caller.send(GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n"))
            await caller.response()
            address = caller.writer.get_extra_info("sockname")
    assert seen[-1] == address


@pytest.mark.anyio
async def test_during_the_delay_answers_say_goodbye_and_nobody_is_refused() -> None:
    """From the signal on readiness is withdrawn and answers close their connection; new ones still get through."""
    began = threading.Event()
    with serving(Application(), drain=Drain(began.set, nothing, delay_seconds=60.0)) as running:
        async with calling(running) as old:
            await old.send(GET)
            assert "connection" not in (await old.response()).headers
            running.handle_exit(signal.SIGTERM, None)
            await until(began.is_set)
            await old.send(GET)
            assert (await old.response()).headers["connection"] == "close"
            assert await old.rest() == b""
        response = Response.parse(await exchange(running, GET))
        assert (response.status, response.headers["connection"]) == (200, "close")
        assert not running.should_exit


@pytest.mark.anyio
async def test_the_delay_ends() -> None:
    """Then the server goes."""
    with serving(Application(), drain=Drain(nothing, nothing, delay_seconds=0.05)) as running:
        running.handle_exit(signal.SIGTERM, None)
        await until(lambda: running.should_exit)


@pytest.mark.anyio
async def test_after_the_delay_calls_in_flight_finish() -> None:
    """The listener closes, a call that had begun gets its whole answer, an idle connection its end."""
    application = Application()
    with serving(application, drain=Drain(nothing, nothing)) as running:
        host, port = running.address
        async with calling(running) as busy, calling(running) as idle:
            await idle.send(GET)
            await idle.response()
            await busy.send(WAIT)
            await until(lambda: bool(application.seen))
            running.handle_exit(signal.SIGTERM, None)
            assert await idle.rest() == b""
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(host, port)
            application.release.set()
            response = Response.parse(await busy.rest())
    assert (response.status, response.headers["connection"]) == (200, "close")


@pytest.mark.anyio
async def test_at_the_limit_the_application_is_told() -> None:
    """A call that outlasts the drain is not cut by the server: the application hears of it and ends it."""
    application = Application()
    with serving(application, drain=Drain(nothing, application.release.set, limit_seconds=0.3)) as running:
        async with calling(running) as busy:
            await busy.send(WAIT)
            began = time.monotonic()
            running.handle_exit(signal.SIGTERM, None)
            response = Response.parse(await busy.rest())
    assert response.status == 200
    assert time.monotonic() - began >= 0.25


@pytest.mark.anyio
async def test_deadlines_hold_during_the_drain() -> None:
    """A body that stops arriving does not keep the server from stopping."""
    with serving(Application(), QUICK, drain=Drain(nothing, nothing)) as running:
        async with calling(running) as stalled:
            await stalled.send(GET.replace(b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n"))
            running.handle_exit(signal.SIGTERM, None)
            assert Response.parse(await stalled.rest()).status == 408


@pytest.mark.anyio
async def test_ctrl_c_does_not_wait_and_twice_ends_at_once() -> None:
    """The delay is for load balancers, not for people; a second Ctrl+C leaves calls behind."""
    application = Application()
    with serving(application, drain=Drain(nothing, nothing, delay_seconds=60.0)) as running:
        async with calling(running) as busy:
            await busy.send(WAIT)
            await until(lambda: bool(application.seen))
            running.handle_exit(signal.SIGINT, None)
            await until(lambda: running.should_exit)
            assert not running.force_exit
            running.handle_exit(signal.SIGINT, None)
            assert running.force_exit
            application.release.set()


@pytest.mark.anyio
async def test_calls_that_are_told_to_end_get_to_it() -> None:
    """After a second Ctrl+C a call that is told so still settles and answers: the server does not end before it."""

    class Settling(Application):
        async def __call__(self, scope: Any, *rest: Any) -> None:
            if scope["type"] == "lifespan":
                await super().__call__(scope, *rest)
                return
            self.seen.append((scope["method"], scope["path"], b""))
            await asyncio.to_thread(self.release.wait, 60)
            await asyncio.sleep(0.6)  # uvicorn looks every 0.1 s whether it is to go
            await answer(rest[1], b"settled")

    application = Settling()
    with serving(application, drain=Drain(nothing, application.release.set)) as running:
        async with calling(running) as busy:
            await busy.send(GET)
            await until(lambda: bool(application.seen))
            for _ in range(2):
                running.handle_exit(signal.SIGINT, None)
            assert Response.parse(await busy.rest()).body == b"settled"


PROGRAM = """
from tests.edge.raw import Application
from tollbar.edge.server import Drain, server

class Telling(Application):
    async def __call__(self, scope, *rest):
        if scope["type"] == "http":
            print("asked", flush=True)
        await super().__call__(scope, *rest)

application = Telling()
drain = Drain(lambda: print("began", flush=True), application.release.set, limit_seconds=0.2)
running = server(application, "127.0.0.1", 0, drain)
begin = running.startup

async def startup(sockets=None):
    await begin(sockets)
    print(running.address[1], flush=True)

running.startup = startup
running.run()
print("stopped", flush=True)
"""


def test_a_signal_drains_a_process_and_it_ends_well() -> None:
    """SIGTERM lets a call in flight finish; the program then goes on behind `run` and ends with status 0."""
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root)}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, env=environment, cwd=root
    ) as program:
        assert program.stdout is not None
        port = int(program.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=60) as caller:
            caller.sendall(WAIT)
            assert program.stdout.readline() == "asked\n"
            program.send_signal(signal.SIGTERM)
            data = b"".join(iter(lambda: caller.recv(65_536), b""))
        output, _ = program.communicate(timeout=60)
    assert Response.parse(data).status == 200
    assert output.split() == ["began", "stopped"]
    assert program.returncode == 0
