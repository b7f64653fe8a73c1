"""Failures in Google's shape, so that its SDKs raise their own exception classes.

Reference: AIP-193 and `google.rpc.error_details`. The SDKs choose the class by status (ClientError, ServerError) and
show `status` and `message`; `details` hold our own code, the request's id, the field and how long to wait.
"""

from tollbar.domain.errors import GatewayError, RateLimited, UpstreamError, UpstreamRejected
from tollbar.wire.writing import encoded

_TYPE = "type.googleapis.com/google.rpc."
_STATUSES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def encode_error(error: GatewayError, request_id: str) -> tuple[int, bytes]:
    """The status and body that tell of a failure before the first byte of an answer."""
    return error.status, encoded({"error": _error_object(error, request_id)})


def encode_stream_error(error: GatewayError, request_id: str) -> bytes:
    """What tells of a failure after it: bare, without `data:`, as Google does; its SDKs look for just that."""
    return encoded({"error": _error_object(error, request_id)}) + b"\n\n"


def encode_array_error(error: GatewayError, request_id: str) -> bytes:
    """The same as the last item of an array."""
    return b",\r\n" + encoded({"error": _error_object(error, request_id)}) + b"]"


def _error_object(error: GatewayError, request_id: str) -> dict[str, object]:
    metadata = {"request_id": request_id, **({"param": error.field} if error.field else {})}
    if isinstance(error, UpstreamRejected):  # the provider's own words for what is wrong with the request
        found = {name: str(error.details.get(name) or "") for name in ("code", "param")}
        metadata |= {name: text for name, text in found.items() if text}
    details: list[dict[str, object]] = [
        {"@type": f"{_TYPE}ErrorInfo", "reason": error.code.upper(), "domain": "tollbar", "metadata": metadata}
    ]
    if error.field:
        violation = {"field": error.field, "description": error.message[:500]}
        details.append({"@type": f"{_TYPE}BadRequest", "fieldViolations": [violation]})
    wait = error.retry_after_seconds if isinstance(error, RateLimited | UpstreamError) else None
    if wait is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{wait:.3f}".rstrip("0").rstrip(".") + "s"})
    status = _STATUSES.get(error.status, "INVALID_ARGUMENT")
    return {"code": error.status, "message": error.text[:500], "status": status, "details": details}
