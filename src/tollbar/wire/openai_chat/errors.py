"""Failures in OpenAI's shape, so that its SDKs raise their own exception classes.

Reference: the error codes guide of the OpenAI API. The SDKs choose the class by status (400 BadRequestError, 401
AuthenticationError, 403 PermissionDeniedError, 404 NotFoundError, 429 RateLimitError, 5xx InternalServerError).
"""

from tollbar.domain.errors import (
    AccessError,
    CallCancelled,
    GatewayError,
    NotAllowed,
    OutOfCredit,
    Overloaded,
    RateLimited,
    RequestError,
    UpstreamError,
    UpstreamRejected,
)
from tollbar.wire.writing import encoded


def encode_error(error: GatewayError, request_id: str) -> tuple[int, bytes]:
    """The status and body that tell of a failure before the first byte of an answer."""
    return error.status, encoded({"error": _error_object(error, request_id)})


def encode_stream_error(error: GatewayError, request_id: str) -> bytes:
    """The event that tells of a failure after it; no end mark follows."""
    return b"data: " + encoded({"error": _error_object(error, request_id)}) + b"\n\n"


def _error_object(error: GatewayError, request_id: str) -> dict[str, object]:
    told: dict[str, object] = {
        "message": error.text[:500],
        "type": _type(error),
        "param": error.field,
        "code": error.code,
        "request_id": request_id,
    }
    if isinstance(error, UpstreamRejected):  # the provider's own words for what is wrong with the request
        told["param"] = error.details.get("param")
        told["code"] = error.details.get("code") or error.code
    if error.details:
        told["details"] = dict(error.details)
    return told


def _type(error: GatewayError) -> str:
    match error:
        case OutOfCredit():
            return "insufficient_quota"
        case RateLimited():
            return "rate_limit_error"
        case Overloaded():
            return "overloaded_error"
        case NotAllowed():
            return "permission_error"
        case AccessError():
            return "authentication_error"
        case RequestError() | UpstreamRejected() | CallCancelled():
            return "invalid_request_error"
        case UpstreamError():
            return "upstream_error"
        case _:
            return "server_error"
