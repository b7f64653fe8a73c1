"""Failures as Ollama's SDK reads them."""

import json

from tollbar.domain.errors import InvalidValue, StreamBroken
from tollbar.wire.ollama.errors import encode_error, encode_stream_error


def test_the_text_is_the_error_and_the_rest_stands_beside_it() -> None:
    """The field, the bounds, the id."""
    status, body = encode_error(InvalidValue("No.", field="n", details={"max": 1}), "req_1")
    told = {"error": "No.", "code": "invalid_value", "request_id": "req_1", "field": "n", "details": {"max": 1}}
    assert (status, json.loads(body)) == (400, told)


def test_in_a_stream_it_is_a_line() -> None:
    """That is not `done`."""
    line = encode_stream_error(StreamBroken("It broke."), "req_1")
    assert line.endswith(b"\n")
    assert json.loads(line)["error"] == "It broke."
