"""Reads of a provider's document that take what is not as it should be for absent."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from tollbar.domain.errors import StreamBroken


def document(data: bytes) -> Any:
    """The JSON value in some bytes; raises StreamBroken."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        try:
            return json.loads(data)  # which reads half of a surrogate pair as well
        except (ValueError, RecursionError):
            raise StreamBroken("The provider sent a frame that is no JSON.", is_retryable=True) from None


def an_object(value: object) -> Mapping[str, Any]:
    """An object; empty where there is none."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[Mapping[str, Any]]:
    """The objects in an array."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """A text, each half of a surrogate pair in it replaced; empty where there is none."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else mended(value)


def mended(value: str) -> str:
    """The same text with U+FFFD for each half of a surrogate pair."""
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def count(value: object) -> int:
    """A whole number; 0 where there is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def json_text(value: object) -> str:
    """JSON of a value that was read from JSON."""
    return mended(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
