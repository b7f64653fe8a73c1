"""Every error of the tree in the unified shape."""

import json
from typing import Any

import pytest

from tests.domain.test_errors import everything, made
from tests.wire.simple.sse_reader import read_events
from tollbar.domain import errors
from tollbar.domain.errors import GatewayError
from tollbar.wire.simple.errors import CODES, encode_error, encode_stream_error, row_of, status_of

CONTRACT = {
    "INVALID_JSON": 422,
    "MISSING_REQUIRED_FIELD": 422,
    "INVALID_TYPE": 422,
    "INVALID_VALUE": 422,
    "INVALID_MODEL": 400,
    "INVALID_API_KEY": 401,
    "KEY_EXPIRED": 401,
    "INSUFFICIENT_CREDITS": 403,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "NOT_IMPLEMENTED": 501,
    "CONFLICT": 409,
    "KEY_ALREADY_ISSUED": 409,
    "KEY_ALREADY_USED": 401,
    "SERVICE_UNAVAILABLE": 503,
    "PAYLOAD_TOO_LARGE": 413,
    "RATE_LIMIT_EXCEEDED": 429,
    "INTERNAL_ERROR": 500,
    "TIMEOUT": 504,
    "UPSTREAM_ERROR": 502,
    "REQUEST_TIMEOUT": 408,
    "URL_TOO_LONG": 414,
    "HEADERS_TOO_LARGE": 431,
}


def told(error: GatewayError) -> dict[str, Any]:
    """The error object that a caller gets."""
    return json.loads(encode_error(error, "req-1")[1])["error"]


@pytest.mark.parametrize("kind", list(everything()))
def test_every_class_has_the_unified_shape(kind: type[GatewayError]) -> None:
    """Code, message, status and details, before the first byte and in a stream; the status is the same everywhere."""
    error = made(kind)
    error.field = "prompt"
    status, body = encode_error(error, "req-1")
    assert json.loads(body) == {"error": told(error)}
    assert set(told(error)) == {"code", "message", "status", "field", "details"}
    assert told(error)["status"] == status == status_of(error) == row_of(kind)[1]
    assert told(error)["code"] == told(error)["code"].upper()
    (event,) = read_events(encode_stream_error(error, "req-1"))
    assert (event.kind, json.loads(event.data)) == ("error", json.loads(body))


def test_the_codes_are_the_contracts() -> None:
    """Each with its status; one more for what is wrong in no other way, and one for a call that was cancelled."""
    assert dict(CODES.values()) == {**CONTRACT, "INVALID_REQUEST": 400, "CANCELLED": 499}


def test_a_class_that_is_not_listed_is_told_as_its_parent() -> None:
    """A new kind of error needs no row."""
    assert row_of(errors.MissingKey) == ("INVALID_API_KEY", 401)
    assert row_of(errors.Overloaded) == ("SERVICE_UNAVAILABLE", 503)
    assert row_of(errors.StreamBroken) == row_of(errors.UpstreamBusy) == ("INTERNAL_ERROR", 500)


def test_a_field_is_there_only_where_one_is_at_fault() -> None:
    """Details always are, as an object."""
    assert told(errors.NotFound("No.")) == {"code": "NOT_FOUND", "message": "No.", "status": 404, "details": {}}
    bounds = {"min": 0, "max": 2, "received": 3.5}
    error = told(errors.InvalidValue("No.", field="temperature", details=bounds))
    assert (error["field"], error["details"]) == ("temperature", bounds)


def test_attempts_are_told_and_secrets_are_not() -> None:
    """Which targets failed, and how."""
    error = errors.UpstreamFailed("It answered 500.", is_retryable=True)
    attempts = [{"target": "main/m", "code": "upstream_failed", "status": 500}]
    error.attempts = attempts
    assert (told(error)["code"], told(error)["status"]) == ("INTERNAL_ERROR", 500)
    assert told(error)["details"] == {"attempts": attempts}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Insufficient credits: this call needs 2, and 0 are left.", None),
        ("Insufficient dollars: this call needs 2, and 0 are left.", None),
        ("No.", "Insufficient credits: No."),
    ],
)
def test_too_few_credits_are_told_as_such(message: str, expected: str | None) -> None:
    """The message begins with what is short."""
    assert told(errors.OutOfCredit(message))["message"] == (expected or message)


@pytest.mark.parametrize("text", ["half \ud800", "two\nlines\r\n", '"quoted"', "x" * 10_000])
def test_any_message_can_be_told(text: str) -> None:
    """At most 500 characters of it, in one event."""
    assert told(errors.InvalidType(text, details={"received": text}))["message"] == text[:500]
    assert len(read_events(encode_stream_error(errors.InvalidType(text), "req-1"))) == 1
