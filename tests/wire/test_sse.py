"""Server-sent events are cut at the same places whatever the reads they came in."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.wire.sse import Splitter, event, frames, is_one_plain_frame, joined, payloads

LINES = st.sampled_from(
    [b"data: a", b"data:b", b"data:  c", b"data:", b"data", b": note", b"event: error", b"id: 7", b"da", b"data: \xff"]
)


@st.composite
def streams(draw: st.DrawFn, endings: tuple[bytes, ...] = (b"\n", b"\r\n", b"\r")) -> tuple[list[list[bytes]], bytes]:
    """Some events as their lines, and the bytes of a stream of them with one kind of line ending."""
    ending = draw(st.sampled_from(endings))
    events = draw(st.lists(st.lists(LINES, min_size=1, max_size=3), max_size=5))
    return events, b"".join(b"".join(line + ending for line in lines) + ending for lines in events)


@st.composite
def chunked(draw: st.DrawFn, raw: bytes) -> list[bytes]:
    """The same bytes, cut anywhere."""
    cuts = sorted(draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    return [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]


def fed(chunks: list[bytes]) -> tuple[list[bytes], bytes]:
    """The blocks that a splitter gives, and what it keeps."""
    splitter = Splitter()
    blocks = [splitter.feed(chunk) for chunk in chunks]
    return blocks, splitter.finish()


def data_of(lines: list[bytes]) -> bytes | None:
    """What the data of an event is by the standard's words."""
    held = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
    return b"\n".join(held) if held else None


@given(streams(), st.data())
def test_frames_do_not_depend_on_the_reads(case: tuple[list[list[bytes]], bytes], data: st.DataObject) -> None:
    """Any chunking gives whole frames only, the same ones, and loses no byte."""
    events, raw = case
    blocks, rest = fed(data.draw(chunked(raw)))
    assert b"".join(blocks) + rest == raw
    assert [payload for block in blocks for payload in payloads(block)] == [data_of(lines) for lines in events]
    assert [frame for block in blocks for frame in frames(block)] == frames(raw)


@given(st.binary(max_size=40) | st.lists(st.sampled_from([b"\r", b"\n", b"data: x", b":"])).map(b"".join), st.data())
def test_no_byte_is_lost_of_anything(raw: bytes, data: st.DataObject) -> None:
    """Whatever arrives comes out in order, as blocks that end where an event ends."""
    blocks, rest = fed(data.draw(chunked(raw)))
    assert b"".join(blocks) + rest == raw
    assert [block for block in blocks if block and not block.endswith((b"\n\n", b"\n\r\n", b"\r\r"))] == []
    assert b"".join(frames(raw)) == raw


@given(st.text("ab\n\r {}\ud7ff🦊").map(str.encode))
def test_an_event_carries_its_data(text: bytes) -> None:
    """What is written as an event is read as the same data, each kind of newline as LF, spaces kept."""
    (payload,) = payloads(event(text))
    assert payload == text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def test_the_quick_way_and_the_slow_way_agree() -> None:
    """Frames of one data line each are read without a search; anything else in the block is read all the same."""
    plain = b"data: a\n\ndata: b\n\n"
    assert payloads(plain) == [b"a", b"b"]
    assert payloads(plain + b": note\n\n") == [b"a", b"b", None]
    assert payloads(b"data: a\ndata: b\n\n\ndata: c\n\n") == [b"a\nb", b"c"]
    assert payloads(b"data: a\n\n\ndata: b\n\n") == [b"a", b"b"]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_a_frame_is_given_as_soon_as_it_is_whole(ending: bytes) -> None:
    """Byte by byte: with the last byte of its blank line, and no sooner or later."""
    whole = [b"data: a" + ending * 2, b": note" + ending + b"data: b" + ending * 2]
    blocks, rest = fed([bytes([byte]) for byte in b"".join(whole)])
    assert [block for block in blocks if block] == whole
    assert [at for at, block in enumerate(blocks, 1) if block] == [len(whole[0]), len(b"".join(whole))]
    assert rest == b""


def test_an_event_without_its_blank_line_is_a_frame_at_the_end() -> None:
    """Some providers close without it: the rest is a frame too."""
    blocks, rest = fed([b"data: a\n\ndata: b"])
    assert (blocks, payloads(rest)) == ([b"data: a\n\n"], [b"b"])


def test_the_size_of_what_waits_is_known() -> None:
    """So that a frame without end can be refused."""
    splitter = Splitter()
    assert splitter.feed(b"data: a\n\ndata:") == b"data: a\n\n"
    assert splitter.size == 5
    splitter.feed(b" b\n\n")
    assert splitter.size == 0


@pytest.mark.parametrize("piece", [b"a", b"\r", b"data: ", b"a\r"])
def test_a_frame_in_many_reads_costs_no_more_than_in_one(piece: bytes) -> None:
    """Only what is new is searched: a megabyte in tiny reads takes linear time."""
    splitter = Splitter()
    began = time.process_time()
    for _ in range(100_000):
        splitter.feed(piece)
    assert time.process_time() - began < 2
    splitter.feed(b"\n\n")
    assert splitter.size == 0


@pytest.mark.parametrize(
    "raw", [b"\r" * 100_001, b"\n" * 100_001, b"\r\n" * 50_001, b"data: a\n" * 20_000, b"\n\r" * 50_001]
)
def test_hostile_streams_take_no_time(raw: bytes) -> None:
    """A hundred thousand bytes of nothing but line endings are split at once."""
    began = time.process_time()
    blocks, rest = fed([raw])
    assert b"".join(blocks) + rest == raw
    payloads(raw)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("data", "is_one"),
    [
        (b"data: {}\n\n", True),
        (b"data: {}\n\ndata: {}\n\n", False),
        (b"data: {\ndata: }\n\n", False),
        (b"data: {}\n", False),
        (b"data:{}\n\n", False),
        (b": comment\n\n", False),
        (b"data: {}\r\n\r\n", False),
        (b"data: a\rb\n\n", False),
    ],
)
def test_one_plain_frame_is_one_line_and_its_end(data: bytes, is_one: bool) -> None:
    """Anything that a reader could take for more, or for less, is not."""
    assert is_one_plain_frame(data) is is_one


@pytest.mark.parametrize(
    ("block", "array"),
    [
        (b"data: 1\n\n", (b"[1]", 1)),
        (b"data: 1\n\ndata: 2\n\n", (b"[1,2]", 2)),
        (b"data: 1\n\n: comment\n\n", None),
        (b"data: 1\ndata: 2\n\n", None),
        (b"event: x\ndata: 1\n\n", None),
        (b"data: 1\n\nid: 2\ndata: 2\n\n", None),
        (b"data: 1\r\n\r\n", None),
        (b"data: 1\n\n\ndata: 2\n\n", None),
        (b"data: 1\n", None),
        (b"", None),
    ],
)
def test_frames_of_one_line_each_make_an_array(block: bytes, array: tuple[bytes, int] | None) -> None:
    """Anything but plain frames is left to be read with care."""
    assert joined(block) == array
