"""Failures in Anthropic's shape, so that its SDKs raise their own exception classes.

Reference: the page on errors of the Anthropic API. The SDKs choose the class by status; 529 is this API's own for an
overload, and 402 for an account without money.
"""

from tollbar.domain.errors import (
    AccessError,
    CallCancelled,
    GatewayError,
    NotAllowed,
    NotFound,
    OutOfCredit,
    Overloaded,
    PayloadTooLarge,
    RateLimited,
    RequestError,
    UnknownModel,
    UpstreamBusy,
    UpstreamRejected,
    UpstreamTimeout,
)
from tollbar.wire.writing import encoded

LONGEST_MESSAGE = 500


def status_of(error: GatewayError) -> int:
    """The status of an error in this dialect."""
    match error:
        case OutOfCredit():
            return 402
        case Overloaded() | UpstreamBusy():
            return 529
        case _:
            return error.status


def encode_error(error: GatewayError, request_id: str) -> tuple[int, bytes]:
    """The status and body that tell of a failure before the first byte of an answer."""
    return status_of(error), _told(error, request_id)


def encode_stream_error(error: GatewayError, request_id: str) -> bytes:
    """The event that tells of a failure after it; nothing follows."""
    return b"event: error\ndata: %b\n\n" % _told(error, request_id)


def _told(error: GatewayError, request_id: str) -> bytes:
    told = {"type": _type(error), "message": _message(error)}
    return encoded({"type": "error", "error": told, "request_id": request_id})


def _message(error: GatewayError) -> str:
    """The words, which must name the field by themselves: the shape has no other place for it."""
    text = error.text[:LONGEST_MESSAGE]
    if error.field is None or error.field in text:
        return text
    return f"{error.field}: {text}"[:LONGEST_MESSAGE]


def _type(error: GatewayError) -> str:
    match error:
        case OutOfCredit():
            return "billing_error"
        case RateLimited():
            return "rate_limit_error"
        case Overloaded() | UpstreamBusy():
            return "overloaded_error"
        case NotAllowed():
            return "permission_error"
        case AccessError():
            return "authentication_error"
        case UnknownModel() | NotFound():
            return "not_found_error"
        case PayloadTooLarge():
            return "request_too_large"
        case RequestError() | UpstreamRejected() | CallCancelled():
            return "invalid_request_error"
        case UpstreamTimeout():
            return "timeout_error"
        case _:
            return "api_error"
