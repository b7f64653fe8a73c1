"""What one connection may cost, and the answers to those that cost more: the unified error, as bytes.

They are written here, since the request never reaches the application, and they close their connection.
"""

import json
from dataclasses import dataclass
from http import HTTPStatus

import httptools


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

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def answer(self, request_id: str, more: list[tuple[bytes, bytes]]) -> bytes:
        """The whole response, head and body; `more` are headers that every answer of this server carries."""
        error = {"message": self.message, "type": "invalid_request_error", "param": None, "code": self.code}
        error |= {"status": self.status.value, "field": None, "details": {}, "request_id": request_id}
        body = json.dumps({"error": error}).encode()
        headers = [
            *more,
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            (b"x-request-id", request_id.encode()),
        ]
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        return f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n".encode() + lines + b"\r\n" + body


def bad_request(message: str) -> Refusal:
    """A request that is not well-formed, or that two readers could understand differently."""
    return Refusal(HTTPStatus.BAD_REQUEST, "invalid_request", message)


def head_too_large(limits: ConnectionLimits) -> Refusal:
    """A head with too many bytes or too many headers."""
    message = f"The request's head is larger than {limits.head_bytes} bytes or {limits.header_lines} headers."
    return Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", message)


def too_slow(part: str, seconds: float) -> Refusal:
    """A head or a body that did not arrive in its time."""
    message = f"The request's {part} did not arrive: {seconds:g} seconds were allowed."
    return Refusal(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", message)
