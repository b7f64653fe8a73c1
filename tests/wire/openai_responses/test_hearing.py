"""A provider's answer is heard as what it says, however it arrives; one that is not whole is never taken for it."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.openai_responses.talk import answers
from tollbar.domain.errors import StreamBroken, UpstreamFailed
from tollbar.domain.events import (
    Cited,
    Finished,
    FinishReason,
    Refused,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolArguments,
    ToolCalled,
    UsageSeen,
)
from tollbar.domain.fold import fold
from tollbar.domain.messages import Citation
from tollbar.domain.usage import Usage
from tollbar.wire import sse
from tollbar.wire.dialect import Stamp
from tollbar.wire.hearing import MAX_FRAME_BYTES, Passing
from tollbar.wire.openai_responses.hearing import Hearing
from tollbar.wire.openai_responses.request import decode
from tollbar.wire.openai_responses.response import EventEncoder, encode

STAMP = Stamp("abc", 1_700_000_000)
REQUEST = decode(b'{"model":"asked","input":"Hi","stream":true}')
FINISHED = {"status": "completed", "output": []}


def streamed(events: Sequence[StreamEvent]) -> bytes:
    """The bytes of a streamed answer."""
    encoder = EventEncoder(REQUEST, STAMP)
    return b"".join(map(encoder.encode, events)) + encoder.end()


def heard(*pieces: bytes, stream: bool = True) -> list[StreamEvent]:
    """What is heard of an answer that arrives in these pieces."""
    hearing = Hearing(stream)
    events = [event for piece in pieces for event in hearing.feed(piece)]
    assert stream or not events
    return events + hearing.end()


def step(kind: str, **fields: Any) -> bytes:
    """One event of a stream."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), json.dumps({"type": kind, **fields}).encode())


def completed(**fields: Any) -> bytes:
    """The last event of a stream."""
    return step("response.completed", response={**FINISHED, **fields})


def item(kind: str, place: int, **fields: Any) -> bytes:
    """An item that begins or ends."""
    return step(f"response.output_item.{kind}", output_index=place, item=fields)


@given(answers())
def test_what_was_told_is_heard(events: list[StreamEvent]) -> None:
    """Every piece, in order, from our own encoder's stream."""
    start, *rest = heard(streamed(events))
    assert start == Started("resp_abc", "asked")
    assert rest == events


@given(answers())
def test_a_document_says_what_its_stream_says(events: list[StreamEvent]) -> None:
    """The same answer, folded."""
    raw = encode(REQUEST, [Started("x", "real"), *events], STAMP)
    found = heard(raw, stream=False)
    assert encode(REQUEST, found, STAMP) == raw
    assert fold(found).answers == fold(heard(streamed(events))).answers
    assert fold(found).usage == fold(events).usage


@given(answers(), st.data())
def test_how_a_stream_is_cut_into_reads_changes_nothing(events: list[StreamEvent], data: st.DataObject) -> None:
    """The events are the same, whatever the chunks, and a relay passes every byte of them."""
    raw = streamed(events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert heard(*pieces) == heard(raw)
    assert heard(*pieces, b"") == heard(raw.replace(b"\n", b"\r\n"))
    relay = Passing(Hearing(stream=True), sse.Splitter())
    frames = [found for piece in pieces if (found := relay.feed(piece)) is not None]
    assert relay.end() is None
    assert b"".join(found.raw for found in frames) == raw
    assert [found.usage for found in frames if found.usage] == [fold(events).usage]


@given(st.binary(max_size=60) | st.sampled_from([b"data: {}", b"data: [1]", b'data: {"type": 5, "response": 5}']))
def test_nothing_but_our_own_errors_is_raised(raw: bytes) -> None:
    """Whatever a provider sends."""
    for stream in (True, False):
        with pytest.raises((StreamBroken, UpstreamFailed)):
            heard(raw + b"\n\n", stream=stream)


def test_what_providers_do_differently_is_heard() -> None:
    """Raw thoughts in place of a summary, several summaries, items told whole, custom tools, words for ends."""
    raw = (
        step("response.created", response={"id": "x", "model": "real"})
        + step("response.reasoning_text.delta", output_index=0, delta="Hm.")
        + item("done", 0, type="reasoning", content=[{"type": "reasoning_text", "text": "Hm."}])
        + step("response.reasoning_summary_part.added", output_index=1, summary_index=1)
        + item("done", 2, type="message", content=[{"type": "output_text", "text": "Hi"}, {"refusal": "No."}])
        + item("done", 3, type="function_call", call_id="a", name="f", arguments="{}")
        + item("added", 4, type="custom_tool_call", call_id="b", name="g", input="")
        + step("response.custom_tool_call_input.delta", output_index=4, delta="x")
        + item("done", 4, type="custom_tool_call", call_id="b", name="g", input="x")
        + item("done", 5, type="web_search_call", action={})
        + item("added", 6, type={"is": "function_call"}, call_id="c")
        + step("response.incomplete", response={"status": "incomplete", "incomplete_details": {"reason": "odd"}})
    )
    assert heard(raw) == [
        Started("x", "real"),
        Thinking("Hm."),
        Thinking("\n\n"),
        Text("Hi"),
        Refused("No."),
        ToolCalled(0, "a", "f"),
        ToolArguments(0, "{}"),
        ToolCalled(1, "b", "g"),
        ToolArguments(1, "x"),
        Finished(FinishReason.LENGTH),
    ]


def test_citations_are_heard_streamed_and_whole() -> None:
    """Each with its address, its title and its place."""
    events = [Text("Hi"), Cited(Citation("https://example.org/a", "A", None, 0, 2)), Finished(FinishReason.STOP)]
    assert heard(streamed(events))[1:] == events
    assert heard(encode(REQUEST, events, STAMP), stream=False)[1:] == events


def test_impossible_figures_are_read_as_the_nearest_possible() -> None:
    """A report cannot be negative, nor more than any call can use."""
    usage = {"input_tokens": -5, "output_tokens": 10**15, "input_tokens_details": None}
    assert UsageSeen(Usage(0, 1_000_000_000)) in heard(completed(usage=usage))


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    """Other dialects' answers must be text."""
    raw = b'data: {"type": "response.output_text.delta", "delta": "a\\ud800b"}\n\n'
    assert Text("a\ufffdb") in heard(raw + completed())
    thought = item("done", 0, type="reasoning", summary=[{"type": "summary_text", "text": "a\ud800b"}])
    assert Thinking("a\ufffdb") in heard(thought + completed())


def test_what_follows_the_end_is_not_the_answers() -> None:
    """It is not even read."""
    assert heard(completed() + b"data: nonsense\n\n", b"data: more\n\n", b"data") == heard(completed())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b": nothing\n\n",
        b"data: [DONE]\n\n",
        step("response.output_text.delta", delta="x"),
        b"data: {broken\n\n",
        b"data: 5\n\n",
        step("error", code="server_error", message="It fell over."),
        step("response.failed", response={"error": {"code": "server_error", "message": "It fell over."}}),
        b'data: {"error": {"message": "It fell over."}}\n\n',
    ],
)
def test_a_stream_that_is_not_whole_is_broken(raw: bytes) -> None:
    """Cut, garbled, unfinished or with an error in it."""
    with pytest.raises(StreamBroken) as fault:
        heard(raw)
    assert fault.value.is_retryable is True


def test_an_error_of_the_callers_own_is_not_tried_again() -> None:
    """A prompt that is refused would be refused again."""
    with pytest.raises(StreamBroken, match="Too rude") as fault:
        heard(step("response.failed", response={"error": {"code": "invalid_prompt", "message": "Too rude."}}))
    assert fault.value.is_retryable is False


def test_a_frame_without_an_end_is_refused() -> None:
    """Before it takes all the memory there is."""
    hearing = Hearing(stream=True)
    assert hearing.feed(b"x" * MAX_FRAME_BYTES) == []
    with pytest.raises(StreamBroken, match="more than"):
        hearing.feed(b"x")


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"{}", b'{"output": 5}', b'{"error": {"message": "No."}}', b'{"status":"failed","output":[]}'],
)
def test_a_document_that_is_no_answer_is_a_failure(raw: bytes) -> None:
    """It can be retried."""
    with pytest.raises(UpstreamFailed) as fault:
        heard(raw, stream=False)
    assert fault.value.is_retryable is True
