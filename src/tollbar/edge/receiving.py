"""Reads a request's body, within its limit."""

import asyncio
from collections.abc import Sequence

from tollbar.domain.errors import InvalidValue, PayloadTooLarge
from tollbar.edge.line import Receive

MAX_BODY_SETTING = "input.max_body_bytes"


class CallerLeft(asyncio.CancelledError):
    """The caller closed the connection before its request was whole.

    A cancellation, because that is what becomes of the call: nobody is left to be answered.
    """


async def read_body(
    headers: Sequence[tuple[bytes, bytes]], receive: Receive, limit_bytes: int, setting: str = MAX_BODY_SETTING
) -> bytes:
    """The whole body; raises PayloadTooLarge before it is read where its length is told, InvalidValue, CallerLeft."""
    fields = dict(headers)
    length = fields.get(b"content-length", b"")
    if length.isdigit() and int(length) > limit_bytes:
        raise too_large(limit_bytes, setting)
    if b"content-encoding" in fields and fields[b"content-encoding"].strip().lower() not in (b"", b"identity"):
        raise InvalidValue("The body is compressed, which is not accepted here.", hint="Send it as plain JSON.")
    message = await receive()
    first = _piece(message)
    size = len(first)
    if not message.get("more_body") and size <= limit_bytes:
        return first
    pieces = [first]
    while message.get("more_body") and size <= limit_bytes:
        message = await receive()
        pieces.append(_piece(message))
        size += len(pieces[-1])
    if size > limit_bytes:
        raise too_large(limit_bytes, setting)
    return b"".join(pieces)


def too_large(limit_bytes: int, setting: str = MAX_BODY_SETTING) -> PayloadTooLarge:
    """The error for a body over the limit, naming the setting."""
    hint = f"The setting {setting!r} raises the limit."
    return PayloadTooLarge(f"The body is larger than {limit_bytes} bytes.", hint=hint, details={"max": limit_bytes})


def _piece(message: object) -> bytes:
    if not isinstance(message, dict) or message["type"] == "http.disconnect":
        raise CallerLeft
    piece = message.get("body", b"")
    return piece if isinstance(piece, bytes) else bytes(piece)
