"""Failures in the one shape that every address outside the dialects answers with.

`{"error": {"code", "message", "status", "field"?, "details"}}`: codes in upper case, `details` always an object. A
provider that failed on every attempt is a fault of ours here; the attempts are told, the providers' words are not.
"""

from tollbar.domain import errors
from tollbar.domain.errors import GatewayError, OutOfCredit, UpstreamError
from tollbar.wire import sse
from tollbar.wire.writing import encoded

CODES: dict[type[GatewayError], tuple[str, int]] = {
    errors.RequestError: ("INVALID_REQUEST", 400),
    errors.InvalidJson: ("INVALID_JSON", 422),
    errors.MissingField: ("MISSING_REQUIRED_FIELD", 422),
    errors.InvalidType: ("INVALID_TYPE", 422),
    errors.InvalidValue: ("INVALID_VALUE", 422),
    errors.ContextTooLarge: ("INVALID_VALUE", 422),
    errors.InvalidModel: ("INVALID_MODEL", 400),
    errors.UnknownModel: ("NOT_FOUND", 404),
    errors.NotFound: ("NOT_FOUND", 404),
    errors.MethodNotAllowed: ("METHOD_NOT_ALLOWED", 405),
    errors.NotServed: ("NOT_IMPLEMENTED", 501),
    errors.Conflict: ("CONFLICT", 409),
    errors.KeyAlreadyIssued: ("KEY_ALREADY_ISSUED", 409),
    errors.PayloadTooLarge: ("PAYLOAD_TOO_LARGE", 413),
    errors.RequestTimeout: ("REQUEST_TIMEOUT", 408),
    errors.AddressTooLong: ("URL_TOO_LONG", 414),
    errors.HeadTooLarge: ("HEADERS_TOO_LARGE", 431),
    errors.AccessError: ("INVALID_API_KEY", 401),
    errors.ExpiredKey: ("KEY_EXPIRED", 401),
    errors.KeyAlreadyUsed: ("KEY_ALREADY_USED", 401),
    errors.NotAllowed: ("FORBIDDEN", 403),
    errors.OutOfCredit: ("INSUFFICIENT_CREDITS", 403),
    errors.RateLimited: ("RATE_LIMIT_EXCEEDED", 429),
    errors.AdmissionError: ("SERVICE_UNAVAILABLE", 503),
    errors.EngineUnavailable: ("SERVICE_UNAVAILABLE", 503),
    errors.UpstreamFull: ("RATE_LIMIT_EXCEEDED", 429),
    errors.UpstreamRejected: ("INVALID_REQUEST", 400),
    errors.UpstreamMisconfigured: ("UPSTREAM_ERROR", 502),
    errors.UpstreamTimeout: ("TIMEOUT", 504),
    errors.CallCancelled: ("CANCELLED", 499),
    errors.GatewayError: ("INTERNAL_ERROR", 500),
}
"""The code and status of each class; one that is not listed has those of the nearest class above it."""


def encode_error(error: GatewayError, request_id: str) -> tuple[int, bytes]:
    """The status and body that tell of a failure before the first byte of an answer."""
    return status_of(error), encoded(_told(error))


def encode_stream_error(error: GatewayError, request_id: str) -> bytes:
    """The event that tells of a failure after it; nothing follows."""
    return b"event: error\n" + sse.event(encoded(_told(error)))


def status_of(error: GatewayError) -> int:
    """The status of an error in this shape."""
    return row_of(type(error))[1]


def row_of(kind: type[GatewayError]) -> tuple[str, int]:
    """The code and status of a class of errors."""
    return next(CODES[parent] for parent in kind.__mro__ if parent in CODES)


def _told(error: GatewayError) -> dict[str, object]:
    code, status = row_of(type(error))
    told: dict[str, object] = {"code": code, "message": _message(error)[:500], "status": status}
    if error.field:
        told["field"] = error.field
    told["details"] = dict(error.details)
    if isinstance(error, UpstreamError) and error.attempts:
        told["details"] = {**error.details, "attempts": list(error.attempts)}
    return {"error": told}


def _message(error: GatewayError) -> str:
    if isinstance(error, OutOfCredit) and not error.text.startswith("Insufficient "):
        return f"Insufficient credits: {error.text}"
    return error.text
