"""Each failure in Google's words, so that its SDKs raise their own classes."""

import json

import pytest
from google.genai import errors as google

from tollbar.domain.errors import (
    GatewayError,
    InternalError,
    InvalidKey,
    InvalidValue,
    NotAllowed,
    OutOfCredit,
    Overloaded,
    PayloadTooLarge,
    RateLimited,
    UnknownModel,
    UpstreamBusy,
    UpstreamRejected,
    UpstreamTimeout,
)
from tollbar.wire.gemini.errors import encode_array_error, encode_error, encode_stream_error


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (InvalidValue("No.", field="contents"), 400, "INVALID_ARGUMENT"),
        (InvalidKey("No."), 401, "UNAUTHENTICATED"),
        (NotAllowed("No."), 403, "PERMISSION_DENIED"),
        (UnknownModel("No."), 404, "NOT_FOUND"),
        (PayloadTooLarge("No."), 413, "INVALID_ARGUMENT"),
        (RateLimited("No.", retry_after_seconds=12.5), 429, "RESOURCE_EXHAUSTED"),
        (OutOfCredit("No."), 429, "RESOURCE_EXHAUSTED"),
        (InternalError("No."), 500, "INTERNAL"),
        (Overloaded("No."), 503, "UNAVAILABLE"),
        (UpstreamBusy("No."), 503, "UNAVAILABLE"),
        (UpstreamTimeout("No."), 504, "DEADLINE_EXCEEDED"),
    ],
)
def test_a_failure_has_googles_status(error: GatewayError, code: int, status: str) -> None:
    """And the SDK reads it, with our own code in the details."""
    told, body = encode_error(error, "req_1")
    document = json.loads(body)
    assert told == code
    raised = google.APIError(told, document)
    assert (raised.code, raised.status, raised.message) == (code, status, error.text)
    info = document["error"]["details"][0]
    assert (info["reason"], info["metadata"]["request_id"]) == (error.code.upper(), "req_1")


def test_details_say_the_field_and_how_long_to_wait() -> None:
    """In the types that Google has for them."""
    _, body = encode_error(InvalidValue("No.", field="contents"), "r")
    assert json.loads(body)["error"]["details"][1]["fieldViolations"] == [{"field": "contents", "description": "No."}]
    _, body = encode_error(RateLimited("No.", retry_after_seconds=12.5), "r")
    assert json.loads(body)["error"]["details"][1]["retryDelay"] == "12.5s"
    _, body = encode_error(RateLimited("No.", retry_after_seconds=10), "r")
    assert json.loads(body)["error"]["details"][1]["retryDelay"] == "10s"
    _, body = encode_error(UpstreamRejected("No.", details={"code": "400", "param": "x"}), "r")
    assert json.loads(body)["error"]["details"][0]["metadata"] == {"request_id": "r", "code": "400", "param": "x"}


def test_a_failure_within_a_stream_is_bare() -> None:
    """Between events without `data:`, in an array as its last item."""
    error = Overloaded("No.")
    assert json.loads(encode_stream_error(error, "r")) == json.loads(encode_error(error, "r")[1])
    assert json.loads(b"[{}" + encode_array_error(error, "r"))[1]["error"]["code"] == 503
