"""A gateway as people run it, `tollbar serve` in a process of its own, and a provider beside it that misbehaves.

    with provider() as up, started(tmp_path, up) as gateway:
        key = gateway.make_key("ana", credits=5)
        gateway.post(key, chat("lab/ok"))            # plain requests
        with gateway.sdk(key) as client: ...         # the SDK of OpenAI
        gateway.log(), gateway.ledger(), gateway.me(key)

Whatever a script of `tests/upstream_table.py` is called is a model of the provider `lab`. Stopping a gateway checks its
log: every line is JSON, none tells of a crash, and none holds a secret that the test knows.
"""

import asyncio
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import requests
from openai import AsyncOpenAI, OpenAI

from tests.storage.making import empty_store
from tests.upstream import FakeUpstream
from tollbar.storage.engine import DATABASE

TOLLBAR = Path(sys.executable).with_name("tollbar")
ADMIN_KEY = "an-admin-key-of-the-journeys-0123456789"
LAB_KEY = "sk-lab-0123456789abcdefghijklmnop"
LAB = 'providers:\n  lab: {wire: openai, base_url: "%s", api_key: "${LAB_KEY}"}\n'
START_SECONDS = 120.0
STOP_SECONDS = 30.0


@dataclass(slots=True)
class Gateway:
    """A running gateway, and what a test does with it."""

    process: "subprocess.Popen[bytes]"
    url: str
    directory: Path
    secrets: set[str] = field(default_factory=set)
    _session: requests.Session = field(default_factory=requests.Session)

    @property
    def banner(self) -> str:
        """What the start printed."""
        return (self.directory / "out").read_text()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.url.rpartition(":")[2])

    def request(self, method: str, path: str, key: str | None = None, **more: Any) -> requests.Response:
        """One request, on a connection that is kept."""
        headers = {**({"authorization": f"Bearer {key}"} if key else {}), **more.pop("headers", {})}
        return self._session.request(method, self.url + path, headers=headers, timeout=more.pop("timeout", 30), **more)

    def post(self, key: str | None, body: object, **more: Any) -> requests.Response:
        """A call of `/v1/chat/completions`, on a connection of its own: threads may do so at the same time."""
        headers = {**({"authorization": f"Bearer {key}"} if key else {}), "content-type": "application/json"}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        path = more.pop("path", "/v1/chat/completions")
        headers |= more.pop("headers", {})
        return requests.post(self.url + path, raw, headers=headers, timeout=more.pop("timeout", 30), **more)

    def sdk(self, key: str, **more: Any) -> OpenAI:
        """The SDK, without retries of its own unless told; to be closed, which `with` does."""
        options: Any = {"max_retries": 0, "timeout": 30, **more}
        return OpenAI(base_url=f"{self.url}/v1", api_key=key, **options)

    def async_sdk(self, key: str, **more: Any) -> AsyncOpenAI:
        """The same for async code."""
        options: Any = {"max_retries": 0, "timeout": 30, **more}
        return AsyncOpenAI(base_url=f"{self.url}/v1", api_key=key, **options)

    def admin(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What the admin API answers; the request must succeed."""
        response = self.request(method, f"/admin/api{path}", ADMIN_KEY, json=body)
        assert response.ok, response.text
        return response.json()

    def make_key(self, name: str, **fields: Any) -> str:
        """A new key."""
        return self.issue(name, **fields)["key"]

    def issue(self, name: str, **fields: Any) -> Any:
        """A new key with all that is said of it; a number makes its name unique."""
        issued = self.admin("POST", "/keys", {"name": f"{name} {len(self.secrets)}", **fields})
        self.secrets.add(issued["key"])
        return issued

    def me(self, key: str) -> Any:
        """What the key's holder is told of it."""
        response = requests.get(f"{self.url}/v1/me", headers={"authorization": f"Bearer {key}"}, timeout=30)
        assert response.ok, response.text
        return response.json()

    def allowance(self, key: str) -> dict[str, Any]:
        """How the one allowance of a key stands."""
        (allowance,) = self.me(key)["allowances"]
        return allowance

    def settled(self, key: str) -> dict[str, Any]:
        """The same once nothing is held any more."""
        wait_until(lambda: not self.allowance(key)["held"])
        return self.allowance(key)

    def log(self) -> list[dict[str, Any]]:
        """The log's lines until now."""
        text = (self.directory / "err").read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def lines_of(self, request_id: str) -> list[dict[str, Any]]:
        """The log's lines about one request, as soon as there is one."""
        wait_until(lambda: any(line.get("request_id") == request_id for line in self.log()))
        return [line for line in self.log() if line.get("request_id") == request_id]

    def call_line(self, request_id: str) -> dict[str, Any]:
        """The one line about a call that is over."""
        wait_until(lambda: any(line["event"] == "call" for line in self.lines_of(request_id)))
        (line,) = (line for line in self.lines_of(request_id) if line["event"] == "call")
        return line

    def ledger(self, request_id: str | None = None) -> list[dict[str, Any]]:
        """The ledger's lines, of one call or all."""
        rows = self.query("select * from ledger order by id")
        return [row for row in rows if request_id in (None, row["request_id"])]

    def query(self, sql: str) -> list[dict[str, Any]]:
        """What the store's file holds, read from outside."""
        return query(self.directory / "data", sql)

    def calls(self) -> int:
        """How many calls are under way."""
        return int(self.request("GET", "/health").json()["calls"])

    def kill(self) -> None:
        """Ends the process as if the machine had lost it."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> None:
        """Asks the process to stop."""
        self.process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """Stops it, if it still runs, and looks through its log."""
        self._session.close()
        if self.process.poll() is None:
            self.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        self.check_log()

    def check_log(self) -> None:
        """Fails when the log tells of a crash, holds a line that is no JSON, or a secret."""
        text = (self.directory / "err").read_text()
        file = self.directory / "data" / "app.log"
        text += file.read_text() if file.exists() else ""
        for secret in {*self.secrets, ADMIN_KEY, LAB_KEY}:
            assert secret not in text
            assert secret[-20:] not in text
        crashes = [line for line in self.log() if "crashed" in line["event"] or "exception" in line]
        assert crashes == []


@contextmanager
def started(
    directory: Path,
    up: FakeUpstream | None = None,
    more: str = "",
    environment: Mapping[str, str] | None = None,
    is_furnished: bool = True,
) -> Iterator[Gateway]:
    """A gateway whose state and settings are in `directory`; `more` goes into its tollbar.yaml.

    It finds a store there, as after any start but the very first, unless it is not to be furnished.
    """
    if is_furnished:
        furnish(directory)
    if up is not None:
        (directory / "tollbar.yaml").write_text(LAB % up.url + more)
    variables = {"TOLLBAR_ADMIN_KEY": ADMIN_KEY, "LAB_KEY": LAB_KEY} if environment is None else environment
    gateway = start(directory, variables)
    try:
        yield gateway
    finally:
        gateway.close()


def start(
    directory: Path, environment: Mapping[str, str], command: Sequence[str] = ("serve", "--port", "0")
) -> Gateway:
    """Starts `tollbar serve` and returns once it has said where it listens."""
    began = time.monotonic()
    with (directory / "out").open("wb") as out, (directory / "err").open("ab") as err:
        process = subprocess.Popen(
            [TOLLBAR, *command], cwd=directory, env=clean(directory, environment), stdout=out, stderr=err
        )
    found = None
    try:
        while not found:
            text = (directory / "out").read_text()
            found = re.search(r"listens on (http://\S+)[^$]*\n\n$", text)  # the banner's last line is blank
            assert process.poll() is None, (directory / "err").read_text()
            assert time.monotonic() - began < START_SECONDS
            time.sleep(0.005)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return Gateway(process, found[1], directory)


def furnish(directory: Path) -> None:
    """Puts a new store where there is none: to make one costs each first start most of a second."""
    data = directory / "data"
    if not data.exists():
        data.mkdir(mode=0o700)
        (data / DATABASE).write_bytes(empty_store())
        (data / DATABASE).chmod(0o600)


def clean(directory: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """An environment with nothing of the tester's own in it, and in which no models are fetched."""
    return {"PATH": os.environ["PATH"], "HOME": str(directory), "HF_HUB_OFFLINE": "1", **environment}


def tollbar(directory: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """What a `tollbar` command prints; it must succeed."""
    done = subprocess.run(
        [TOLLBAR, *arguments],
        cwd=directory,
        env=clean(directory, {"LAB_KEY": LAB_KEY} if environment is None else environment),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@contextmanager
def provider() -> Iterator[FakeUpstream]:
    """A fake provider on a loop in a thread of its own."""
    ready: SimpleQueue[tuple[FakeUpstream, asyncio.AbstractEventLoop, asyncio.Event]] = SimpleQueue()

    async def serve() -> None:
        over = asyncio.Event()
        async with FakeUpstream() as up:
            ready.put((up, asyncio.get_running_loop(), over))
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    up, loop, over = ready.get(timeout=60)
    try:
        yield up
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(60)


def query(data: Path, sql: str) -> list[dict[str, Any]]:
    """What a store's file holds; opened for reading alone."""
    with closing(sqlite3.connect(f"file:{data / 'tollbar.db'}?mode=ro", uri=True, timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql)]


def wait_until(holds: Callable[[], object], seconds: float = 30.0) -> None:
    """Returns once the condition holds; fails when it does not within a time that even a busy machine can keep."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, "waited in vain"
        time.sleep(0.005)


def used_seconds(process: int) -> float:
    """The CPU time of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def connected(gateway: Gateway, seconds: float = 30.0) -> Iterator[socket.socket]:
    """A connection of one's own; leaving it closes it at once."""
    connection = socket.create_connection(("127.0.0.1", gateway.port), seconds)
    try:
        yield connection
    finally:
        connection.close()
