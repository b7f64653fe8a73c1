"""Failures in OpenAI's shape: its SDK raises the class that fits."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest

from tests.domain.test_errors import everything, made
from tollbar.domain.errors import (
    AccessError,
    AdmissionError,
    GatewayError,
    InternalError,
    InvalidType,
    NotAllowed,
    OutOfCredit,
    Overloaded,
    RateLimited,
    RequestError,
    UpstreamBusy,
    UpstreamError,
    UpstreamRejected,
)
from tollbar.wire import sse
from tollbar.wire.openai_chat.errors import encode_error, encode_stream_error

SDK_CLASSES: dict[int, type[openai.APIStatusError]] = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
    501: openai.InternalServerError,
    502: openai.InternalServerError,
    503: openai.InternalServerError,
    504: openai.InternalServerError,
}


def told(error: GatewayError) -> dict[str, Any]:
    """The error object that a caller gets."""
    return json.loads(encode_error(error, "req-1")[1])["error"]


class Answering(httpx2.BaseTransport):
    """A network that gives every request the same answer."""

    def __init__(self) -> None:
        self.status = 200
        self.body = b""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer."""
        return httpx2.Response(self.status, content=self.body, request=request)


@pytest.fixture(scope="module")
def sdk() -> Iterator[tuple[openai.OpenAI, Answering]]:
    """OpenAI's client, and what it talks to."""
    network = Answering()
    with httpx2.Client(transport=network) as client:
        yield (
            openai.OpenAI(api_key="none", base_url="http://toll.invalid/v1", http_client=client, max_retries=0),
            network,
        )


@pytest.mark.parametrize("kind", list(everything()))
def test_the_sdk_raises_its_own_class_for_every_error(
    kind: type[GatewayError], sdk: tuple[openai.OpenAI, Answering]
) -> None:
    """Chosen by the status, with our code, message and id in it."""
    client, network = sdk
    error = made(kind)
    network.status, network.body = encode_error(error, "req-1")
    with pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(model="m", messages=[])
    assert raised.type is SDK_CLASSES.get(error.status, openai.APIStatusError)  # it names only some
    assert (raised.value.code, raised.value.status_code) == (error.code, error.status)
    assert isinstance(raised.value.body, dict)
    assert (raised.value.body["message"], raised.value.body["request_id"]) == ("No.", "req-1")


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (OutOfCredit, "insufficient_quota"),
        (RateLimited, "rate_limit_error"),
        (Overloaded, "overloaded_error"),
        (NotAllowed, "permission_error"),
        (AccessError, "authentication_error"),
        (RequestError, "invalid_request_error"),
        (UpstreamRejected, "invalid_request_error"),
        (UpstreamError, "upstream_error"),
        (InternalError, "server_error"),
        (AdmissionError, "server_error"),
    ],
)
def test_the_type_is_openais_word(kind: type[GatewayError], word: str) -> None:
    """For each branch of the tree."""
    assert told(made(kind))["type"] == word


def test_an_error_names_its_field_and_details() -> None:
    """`param` is the field; details are there only when there are some."""
    error = told(InvalidType("No.", field="messages[2].content", details={"min": 1}))
    assert (error["param"], error["details"]) == ("messages[2].content", {"min": 1})
    assert "details" not in told(InvalidType("No."))


def test_a_providers_refusal_keeps_its_own_words() -> None:
    """What the provider says is wrong with the request is what helps its sender."""
    own = UpstreamRejected("Unknown parameter.", details={"code": "unknown_parameter", "param": "reasoning.foo"})
    assert (told(own)["code"], told(own)["param"]) == ("unknown_parameter", "reasoning.foo")
    assert (told(UpstreamRejected("No."))["code"], told(UpstreamRejected("No."))["param"]) == ("invalid_request", None)


def test_a_stream_error_is_one_event_without_an_end_mark() -> None:
    """The SDK raises at it, because it holds an error and no [DONE] follows."""
    (data,) = sse.payloads(encode_stream_error(UpstreamBusy("Busy.", hint="Wait."), "req-1"))
    assert json.loads(data or b"") == {"error": told(UpstreamBusy("Busy.", hint="Wait."))}
    assert told(UpstreamBusy("Busy.", hint="Wait."))["message"] == "Busy. Wait."


@pytest.mark.parametrize("text", ["half \ud800", "two\nlines\r\n", '"quoted"', "\u2028", "x" * 10_000])
def test_any_message_can_be_told(text: str) -> None:
    """In one event and one document, at most 500 characters of it, half a surrogate pair included."""
    error = InvalidType(text, field=text[:64], details={"received": text})
    assert told(error)["message"] == text[:500]
    (data,) = sse.payloads(encode_stream_error(error, "req-1"))
    assert json.loads(data or b"")["error"]["param"] == text[:64]
