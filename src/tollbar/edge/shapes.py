"""Which shape an address tells its failures in: that of the dialect it belongs to, else the unified one."""

from collections.abc import Callable
from typing import NamedTuple

from tollbar.domain.errors import GatewayError
from tollbar.edge.routes import CALLS, pattern_of
from tollbar.wire import openai_chat
from tollbar.wire.dialect import own_status
from tollbar.wire.simple import errors as unified

OPENAI_PLACES = ("/v1/", "/models", "/chat/completions", "/responses", "/completions")
"""Beginnings of the addresses, served or not, at which OpenAI's clients ask: they read errors in OpenAI's shape."""


class ErrorShape(NamedTuple):
    """How errors are written: status and body, the status alone, and the schema's name in the document."""

    encode: Callable[[GatewayError, str], tuple[int, bytes]]
    status_of: Callable[[GatewayError], int]
    schema: str


OPENAI = ErrorShape(openai_chat.DIALECT.encode_error, own_status, "Error")
UNIFIED = ErrorShape(unified.encode_error, unified.status_of, "UnifiedError")

_OF_CALLS = tuple((pattern_of(row.path), row.dialect) for row in CALLS)


def shape_of(path: str) -> ErrorShape:
    """The shape of an address, whether or not there is anything at it."""
    for pattern, dialect in _OF_CALLS:
        if pattern.match(path):
            return OPENAI if dialect.encode_error is OPENAI.encode else UNIFIED
    return OPENAI if path.startswith(OPENAI_PLACES) else UNIFIED
