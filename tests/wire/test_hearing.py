"""What passes an answer on while a listener hears it: the same bytes, with what the meter must know."""

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.targets import Relay
from tollbar.domain.errors import StreamBroken, UpstreamFailed
from tollbar.domain.events import Frames, Text, UsageSeen
from tollbar.domain.usage import Usage
from tollbar.wire import sse
from tollbar.wire.hearing import MAX_FRAME_BYTES, Passing, frames_of
from tollbar.wire.openai_chat import relay as relays
from tollbar.wire.openai_chat.hearing import Hearing
from tollbar.wire.openai_text import relay as older

WORDS = b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"Hi you"}}]}\n\n'
LAST = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
REPORT = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n'
END = b"data: [DONE]\n\n"
STREAM = b": hello\n\n" + WORDS + LAST + REPORT + END
DOCUMENT = b'{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}'


def passing() -> Passing:
    """The way through of all wires but OpenAI's chat."""
    return Passing(Hearing(stream=True), sse.Splitter())


def chat_relay() -> relays.Relay:
    """That of OpenAI's chat."""
    return relays.Relay(stream=True, hide_usage=False)


def text_relay() -> older.Relay:
    """That of older completions, which takes reports out."""
    return older.Relay(stream=True, hide_usage=False)


def through(relay: Relay, chunks: list[bytes]) -> list[Frames]:
    """What comes out of a stream that comes in so."""
    found = [relay.feed(chunk) for chunk in chunks] + [relay.end()]
    return [frames for frames in found if frames is not None]


def passed(chunks: list[bytes]) -> list[Frames]:
    """What comes out of a stream that comes in so."""
    return through(passing(), chunks)


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


@pytest.mark.parametrize("more", [WORDS, b"data: garbage\n\n", b"\xff" * 9, b": a\n\n\n", END, b"x" * MAX_FRAME_BYTES])
@pytest.mark.parametrize("relay", [passing, chat_relay, text_relay])
def test_what_follows_the_end_is_nobodys(relay: Callable[[], Relay], more: bytes) -> None:
    """The answer is over when its provider says so, whether what follows comes in the same read, by half or later."""
    for chunks in ([STREAM + more], [STREAM, more], [STREAM + more[:5], more[5:]], [STREAM[:-3], STREAM[-3:] + more]):
        assert b"".join(frames.raw for frames in through(relay(), chunks)) == STREAM


@given(st.binary(max_size=20), st.lists(st.integers(0, len(STREAM) + 20), max_size=4))
def test_nothing_that_follows_the_end_is_judged(more: bytes, cuts: list[int]) -> None:
    """However the reads fall, the listener hears the same."""
    raw = STREAM + more
    hearing = Hearing(stream=True)
    heard = [
        event
        for start, end in itertools.pairwise([0, *sorted(cuts), len(raw)])
        for event in hearing.feed(raw[start:end])
    ]
    whole = Hearing(stream=True)
    assert [*heard, *hearing.end()] == [*whole.feed(STREAM), *whole.end()]


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
    whole = Passing(Hearing(stream=False), None)
    assert whole.feed(DOCUMENT[:9]) is None
    assert whole.feed(DOCUMENT[9:]) is None
    assert whole.end() == Frames(DOCUMENT, True, 2, Usage(3), True)


def test_a_document_that_is_none_is_a_failure() -> None:
    """It may be tried again."""
    whole = Passing(Hearing(stream=False), None)
    whole.feed(b"<html>")
    with pytest.raises(UpstreamFailed):
        whole.end()


def test_reports_in_one_read_are_one() -> None:
    """The meter takes one usage from each read."""
    events = [UsageSeen(Usage(1)), Text("ä"), UsageSeen(Usage(0, 2))]
    assert frames_of(b"", events, is_last=False) == Frames(b"", True, 2, Usage(1, 2), False)
