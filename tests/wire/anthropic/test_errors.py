"""Failures in Anthropic's shape: its SDK raises the class that fits."""

import json
from collections.abc import Iterator

import anthropic
import httpx2
import pytest
from anthropic import Anthropic

from tests.domain.test_errors import everything, made
from tests.wire.openai_chat.test_errors import Answering
from tollbar.domain.errors import (
    ContextTooLarge,
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
    UpstreamFailed,
    UpstreamRejected,
    UpstreamTimeout,
)
from tollbar.wire import sse
from tollbar.wire.anthropic.errors import encode_error, encode_stream_error, status_of

RAISED: list[tuple[type[GatewayError], int, str, type[anthropic.APIStatusError]]] = [
    (InvalidValue, 400, "invalid_request_error", anthropic.BadRequestError),
    (ContextTooLarge, 400, "invalid_request_error", anthropic.BadRequestError),
    (UpstreamRejected, 400, "invalid_request_error", anthropic.BadRequestError),
    (InvalidKey, 401, "authentication_error", anthropic.AuthenticationError),
    (OutOfCredit, 402, "billing_error", anthropic.APIStatusError),
    (NotAllowed, 403, "permission_error", anthropic.PermissionDeniedError),
    (UnknownModel, 404, "not_found_error", anthropic.NotFoundError),
    (PayloadTooLarge, 413, "request_too_large", anthropic.APIStatusError),
    (RateLimited, 429, "rate_limit_error", anthropic.RateLimitError),
    (InternalError, 500, "api_error", anthropic.InternalServerError),
    (UpstreamFailed, 502, "api_error", anthropic.InternalServerError),
    (UpstreamTimeout, 504, "timeout_error", anthropic.InternalServerError),
    (UpstreamBusy, 529, "overloaded_error", anthropic.InternalServerError),
    (Overloaded, 529, "overloaded_error", anthropic.InternalServerError),
]


@pytest.fixture(scope="module")
def network() -> Answering:
    """What the SDK talks to."""
    return Answering()


@pytest.fixture(scope="module")
def client(network: Answering) -> Iterator[Anthropic]:
    """The SDK, without retries."""
    with Anthropic(api_key="k", max_retries=0, http_client=httpx2.Client(transport=network)) as client:
        yield client


@pytest.mark.parametrize(("kind", "status", "word", "raised"), RAISED)
def test_the_sdk_raises_the_class_that_fits(
    kind: type[GatewayError], status: int, word: str, raised: type[Exception], network: Answering, client: Anthropic
) -> None:
    """By the status; the body says the type, the words and the request's id, and nothing else."""
    error = made(kind)
    network.status, network.body = encode_error(error, "req-1")
    assert (network.status, status_of(error)) == (status, status)
    with pytest.raises(raised):
        client.messages.create(model="m", max_tokens=1, messages=[])
    body = json.loads(network.body)
    assert (body["type"], body["error"]["type"], body["request_id"]) == ("error", word, "req-1")
    assert (set(body), set(body["error"])) == ({"type", "error", "request_id"}, {"type", "message"})


@pytest.mark.parametrize("kind", list(everything()))
def test_every_error_can_be_told(kind: type[GatewayError]) -> None:
    """Before the first byte and after it, in the same words."""
    error = made(kind)
    status, body = encode_error(error, "r")
    assert status >= 400
    raw = encode_stream_error(error, "r")
    assert raw.startswith(b"event: error\n")
    assert sse.payloads(raw) == [body]


def test_the_field_at_fault_is_named() -> None:
    """By the words themselves, since the shape has no place for it."""
    said = json.loads(encode_error(InvalidValue("It is too small.", field="max_tokens"), "r")[1])["error"]["message"]
    assert said == "max_tokens: It is too small."
    named = json.loads(encode_error(InvalidValue("'n' must be 1.", field="n"), "r")[1])["error"]["message"]
    assert named == "'n' must be 1."
