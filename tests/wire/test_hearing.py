"""What passes an answer on while a listener hears it: the same bytes, with what the meter must know."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.errors import StreamBroken, UpstreamFailed
from tollbar.domain.events import Frames, Text, UsageSeen
from tollbar.domain.usage import Usage
from tollbar.wire import sse
from tollbar.wire.hearing import MAX_FRAME_BYTES, Passing, frames_of
from tollbar.wire.openai_chat.hearing import Hearing

WORDS = b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"Hi you"}}]}\n\n'
LAST = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
REPORT = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
END = b"data: [DONE]\n\n"
STREAM = b": hello\n\n" + WORDS + LAST + REPORT + END
DOCUMENT = b'{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}'


def passed(chunks: list[bytes]) -> list[Frames]:
    """What comes out of a stream that comes in so."""
    passing = Passing(Hearing(stream=True), sse.Splitter())
    found = [passing.feed(chunk) for chunk in chunks] + [passing.end()]
    return [frames for frames in found if frames is not None]


@given(st.lists(st.integers(0, len(STREAM)), max_size=6))
def test_the_bytes_and_the_account_do_not_depend_on_how_they_came(cuts: list[int]) -> None:
    """Every byte comes out as it went in; words, usage and the end are seen however it was cut."""
    places = [0, *sorted(cuts), len(STREAM)]
    found = passed([STREAM[start:end] for start, end in itertools.pairwise(places)])
    assert b"".join(frames.raw for frames in found) == STREAM
    assert sum(frames.output_bytes for frames in found) == 6
    assert [frames.usage for frames in found if frames.usage] == [Usage(3, 2)]
    assert [frames.is_last for frames in found][-1]


def test_a_preamble_is_no_content() -> None:
    """Until words come another attempt is allowed."""
    assert [frames.is_content for frames in passed([b": hello\n\n", WORDS, LAST + END])] == [False, True, True]


def test_what_follows_the_end_is_not_passed_on() -> None:
    """The answer is over when its provider says so."""
    assert b"".join(frames.raw for frames in passed([STREAM, WORDS])) == STREAM


def test_a_cut_stream_is_never_taken_for_whole() -> None:
    """The listener's own rules hold for what is passed on."""
    with pytest.raises(StreamBroken):
        passed([WORDS])


def test_a_frame_without_end_is_refused() -> None:
    """Nobody holds more than a frame may be."""
    with pytest.raises(StreamBroken):
        passed([b"data: " + b"x" * MAX_FRAME_BYTES])


def test_a_document_is_one_frame() -> None:
    """It goes out as it came, and is the end of itself."""
    passing = Passing(Hearing(stream=False), None)
    assert passing.feed(DOCUMENT[:9]) is None
    assert passing.feed(DOCUMENT[9:]) is None
    assert passing.end() == Frames(DOCUMENT, True, 2, Usage(3), True)


def test_a_document_that_is_none_is_a_failure() -> None:
    """It may be tried again."""
    passing = Passing(Hearing(stream=False), None)
    passing.feed(b"<html>")
    with pytest.raises(UpstreamFailed):
        passing.end()


def test_reports_in_one_read_are_one() -> None:
    """The meter takes one usage from each read."""
    events = [UsageSeen(Usage(1)), Text("ä"), UsageSeen(Usage(0, 2))]
    assert frames_of(b"", events, is_last=False) == Frames(b"", True, 2, Usage(1, 2), False)
