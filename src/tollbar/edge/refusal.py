"""What one connection may cost, and the answers to those that cost more: an error of ours, as bytes.

They are written here, since the request never reaches the application, and they close their connection. Their shape is
that of the address, which may not have been received: then it is the unified one.
"""

from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote

import httptools

from tollbar.domain.errors import AddressTooLong, HeadTooLarge, RequestError, RequestTimeout
from tollbar.edge.headers import error_headers
from tollbar.edge.shapes import shape_of


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a connection may cost; the defaults are those of the security requirements.

    `head_seconds` is for a whole head, and for a new connection to begin its first; `body_seconds` is for a body that
    makes no progress; `idle_seconds` is between two requests. `linger_seconds` is how long a refused sender is still
    listened to, since closing on unread bytes would destroy the answer on its way.
    """

    head_bytes: int = 16 * 1024
    header_lines: int = 100
    url_bytes: int = 8 * 1024
    head_seconds: float = 30.0
    body_seconds: float = 60.0
    idle_seconds: float = 75.0
    linger_seconds: float = 2.0
    sweep_seconds: float = 1.0


class Refusal(httptools.HttpParserError):
    """A request that is answered here. Raised in a callback it stops the parser, and then an answer is asked for."""

    def __init__(self, error: RequestError) -> None:
        super().__init__(error.message)
        self.error = error

    def answer(self, path: str, request_id: str, more: list[tuple[bytes, bytes]]) -> bytes:
        """The whole response in the shape of the address; `more` are headers that every answer of this server has."""
        status, body = shape_of(path).encode(self.error, request_id)
        headers = [
            *more,
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            (b"x-content-type-options", b"nosniff"),
            (b"x-request-id", request_id.encode()),
            *error_headers(self.error),
        ]
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode() + lines + b"\r\n" + body


def path_of(url: bytes) -> str:
    """The path of an address, as far as it was received; empty where it cannot be told."""
    with suppress(httptools.HttpParserInvalidURLError):
        return unquote((httptools.parse_url(url).path or b"").decode("latin-1"))
    return ""


def bad_request(message: str) -> Refusal:
    """A request that is not well-formed, or that two readers could understand differently."""
    return Refusal(RequestError(message))


def address_too_long(limits: ConnectionLimits) -> Refusal:
    """An address with too many bytes."""
    return Refusal(AddressTooLong(f"The address is longer than {limits.url_bytes} bytes."))


def head_too_large(limits: ConnectionLimits) -> Refusal:
    """A head with too many bytes or too many headers."""
    message = f"The request's head is larger than {limits.head_bytes} bytes or {limits.header_lines} headers."
    return Refusal(HeadTooLarge(message))


def too_slow(part: str, seconds: float) -> Refusal:
    """A head or a body that did not arrive in its time."""
    return Refusal(RequestTimeout(f"The request's {part} did not arrive: {seconds:g} seconds were allowed."))
