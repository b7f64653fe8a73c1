"""The canned requests and answers are what the protocols say, and of the size that the budgets speak of."""

import json

import pytest

from bench import answers
from bench.stub import length_of
from tollbar.wire.openai_chat.request import decode


@pytest.mark.parametrize("model", ["plain", "stream"])
def test_requests_are_whole(model: str) -> None:
    """A request is about a kilobyte, tells its length, and can be read by the gateway."""
    body = answers.request_body(model, is_stream=model == "stream")
    head, _, rest = answers.request(1, "key", body).partition(b"\r\n\r\n")
    assert rest == body
    assert length_of(head.lower()) == len(body)
    assert 900 < len(body) < 1_200
    assert (decode(body).model, decode(body).stream) == (model, model == "stream")


def test_the_document_is_an_answer() -> None:
    """The plain answer is about a kilobyte of JSON with a usage report."""
    document = answers.document()
    assert 900 < len(document) < 1_300
    assert json.loads(document)["usage"]["total_tokens"] == 350


def test_the_stream_is_an_answer() -> None:
    """The stream has 64 pieces of text, an end, a usage report and the end mark."""
    events = answers.stream().decode().split("\n\n")
    assert events.pop() == ""
    assert events.pop() == "data: [DONE]"
    told = [json.loads(event.removeprefix("data: ")) for event in events]
    assert sum(bool(each["choices"] and each["choices"][0]["delta"].get("content")) for each in told) == 64
    assert told[-2]["choices"][0]["finish_reason"] == "stop"
    assert told[-1]["choices"] == []


def test_times_have_their_digits() -> None:
    """A timed event can be found by its mark, and its time has a fixed width."""
    _, _, rest = answers.timed_chunk(12_345).partition(answers.TIME_MARK)
    assert int(rest[: answers.TIME_DIGITS]) == 12_345
    assert rest[answers.TIME_DIGITS :].startswith(b'"')
