"""A provider on a real socket that speaks the dialects of OpenAI, Anthropic, Google and Amazon, and misbehaves at will.

    async with FakeUpstream() as up:
        up.url                          # "http://127.0.0.1:PORT/v1", ready to be a base_url
        up.plan("rate-limited", "ok")   # the next answers, in order: names of tests/upstream_table.py or Scripts
        up.default = "stall"            # what answers when no plan is left (default: "ok")
        up.models = ("a", "b")          # what GET /models lists; or a Script in its place
        up.counting = Script(…)         # what answers a question for a count of tokens
        up.gate.set()                   # lets the answers of `gated` go on, from any thread
        up.is_deaf = True               # from now on accepts connections and reads nothing
        up.journal                      # an Entry per request: method, path, headers, body, .json, .model, times
        up.open_connections             # how many connections are open now; up.connections: how many ever were
        await up.until(lambda: up.journal[0].closed_early_at is not None)   # waits, as long as a busy machine takes

A request whose model is the name of a script gets it ("error-500"), with a number where the script takes one
("chunks:64"); a plan goes before the name. `python -m tests.upstream --port 0` runs one in a process of its own, prints
its port, and ends with its standard input; `spawned()` does that for a test. `GET /journal` tells what it saw, as JSON.
"""

import argparse
import asyncio
import json
import socket
import struct
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self

from tests import upstream_bedrock, upstream_errands, upstream_files, upstream_gemini, upstream_ollama
from tests.upstream_anthropic import answer_count, anthropic_script
from tests.upstream_files import Shelf
from tests.upstream_ollama import ollama_script
from tests.upstream_scripts import Script, answer_models, answer_tags, answer_unknown_path
from tests.upstream_table import script_for
from tests.upstream_wires import as_response, as_text, with_usage

REASONS = {200: "OK", 301: "Moved Permanently", 400: "Bad Request", 401: "Unauthorized", 429: "Too Many Requests"}
MOST_REMEMBERED = 100_000


@dataclass(slots=True)
class Entry:
    """One request as it arrived, and how its answer ended. Times are the loop's, in seconds."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int
    at: float
    answered_at: float | None = None
    closed_early_at: float | None = None

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def model(self) -> str:
        """The model that was asked for; empty where there is none."""
        if found := upstream_gemini.PATH.fullmatch(self.path):
            return found[1]
        if found := upstream_bedrock.model_of(self.path):
            return found
        with suppress(ValueError):
            document = self.json
            if isinstance(document, dict):
                return str(document.get("model", ""))
        return ""


@dataclass(slots=True, eq=False)
class FakeUpstream:
    """The server; an async context manager. See the module for its use."""

    port: int = 0
    tls: SSLContext | None = None
    default: str | Script = "ok"
    models: tuple[str, ...] | Script = ("fake-1", "fake-2")
    counting: Script | None = None
    is_deaf: bool = False
    gate: threading.Event = field(default_factory=threading.Event)
    journal: deque[Entry] = field(default_factory=lambda: deque(maxlen=MOST_REMEMBERED))
    connections: int = 0
    shelf: Shelf = field(default_factory=Shelf)
    _planned: deque[str | Script] = field(default_factory=deque)
    _open: "set[_Connection]" = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        tasks = [connection.stop() for connection in tuple(self._open)]
        await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
        await self.until(lambda: not self._open)

    @property
    def url(self) -> str:
        """The base URL that a provider is configured with."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/v1"

    @property
    def root(self) -> str:
        """The same for wires whose addresses do not begin with `/v1`."""
        return self.url.removesuffix("/v1")

    @property
    def google_url(self) -> str:
        """The same for a provider that speaks Google's dialect."""
        return f"{self.url}beta"

    @property
    def open_connections(self) -> int:
        """How many connections are open at this moment."""
        return len(self._open)

    def plan(self, *scripts: str | Script) -> None:
        """Queues answers for the next chat requests, whatever model they name."""
        self._planned.extend(scripts)

    def close_idle(self) -> None:
        """Closes every connection that waits for a request, as a provider does whose keep-alive time is over."""
        for connection in tuple(self._open):
            if connection.task is None and connection.transport is not None:
                connection.transport.close()

    async def until(self, condition: Callable[[], object], seconds: float = 30.0) -> None:
        """Returns once the condition holds; raises TimeoutError when it does not in time."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - conditions are of any kind
                await asyncio.sleep(0.002)

    def choose(self, entry: Entry) -> Script:
        """The answer to a request."""
        if entry.path.partition("?")[0].endswith("/models") and entry.method == "GET":
            listing = upstream_gemini.gemini_models if entry.path == upstream_gemini.LIST else answer_models
            return self.models if isinstance(self.models, Script) else listing(self.models)
        if entry.path.startswith(upstream_files.BEGINNING):
            return self.shelf.answer(entry.method, entry.path, entry.body)
        if entry.path in upstream_bedrock.LISTS:
            listed = upstream_bedrock.bedrock_models
            return self.models if isinstance(self.models, Script) else listed(self.models, entry.path)
        if entry.path == "/journal":
            return Script(pieces=(json.dumps(self._told(entry)).encode(),))
        if entry.path == "/api/tags":
            return self.models if isinstance(self.models, Script) else answer_tags(self.models)
        if entry.path in upstream_errands.PATHS and not upstream_errands.is_scripted(entry.model):
            return upstream_errands.answer(entry.path, entry.body, entry.model)
        if entry.path.endswith("/messages/count_tokens"):
            return self.counting or answer_count()
        return self._completion(entry)

    def _completion(self, entry: Entry) -> Script:
        """The answer to a request that may be told to misbehave."""
        if upstream_gemini.PATH.fullmatch(entry.path):
            planned = self._planned.popleft() if self._planned else None
            return upstream_gemini.gemini_script(planned, entry.path, self.default, entry.body)
        if upstream_bedrock.PATH.fullmatch(entry.path):
            planned = self._planned.popleft() if self._planned else None
            return upstream_bedrock.bedrock_script(planned, entry.path, self.default)
        if entry.path in upstream_ollama.PATHS:
            planned = self._planned.popleft() if self._planned else None
            return ollama_script(planned, entry.path, entry.body, self.default)
        path = entry.path.partition("?")[0]
        if not path.endswith(("/completions", "/responses", "/messages", *upstream_errands.PATHS)):
            return answer_unknown_path(entry.method, entry.path)
        planned = self._planned.popleft() if self._planned else None
        if path.endswith("/messages"):
            return anthropic_script(planned, entry.model, self.default, entry.body)
        if isinstance(planned, Script) or path.endswith(("/chat/completions", *upstream_errands.PATHS)):
            return script_for(planned, entry.model, self.default, entry.body)
        if path.endswith("/responses"):
            return as_response(script_for(planned, entry.model, self.default, with_usage(entry.body)))
        return as_text(script_for(planned, entry.model, self.default, entry.body))

    def _told(self, asking: Entry) -> list[dict[str, Any]]:
        return [
            {
                "path": entry.path,
                "model": entry.model,
                "body": entry.body.decode("utf-8", "replace"),
                "answered": entry.answered_at is not None,
                "closed_early": entry.closed_early_at is not None,
            }
            for entry in self.journal
            if entry is not asking
        ]


class _Connection(asyncio.Protocol):
    """One client connection: reads whole requests and plays a script for each, in turn."""

    def __init__(self, server: FakeUpstream) -> None:
        self._server = server
        self._number = 0
        self._received = b""
        self._entry: Entry | None = None
        self.transport: asyncio.Transport | None = None
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("the server speaks TCP only")
        self.transport = transport
        self._server._open.add(self)
        self._server.connections += 1
        self._number = self._server.connections
        if self._server.is_deaf:
            # Not at once: early releases of Python 3.11 begin to read after this method, whatever was said in it.
            asyncio.get_running_loop().call_soon(transport.pause_reading)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server._open.discard(self)
        if self.task is not None and self._entry is not None:
            self._entry.closed_early_at = asyncio.get_running_loop().time()
            self.task.cancel()
        self.transport = None

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._received[:1] == b"\x16" and self.transport is not None:  # a TLS greeting
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
            self.transport.close()
        elif self.task is None:
            self._begin()

    def stop(self) -> asyncio.Task[None] | None:
        """Ends the connection; the task that still plays a script, if one does."""
        if self.transport is not None:
            self.transport.abort()
        return self.task

    def _begin(self) -> None:
        """Starts to answer when a whole request is there."""
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        request_line, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in lines)
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return
        method, path, _ = request_line.split(" ", 2)
        self._received = rest[length:]
        now = asyncio.get_running_loop().time()
        self._entry = Entry(method, path, headers, rest[:length], self._number, now)
        self._server.journal.append(self._entry)
        self.task = asyncio.create_task(self._answer(self._entry))

    async def _answer(self, entry: Entry) -> None:
        script = self._server.choose(entry)
        await self._play(script)
        entry.answered_at = asyncio.get_running_loop().time()
        self.task = None
        if script.ending == "reset":
            await asyncio.sleep(0.01)  # a reset throws away what the client has not read yet
            self._reset()
        elif (script.ending == "close" or script.framing == "eof") and self.transport is not None:
            self.transport.close()
        elif self._received:
            self._begin()

    async def _play(self, script: Script) -> None:
        if script.before_headers_seconds:
            await asyncio.sleep(script.before_headers_seconds)
        head = script.head(REASONS)
        if not script.is_paced:
            self._write(head + b"".join(map(script.framed, script.pieces)))
        else:
            self._write(head)
            await asyncio.sleep(script.before_body_seconds)
            for number, piece in enumerate(script.pieces):
                if number:
                    await asyncio.sleep(script.between_seconds)
                if number == script.gate_after > 0:
                    await self._server.until(self._server.gate.is_set, 60.0)
                await self._write_in_slices(script.framed(piece), script)
        if script.ending == "stall":
            await asyncio.Event().wait()
        if script.framing == "chunked" and script.ending == "clean":
            self._write(b"0\r\n\r\n")

    async def _write_in_slices(self, data: bytes, script: Script) -> None:
        size = script.slice_bytes or len(data) or 1
        for start in range(0, len(data), size):
            self._write(data[start : start + size])
            await asyncio.sleep(script.slice_seconds)

    def _write(self, data: bytes) -> None:
        if self.transport is not None and data:
            self.transport.write(data)

    def _reset(self) -> None:
        """Closes so that the client sees a reset rather than an end."""
        if self.transport is None:
            return
        raw = self.transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


@contextmanager
def spawned() -> Iterator[str]:
    """A fake provider in a process of its own; gives its base URL."""
    command = [sys.executable, "-m", "tests.upstream", "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the process has no pipes")
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.stdin.close()
            process.wait(5)


async def _serve(port: int) -> None:
    async with FakeUpstream(port=port) as up:
        sys.stdout.write(f"{up.port}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A fake provider; it ends when its standard input does.")
    parser.add_argument("--port", type=int, default=0, help="the port to listen on; 0 lets the system choose")
    asyncio.run(_serve(parser.parse_args().port))
