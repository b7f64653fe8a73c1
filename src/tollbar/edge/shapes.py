"""Which shape an address tells its failures in: that of the dialect it belongs to, else the unified one."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tollbar.domain.errors import GatewayError
from tollbar.edge.credentials import GOOGLE_PLACE
from tollbar.edge.routes import CALLS, pattern_of
from tollbar.wire import anthropic, gemini, ollama, openai_chat
from tollbar.wire.dialect import own_status
from tollbar.wire.simple import errors as unified

OPENAI_PLACES = ("/v1/", "/models", "/chat/completions", "/responses", "/completions", "/embeddings", "/files")
"""Beginnings of the addresses, served or not, at which OpenAI's clients ask: they read errors in OpenAI's shape."""
ANTHROPIC_PLACES = ("/v1/messages", "/messages")
"""The same of Anthropic's."""

OLLAMA_PLACES = ("/api/",)
"""The same of Ollama's."""


class ErrorShape(NamedTuple):
    """How errors are written: status and body, the status alone, and the schema's name in the document.

    `word` is the member of the error by which programs know it.
    """

    encode: Callable[[GatewayError, str], tuple[int, bytes]]
    status_of: Callable[[GatewayError], int]
    schema: str
    word: str = "code"

    def code_in(self, document: Mapping[str, Any]) -> str:
        """The code of a failure that was written in this shape."""
        error = document["error"]
        return str(error[self.word] if isinstance(error, dict) else document[self.word])


OPENAI = ErrorShape(openai_chat.DIALECT.encode_error, own_status, "Error")
ANTHROPIC = ErrorShape(anthropic.DIALECT.encode_error, anthropic.DIALECT.status_of, "AnthropicError", "type")
GOOGLE = ErrorShape(gemini.DIALECT.encode_error, own_status, "GoogleError", "status")
OLLAMA = ErrorShape(ollama.CHAT.encode_error, own_status, "OllamaError")
UNIFIED = ErrorShape(unified.encode_error, unified.status_of, "UnifiedError")

_SHAPES: Mapping[object, ErrorShape] = {shape.encode: shape for shape in (OPENAI, ANTHROPIC, GOOGLE, OLLAMA, UNIFIED)}
_PLACES = (((GOOGLE_PLACE,), GOOGLE), (ANTHROPIC_PLACES, ANTHROPIC), (OLLAMA_PLACES, OLLAMA), (OPENAI_PLACES, OPENAI))
_OF_CALLS = tuple((pattern_of(row.path), _SHAPES[row.dialect.encode_error]) for row in CALLS)


def shape_of(path: str) -> ErrorShape:
    """The shape of an address, whether or not there is anything at it."""
    for pattern, shape in _OF_CALLS:
        if pattern.match(path):
            return shape
    return next((shape for places, shape in _PLACES if path.startswith(places)), UNIFIED)
