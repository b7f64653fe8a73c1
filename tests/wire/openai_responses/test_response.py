"""Answers are written as OpenAI's SDK has them, whole and streamed."""

import json

from hypothesis import given
from openai.types.responses import Response

from tests.wire.openai_responses.checking import check_steps
from tests.wire.openai_responses.talk import answers
from tollbar.domain.events import Dropped, Finished, FinishReason, Frames, Started, StreamEvent, Text, UsageSeen
from tollbar.domain.usage import Usage
from tollbar.wire.dialect import Stamp
from tollbar.wire.openai_responses.request import decode
from tollbar.wire.openai_responses.response import EventEncoder, encode

STAMP = Stamp("abc", 1_700_000_000)
REQUEST = decode(b'{"model": "asked",\n"input": "Hi", "metadata": {\n"a": "b"}, "instructions": null, "top_p": 0.50}')


def steps(events: list[StreamEvent]) -> list[dict[str, object]]:
    """The events of a stream, checked."""
    encoder = EventEncoder(REQUEST, STAMP)
    return check_steps(b"".join(map(encoder.encode, events)) + encoder.end())


@given(answers())
def test_every_event_fits_the_sdks_model(events: list[StreamEvent]) -> None:
    """And has its number, its name and its place; the last of them holds what the document is."""
    told = steps(events)
    document = json.loads(encode(REQUEST, events, STAMP))
    Response.model_validate(document)
    assert told[-1]["response"] == document


def test_a_response_repeats_its_request() -> None:
    """And says what is usual where that says nothing."""
    document = json.loads(encode(REQUEST, [Started("x", "real"), Text("Hi"), Finished(FinishReason.STOP)], STAMP))
    assert (document["id"], document["created_at"], document["model"]) == ("resp_abc", 1_700_000_000, "real")
    assert (document["metadata"], document["instructions"], document["top_p"]) == ({"a": "b"}, None, 0.5)
    assert (document["tools"], document["tool_choice"], document["store"]) == ([], "auto", False)
    assert (document["status"], document["usage"], document["incomplete_details"]) == ("completed", None, None)


def test_an_answer_that_was_cut_short_is_incomplete() -> None:
    """With the reason, in the item too."""
    told = steps([Text("Once"), Finished(FinishReason.LENGTH), UsageSeen(Usage(1, 2, 1, 0, 1))])
    assert told[-1]["type"] == "response.incomplete"
    final = told[-1]["response"]
    assert isinstance(final, dict)
    assert final["incomplete_details"] == {"reason": "max_output_tokens"}
    assert final["output"][0]["status"] == "incomplete"
    assert final["usage"] == {
        "input_tokens": 1,
        "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 3,
    }


def test_the_providers_own_bytes_are_passed() -> None:
    """Should they come this way; and what was dropped is not for the stream."""
    assert EventEncoder(REQUEST, STAMP).encode(Frames(b"raw", is_content=True)) == b"raw"
    assert encode(REQUEST, [Frames(b"raw", is_content=True)], STAMP) == b"raw"
    assert EventEncoder(REQUEST, STAMP).encode(Dropped(("x",))) == b""


def test_further_choices_are_not_told() -> None:
    """There is one answer in this dialect."""
    assert steps([Text("b", 1), Text("a"), Finished(FinishReason.STOP, 1), Finished(FinishReason.STOP)])[-1] == (
        steps([Text("a"), Finished(FinishReason.STOP)])[-1] | {"sequence_number": 8}
    )
