"""What a connection that costs too much is answered: an error of ours, with what every answer carries."""

import json
from typing import Any

import pytest

from tollbar.edge.refusal import ConnectionLimits, address_too_long, bad_request, head_too_large, path_of, too_slow


def parts(raw: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Status line, headers and body of a response."""
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    return status, dict(line.split(b": ") for line in lines), body


def told(path: str) -> dict[str, Any]:
    """The error that is told at an address."""
    return json.loads(parts(bad_request("No.").answer(path, "req_1", []))[2])["error"]


def test_a_refusal_is_a_whole_response_that_closes_the_connection() -> None:
    """Head and body agree in length; nobody is invited to try it again."""
    raw = bad_request("The header 'host' is missing.").answer("/chat", "req_1", [(b"x-process-time", b"0.000000")])
    status, headers, body = parts(raw)
    assert status == b"HTTP/1.1 400 Bad Request"
    assert headers == {
        b"x-process-time": b"0.000000",
        b"content-type": b"application/json",
        b"content-length": str(len(body)).encode(),
        b"connection": b"close",
        b"x-content-type-options": b"nosniff",
        b"x-request-id": b"req_1",
        b"x-should-retry": b"false",
    }


def test_its_shape_is_that_of_the_address() -> None:
    """OpenAI's where its clients ask; the unified one elsewhere, and where the address is not known."""
    unified = {"code": "INVALID_REQUEST", "message": "No.", "status": 400, "details": {}}
    assert told("/generate") == told("/nowhere") == told("") == unified
    openai = {"message": "No.", "type": "invalid_request_error", "param": None, "code": "invalid_request"}
    assert told("/v1/chat/completions") == told("/v1/nowhere") == {**openai, "request_id": "req_1"}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        (b"/v1/models?x=1", "/v1/models"),
        (b"/%76%31/models", "/v1/models"),
        (b"http://host/v1/models", "/v1/models"),
        (b"/\xff", ""),
        (b"", ""),
        (b"host:443", ""),
        (b"http://[", ""),
    ],
)
def test_the_path_is_read_as_far_as_it_came(url: bytes, path: str) -> None:
    """Nothing that callers send is a fault of its own."""
    assert path_of(url) == path


def test_each_names_its_limit() -> None:
    """A caller learns how much would have been accepted."""
    limits = ConnectionLimits(head_bytes=99, header_lines=3, url_bytes=9)
    refusals = [head_too_large(limits), address_too_long(limits), too_slow("body", 60.0)]
    assert [(refusal.error.status, refusal.error.message) for refusal in refusals] == [
        (431, "The request's head is larger than 99 bytes or 3 headers."),
        (414, "The address is longer than 9 bytes."),
        (408, "The request's body did not arrive: 60 seconds were allowed."),
    ]
