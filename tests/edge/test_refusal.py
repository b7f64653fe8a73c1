"""What a connection that costs too much is answered: the unified error, with what every answer carries."""

import json
from http import HTTPStatus

from tollbar.edge.refusal import ConnectionLimits, bad_request, head_too_large, too_slow


def test_a_refusal_is_a_whole_response_that_closes_the_connection() -> None:
    """Head and body agree in length, and the id in the body is the header's."""
    raw = bad_request("The header 'host' is missing.").answer("req_1", [(b"x-process-time", b"0.000000")])
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    headers = dict(line.split(b": ") for line in lines)
    assert status == b"HTTP/1.1 400 Bad Request"
    assert headers == {
        b"x-process-time": b"0.000000",
        b"content-type": b"application/json",
        b"content-length": str(len(body)).encode(),
        b"connection": b"close",
        b"x-request-id": b"req_1",
    }
    error = json.loads(body)["error"]
    assert (error["code"], error["message"]) == ("invalid_request", "The header 'host' is missing.")
    assert error["request_id"] == "req_1"


def test_each_names_its_limit() -> None:
    """A caller learns how much would have been accepted."""
    large, slow = head_too_large(ConnectionLimits(head_bytes=99, header_lines=3)), too_slow("body", 60.0)
    assert (large.status, large.message) == (
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The request's head is larger than 99 bytes or 3 headers.",
    )
    assert (slow.status, slow.message) == (
        HTTPStatus.REQUEST_TIMEOUT,
        "The request's body did not arrive: 60 seconds were allowed.",
    )
