"""A stream as one array says what its events say, at any moment."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.gemini.talk import answers
from tests.wire.gemini.test_hearing import REQUEST, STAMP, streamed
from tollbar.domain.errors import Overloaded, StreamBroken
from tollbar.domain.events import Finished, FinishReason, Frames, Started, StreamEvent, Text
from tollbar.wire import sse
from tollbar.wire.gemini.array import ArrayEncoder, ArrayPassing
from tollbar.wire.gemini.errors import encode_array_error
from tollbar.wire.gemini.hearing import Hearing
from tollbar.wire.hearing import Passing


def passing() -> ArrayPassing:
    """One answer on its way."""
    return ArrayPassing(Passing(Hearing(stream=True, passes=True), sse.Splitter()))


@given(answers(), st.booleans())
def test_an_array_has_the_items_of_the_stream(events: list[StreamEvent], is_started: bool) -> None:
    """The first of them whatever happens first."""
    told = [Started("x", "asked"), *events] if is_started else events
    encoder = ArrayEncoder(REQUEST, STAMP)
    first, *pieces = map(encoder.encode, told)
    items = json.loads(b"".join([first, *pieces, encoder.end()]))
    frames = [json.loads(data) for data in sse.payloads(streamed(told)) if data]
    assert items[-len(frames) :] == frames
    assert len(items) - len(frames) in {0, 1}
    assert first.startswith(b"[{")
    assert json.loads(first + encode_array_error(Overloaded("No."), "r"))[-1]["error"]["code"] == 503


@given(answers(), st.data())
def test_a_relayed_array_holds_the_providers_own_objects(events: list[StreamEvent], data: st.DataObject) -> None:
    """Byte for byte, however they arrived."""
    raw = streamed(events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=4)))
    relay = passing()
    pieces = [relay.feed(raw[start:end]) for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    array = b"".join(frames.raw for frames in [*pieces, relay.end()] if frames is not None)
    assert array == b"[" + b",\r\n".join(part for part in sse.payloads(raw) if part) + b"]"


def test_a_stream_that_is_cut_has_no_end() -> None:
    """What was said before it stays without its bracket, and the failure is raised."""
    relay = passing()
    first = relay.feed(b'data: {"candidates": [{"content": {"parts": [{"text": "x"}]}}]}\n\n')
    assert first is not None
    assert first.raw.startswith(b"[{")
    assert relay.is_done is False
    with pytest.raises(StreamBroken):
        relay.end()


def test_frames_go_through_the_encoder_as_they_are() -> None:
    """They are the provider's own."""
    encoder = ArrayEncoder(REQUEST, STAMP)
    assert encoder.encode(Frames(b"raw", is_content=True)) == b"raw"
    assert encoder.encode(Text("a")) + encoder.encode(Finished(FinishReason.STOP)) + encoder.end()
