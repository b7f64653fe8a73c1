"""JSON on its way out."""

import json

import msgspec

_ENCODE = msgspec.json.Encoder().encode


def encoded(value: object) -> bytes:
    """The JSON of plain values. A lone surrogate, which UTF-8 cannot hold, is written as its escape."""
    try:
        return _ENCODE(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
