"""Failures in Ollama's shape: `error` is the text, and the status says the rest to its SDK, which raises ResponseError.

What else there is to tell stands beside it, where Ollama's clients do not look.
"""

from tollbar.domain.errors import GatewayError
from tollbar.wire.writing import encoded


def encode_error(error: GatewayError, request_id: str) -> tuple[int, bytes]:
    """The status and body that tell of a failure before the first byte of an answer."""
    return error.status, encoded(_told(error, request_id))


def encode_stream_error(error: GatewayError, request_id: str) -> bytes:
    """The line that tells of a failure after it; none with `done: true` follows."""
    return encoded(_told(error, request_id)) + b"\n"


def _told(error: GatewayError, request_id: str) -> dict[str, object]:
    told: dict[str, object] = {"error": error.text[:500], "code": error.code, "request_id": request_id}
    if error.field:
        told["field"] = error.field
    return {**told, "details": dict(error.details)} if error.details else told
