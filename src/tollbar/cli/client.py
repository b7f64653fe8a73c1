"""Speaks HTTP to a running server, as commands need it: one request at a time, answers read as they come.

Of the standard library alone, so that a command is quick to start. Guarantees: whatever keeps an answer from coming is
a `Trouble` with one sentence for people; a key goes to the address that was named and nowhere else, since redirects
are not followed.
"""

import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

CONNECT_SECONDS = 10.0
READ_SECONDS = 300.0
"""A model may think for minutes before the first word; a streaming Tollbar says every 15 seconds that it is there."""
MOST_BYTES = 64 * 1_048_576
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Trouble(Exception):
    """Why there is no answer: `message` in one sentence, `hint` with what to do; `status` is 0 without an answer."""

    def __init__(self, message: str, hint: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.message, self.hint, self.status = message, hint, status


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. Names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class Client:
    """What is asked at one address, with one key or none."""

    url: str
    key: str = field(default="", repr=False)
    read_seconds: float = READ_SECONDS

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        try:
            is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_usable = False
        if not is_usable or "@" in parts.netloc or not self.url.isprintable() or " " in self.url:
            raise Trouble(f"{self.url!r} is no address of a server.", "Write it as http://127.0.0.1:8000.")
        if not (self.key.isascii() and self.key.isprintable()) or " " in self.key:
            raise Trouble("The key holds a character that no key has.", "Check that it was copied whole.")

    @property
    def is_loopback(self) -> bool:
        """Whether the address is this machine's own."""
        return (urlsplit(self.url).hostname or "") in LOOPBACK

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """The whole answer to a request; raises Trouble."""
        with self.exchange(method, path, body, headers) as response:
            content = response.read(MOST_BYTES)
            if response.length and len(content) < MOST_BYTES:  # reading a bounded part does not tell by itself
                raise http.client.IncompleteRead(content, response.length)
            return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, content)

    @contextmanager
    def exchange(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer to a request, to be read as it comes; leaving closes the connection. Raises Trouble."""
        parts = urlsplit(self.url)
        sent = {"accept": "*/*", "user-agent": "tollbar-cli"}
        sent |= {"authorization": f"Bearer {self.key}"} if self.key else {}
        sent |= {"content-type": "application/json"} if body is not None else {}
        connection = self._connection()
        try:
            connection.connect()
            connection.sock.settimeout(self.read_seconds)
            connection.request(method, f"{parts.path.rstrip('/')}{path}", body, {**sent, **(headers or {})})
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as fault:
            raise self._trouble(fault) from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, parts.port, timeout=CONNECT_SECONDS, context=context)
        return http.client.HTTPConnection(host, parts.port, timeout=CONNECT_SECONDS)

    def _trouble(self, fault: OSError | http.client.HTTPException) -> Trouble:
        match fault:
            case ConnectionRefusedError():
                return Trouble(f"Nobody answers at {self.url}.", self._hint())
            case socket.gaierror():
                return Trouble(f"There is no host {urlsplit(self.url).hostname}.", "Check the address.")
            case TimeoutError():
                return Trouble(f"{self.url} did not answer in time.")
            case ssl.SSLCertVerificationError():
                return Trouble(f"The certificate of {self.url} cannot be trusted: {fault.verify_message}.")
            case ssl.SSLError():
                return Trouble(f"{self.url} does not speak TLS.", "Try http:// in place of https://.")
            case http.client.RemoteDisconnected() | ConnectionResetError() | BrokenPipeError():
                return Trouble(f"{self.url} closed the connection.")
            case http.client.IncompleteRead():
                return Trouble(f"{self.url} closed the connection before the answer was whole.")
            case http.client.HTTPException():
                return Trouble(f"What answers at {self.url} is no web server.")
        return Trouble(f"{self.url} cannot be reached: {fault.strerror or fault}.", self._hint())

    def _hint(self) -> str:
        start = "Start it with 'tollbar serve', or name" if self.is_loopback else "Name"
        return f"{start} another address with --url."
