"""Which shape an address tells its failures in: that of the dialect it belongs to, else the unified one."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tollbar.domain.errors import GatewayError
from tollbar.edge.routes import CALLS, pattern_of
from tollbar.wire import ollama, openai_chat
from tollbar.wire.dialect import own_status
from tollbar.wire.simple import errors as unified

OPENAI_PLACES = ("/v1/", "/models", "/chat/completions", "/embeddings")
"""Beginnings of the addresses, served or not, at which OpenAI's clients ask: they read errors in OpenAI's shape."""

OLLAMA_PLACES = ("/api/",)
"""The same of Ollama's."""


class ErrorShape(NamedTuple):
    """How errors are written: status and body, the status alone, and the schema's name in the document."""

    encode: Callable[[GatewayError, str], tuple[int, bytes]]
    status_of: Callable[[GatewayError], int]
    schema: str

    def code_in(self, document: Mapping[str, Any]) -> str:
        """The code of a failure that was written in this shape."""
        error = document["error"]
        return str(error["code"] if isinstance(error, dict) else document["code"])


OPENAI = ErrorShape(openai_chat.DIALECT.encode_error, own_status, "Error")
OLLAMA = ErrorShape(ollama.CHAT.encode_error, own_status, "OllamaError")
UNIFIED = ErrorShape(unified.encode_error, unified.status_of, "UnifiedError")

_SHAPES = {shape.encode: shape for shape in (OPENAI, OLLAMA)}
_PLACES = ((OPENAI_PLACES, OPENAI), (OLLAMA_PLACES, OLLAMA))
_OF_CALLS = tuple((pattern_of(row.path), row.dialect) for row in CALLS)


def shape_of(path: str) -> ErrorShape:
    """The shape of an address, whether or not there is anything at it."""
    for pattern, dialect in _OF_CALLS:
        if pattern.match(path):
            return _SHAPES.get(dialect.encode_error, UNIFIED)
    return next((shape for places, shape in _PLACES if path.startswith(places)), UNIFIED)
