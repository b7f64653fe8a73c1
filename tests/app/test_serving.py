"""The product as an ASGI application, by the lifespan protocol."""

import asyncio
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.app.making import settings_of
from tests.edge.stage import bearer, call
from tollbar.app.serving import Application
from tollbar.clock import SystemClock
from tollbar.logs import configure_stream, render_json
from tollbar.settings import Settings
from tollbar.storage.engine import StoreRefused

pytestmark = pytest.mark.anyio


class Life:
    """A server's side of the lifespan protocol."""

    def __init__(self, settings: Settings, log: io.BytesIO | None = None) -> None:
        self._sink = configure_stream(log or io.BytesIO(), render_json, SystemClock().now)
        self.application = Application(settings, self._sink)
        self.said: asyncio.Queue[Any] = asyncio.Queue()
        self._told: asyncio.Queue[Any] = asyncio.Queue()
        self.task = asyncio.ensure_future(self.application({"type": "lifespan"}, self._told.get, self.said.put))

    async def tell(self, what: str) -> Any:
        """What the application says to an event."""
        self._told.put_nowait({"type": f"lifespan.{what}"})
        async with asyncio.timeout(60):
            return await self.said.get()


async def test_a_life(tmp_path: Path) -> None:
    """Nothing runs before the start; then it serves; after the end all is closed."""
    life = Life(settings_of(tmp_path))
    assert life.application.running is None
    assert await life.tell("startup") == {"type": "lifespan.startup.complete"}
    running = life.application.running
    assert running is not None
    assert running.starter_key is not None  # the address is this machine's own
    answer = await call(life.application, "GET", "/v1/me", (bearer(running.starter_key),)).answer()
    assert answer.status == 200
    life.application.drain()
    assert (await call(life.application, "GET", "/health/ready").answer()).status == 503
    life.application.expire()
    assert await life.tell("shutdown") == {"type": "lifespan.shutdown.complete"}
    await life.task
    assert life.application.fault is None


async def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    """The server hears it in the protocol's words, and who started it finds the fault."""
    settings = settings_of(tmp_path)
    first, second = Life(settings), Life(settings)
    await first.tell("startup")
    said = await second.tell("startup")
    assert said["type"] == "lifespan.startup.failed"
    with pytest.raises(StoreRefused):
        await second.task
    assert isinstance(second.application.fault, StoreRefused)
    assert said["message"] == str(second.application.fault)
    assert second.application.running is None
    second.application.drain()  # a signal may come at any moment
    second.application.expire()
    await first.tell("shutdown")
    await first.task


async def test_a_start_for_others_makes_no_key_to_show(tmp_path: Path) -> None:
    """The key of the line to paste is for somebody at this machine's own terminal."""
    life = Life(settings_of(tmp_path, API_HOST="0.0.0.0"))
    await life.tell("startup")
    assert life.application.running is not None
    assert life.application.running.starter_key is None
    await life.tell("shutdown")
    await life.task


async def test_a_forced_stop_closes_all_the_same(tmp_path: Path) -> None:
    """A server that is told to go at once cancels the lifespan; the store is free afterwards."""
    settings = settings_of(tmp_path)
    life = Life(settings)
    await life.tell("startup")
    life.task.cancel()
    async with asyncio.timeout(60):
        assert await life.said.get() == {"type": "lifespan.shutdown.complete"}
    await life.task
    again = Life(settings)
    assert (await again.tell("startup"))["type"] == "lifespan.startup.complete"
    await again.tell("shutdown")
    await again.task


async def test_the_log_is_in_a_file_as_well(tmp_path: Path) -> None:
    """From the start to the stop, in the data directory; the same lines as the stream's, and no key in them."""
    stream = io.BytesIO()
    life = Life(settings_of(tmp_path), stream)
    await life.tell("startup")
    assert life.application.running is not None
    key = life.application.running.starter_key
    assert key is not None
    body = b'{"model": "tollbar-guide", "messages": [{"role": "user", "content": "How do I make a key?"}]}'
    for given in (key, key[:-1] + "x"):
        await call(life.application, "POST", "/v1/chat/completions", (bearer(given),), (body,)).answer()
    await life.tell("shutdown")
    await life.task
    written = (tmp_path / "data" / "app.log").read_bytes()
    assert written == stream.getvalue()
    assert sorted(json.loads(line)["event"] for line in written.splitlines()) == ["call", "call.refused"]
    assert key[8:].encode() not in written
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("yaml", "name", "begins"),
    [
        (
            "logging: {file: calls.log, format: text}\n",
            "calls.log",
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ info     request  ",
        ),
        ("logging: {format: json}\n", "app.log", r'\{"at":"'),
    ],
)
async def test_the_file_s_name_and_form_can_be_chosen(tmp_path: Path, yaml: str, name: str, begins: str) -> None:
    """One line for the one request, in that form."""
    life = Life(settings_of(tmp_path, yaml))
    await life.tell("startup")
    await call(life.application, "GET", "/health").answer()
    await life.tell("shutdown")
    await life.task
    (line,) = (tmp_path / "data" / name).read_text().splitlines()
    assert re.match(begins, line)


async def test_there_need_be_no_file(tmp_path: Path) -> None:
    """An empty name means none."""
    life = Life(settings_of(tmp_path, 'logging: {file: ""}\n'))
    await life.tell("startup")
    await call(life.application, "GET", "/health").answer()
    await life.tell("shutdown")
    await life.task
    assert list((tmp_path / "data").glob("*.log*")) == []


async def test_a_file_that_cannot_be_had_is_a_warning(tmp_path: Path) -> None:
    """The product starts and answers; the stream says what is wrong, once."""
    stream = io.BytesIO()
    life = Life(settings_of(tmp_path, "logging: {file: /nowhere/app.log}\n"), stream)
    await life.tell("startup")
    for _ in range(3):
        assert (await call(life.application, "GET", "/health").answer()).status == 200
    await life.tell("shutdown")
    await life.task
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert sorted(event["event"] for event in events) == ["logfile", "request", "request", "request"]
    assert (
        "warning",
        "/nowhere/app.log cannot be written to: No such file or directory. The log goes on without it.",
    ) in {(event["level"], event.get("text")) for event in events}


def test_an_application_for_another_server(tmp_path: Path) -> None:
    """`tollbar.app:create` reads the settings by itself; what they warn of is in the log, and nothing is made yet."""
    made = subprocess.run(
        [sys.executable, "-c", "import tollbar.app; print(type(tollbar.app.create()).__name__)"],
        cwd=tmp_path,
        env={"OPENAI_API_KEY": "your_api_key_here"},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    (line,) = map(json.loads, made.stderr.splitlines())
    assert (line["event"], line["level"]) == ("settings.warning", "warning")
    assert line["text"] == "environment: OPENAI_API_KEY holds an example, which is not used."
    assert (made.stdout, list(tmp_path.iterdir())) == ("Application\n", [])
