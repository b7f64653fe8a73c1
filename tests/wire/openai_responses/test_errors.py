"""A failure inside a stream is told so that agents and SDKs both notice."""

import json

from openai.types.responses import ResponseErrorEvent, ResponseFailedEvent

from tollbar.domain.errors import StreamBroken, UpstreamBusy
from tollbar.wire import sse
from tollbar.wire.openai_responses.errors import encode_stream_error


def test_the_response_fails_and_the_stream_ends_with_an_error() -> None:
    """Each as the SDK's model has it; the error holds an object too, at which the SDK raises."""
    failed, error = (json.loads(data or b"") for data in sse.payloads(encode_stream_error(StreamBroken("Cut."), "r1")))
    told = ResponseFailedEvent.model_validate(failed).response
    assert (told.id, told.status) == ("resp_r1", "failed")
    assert told.error is not None
    assert (told.error.code, told.error.message) == ("server_error", "Cut.")
    assert ResponseErrorEvent.model_validate(error).message == "Cut."
    assert error["error"]["request_id"] == "r1"


def test_a_limit_is_told_as_one() -> None:
    """So that an agent waits before it asks again."""
    assert b'"code":"rate_limit_exceeded"' in encode_stream_error(UpstreamBusy("Slow down."), "r1")
