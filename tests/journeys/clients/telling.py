"""What the clients of the five systems send, byte for byte, and a gateway that starts from such a system's own `.env`.

    with moved_in(tmp_path, "LLM_BASE_URL=…\n") as gateway:
        curl(f"{gateway.url}/generate", "x-api-key: …", data='{"prompt": "…"}')     # curl itself, where there is one
        exchange(gateway.port, b"POST /generate HTTP/1.1\r\n…")                     # any other client's bytes

Nothing of a request is changed but its host and key.
"""

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPResponse, parse_headers
from io import BytesIO
from pathlib import Path
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import msgspec

from tests.journeys.stand import ADMIN_KEY, Gateway, furnish, start

CURL = shutil.which("curl")
WORDS = "word0 word1 word2 word3 word4 "
"""What the fake provider answers when nothing else is planned."""
FIELDS = {"code", "message", "status", "details"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client got."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return msgspec.json.decode(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error in the body, having checked that it has the one shape."""
        error = self.json["error"]
        assert (
            {"code", "message", "status", "details"} <= set(error) <= {"code", "message", "status", "details", "field"}
        )
        assert error["status"] == self.status
        return error


@contextmanager
def moved_in(
    directory: Path, env_file: str, yaml: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[Gateway]:
    """A gateway in a directory with a system's own `.env`, and a `tollbar.yaml` only where one is given.

    It listens where those files say, as `API_PORT=0` or `PORT=0`.
    """
    (directory / ".env").write_text(env_file)
    if yaml:
        (directory / "tollbar.yaml").write_text(yaml)
    furnish(directory)
    gateway = start(directory, {"TOLLBAR_ADMIN_KEY": ADMIN_KEY, **(environment or {})}, ("serve",))
    try:
        yield gateway
    finally:
        gateway.close()


def curl(url: str, *headers: str, method: str = "", data: str = "", options: tuple[str, ...] = ()) -> Answer:
    """What `curl -X METHOD URL -H … -d …` gets; `data` may be `@FILE`, and options change no byte that is sent."""
    method = method or ("POST" if data else "GET")
    if CURL is None:
        parts = urlsplit(url)
        return exchange(parts.port or 80, curl_bytes(url, *headers, method=method, data=data))
    command = [CURL, "-sS", "-i", *options, "-X", method, url]
    command += [word for header in headers for word in ("-H", header)]
    command += ["-d", data] if data else []
    done = subprocess.run(command, capture_output=True, timeout=30, check=True)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    status_line, _, fields = head.partition(b"\r\n")
    return Answer(int(status_line.split()[1]), parse_headers(BytesIO(fields + b"\r\n\r\n")), body)


def curl_bytes(url: str, *headers: str, method: str, data: str = "") -> bytes:
    """What curl writes onto its connection for that."""
    parts = urlsplit(url)
    if data.startswith("@"):
        data = Path(data[1:]).read_text().replace("\r", "").replace("\n", "")
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {parts.netloc}", "User-Agent: curl/8.5.0", "Accept: */*", *headers]
    if data:
        lines.append(f"Content-Length: {len(data.encode())}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + data.encode()


def exchange(port: int, *parts: bytes, continues: bool = False) -> Answer:
    """What a request of these bytes gets; with `continues`, its body goes out once the server has said 100."""
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(parts[0])
        if continues:
            said = b""
            while not said.endswith(b"\r\n\r\n"):
                piece = connection.recv(1)
                assert piece, said
                said += piece
            assert said.startswith(b"HTTP/1.1 100 "), said
        for part in parts[1:]:
            connection.sendall(part)
        response = HTTPResponse(connection, method=parts[0].partition(b" ")[0].decode())
        response.begin()
        return Answer(response.status, response.headers, response.read())


@contextmanager
def listener() -> Iterator[tuple[int, Callable[[], bytes]]]:
    """A server for one request of a client; what returns that request's bytes."""
    heard: SimpleQueue[bytes] = SimpleQueue()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.settimeout(60)
            data = connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        heard.put(data)

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], lambda: heard.get(timeout=60)
        thread.join(10)
