"""Reads a request's body, within its limit."""

from collections.abc import Iterable

from tollbar.domain.errors import InvalidValue, PayloadTooLarge
from tollbar.edge.line import Receive


class CallerLeft(Exception):
    """The caller closed the connection before its request was whole."""


async def read_body(headers: Iterable[tuple[bytes, bytes]], receive: Receive, limit_bytes: int) -> bytes:
    """The whole body; raises PayloadTooLarge before it is read where its length is told, InvalidValue, CallerLeft."""
    for name, value in headers:
        if name == b"content-length" and value.isdigit() and int(value) > limit_bytes:
            raise too_large(limit_bytes)
        if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            raise InvalidValue("The body is compressed, which is not accepted here.", hint="Send it as plain JSON.")
    message = await receive()
    body = _piece(message)
    if not message.get("more_body"):
        return body
    pieces = [body]
    size = len(body)
    while message.get("more_body"):
        message = await receive()
        piece = _piece(message)
        size += len(piece)
        if size > limit_bytes:
            raise too_large(limit_bytes)
        pieces.append(piece)
    return b"".join(pieces)


def too_large(limit_bytes: int) -> PayloadTooLarge:
    """The error for a body over the limit, naming the setting."""
    hint = "The setting 'server.max_body_bytes' raises the limit."
    return PayloadTooLarge(f"The body is larger than {limit_bytes} bytes.", hint=hint, details={"max": limit_bytes})


def _piece(message: object) -> bytes:
    if not isinstance(message, dict) or message["type"] == "http.disconnect":
        raise CallerLeft
    piece = message.get("body", b"")
    return piece if isinstance(piece, bytes) else bytes(piece)
