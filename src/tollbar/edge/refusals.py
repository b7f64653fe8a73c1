"""What a connection is told that the protocol refuses: the unified error, and the connection's end."""

import json
from http import HTTPStatus

import httptools


class Refusal(httptools.HttpParserError):
    """A request that is answered here. Raised in a callback it stops the parser, and then an answer is asked for."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def answer(self, request_id: str, default_headers: list[tuple[bytes, bytes]]) -> bytes:
        """The whole response, head and body."""
        error = {"message": self.message, "type": "invalid_request_error", "param": None, "code": self.code}
        error |= {"status": self.status.value, "field": None, "details": {}, "request_id": request_id}
        body = json.dumps({"error": error}).encode()
        headers = [
            *default_headers,
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            (b"x-request-id", request_id.encode()),
        ]
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        return f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n".encode() + lines + b"\r\n" + body


def bad_request(message: str) -> Refusal:
    """For a request that two readers could understand differently."""
    return Refusal(HTTPStatus.BAD_REQUEST, "invalid_request", message)


def head_too_large(most_bytes: int, most_lines: int) -> Refusal:
    """For a head beyond its bounds."""
    message = f"The request's head is larger than {most_bytes} bytes or {most_lines} headers."
    return Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", message)


def too_slow(part: str, seconds: float) -> Refusal:
    """For a `part` of a request that did not come in time."""
    message = f"The request's {part} did not arrive: {seconds:g} seconds were allowed."
    return Refusal(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", message)
