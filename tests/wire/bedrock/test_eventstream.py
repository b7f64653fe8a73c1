"""Messages of Amazon's stream are whole and proven, or the answer is broken."""

import struct
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.upstream_bedrock import message
from tollbar.domain.errors import StreamBroken
from tollbar.wire.bedrock.eventstream import Message, Splitter, messages
from tollbar.wire.hearing import MAX_FRAME_BYTES

names = st.text("abc:-é", min_size=1, max_size=9)
told = st.builds(Message, st.dictionaries(names, st.text(max_size=9), max_size=3), st.binary(max_size=40))
# As `initial-response` is told in the SDKs' own tests: every type of header, of which text alone is kept.
TYPED = (
    b"\x01a\x00\x01b\x01\x01c\x02\x07\x01d\x03\x00\x07\x01e\x04\x00\x00\x00\x07\x01f\x05"
    + b"\x00" * 8
    + b"\x01g\x06\x00\x02xy\x01h\x07\x00\x02\xc3\xa9\x01i\x08"
    + b"\x00" * 8
    + b"\x01j\x09"
    + b"\x00" * 16
)


def proven(head: bytes, payload: bytes = b"", length: int | None = None) -> bytes:
    """A message whose checksums are right, whatever it says."""
    sizes = struct.pack(">II", 16 + len(head) + len(payload) if length is None else length, len(head))
    whole = sizes + struct.pack(">I", crc32(sizes)) + head + payload
    return whole + struct.pack(">I", crc32(whole))


def split(*pieces: bytes) -> list[Message]:
    """What is in a stream that arrives in these pieces, which must end with a message."""
    splitter = Splitter()
    found = [message for piece in pieces for message in messages(splitter.feed(piece))]
    assert splitter.finish() == b""
    return found


@given(st.lists(told, max_size=4), st.data())
def test_how_a_stream_is_cut_into_reads_changes_nothing(sent: list[Message], data: st.DataObject) -> None:
    """The same messages, whatever the chunks."""
    raw = b"".join(message(one.headers, one.payload) for one in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    assert split(*(raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True))) == sent


@given(told, st.data())
def test_no_bit_may_be_another(sent: Message, data: st.DataObject) -> None:
    """Wherever it is: what is damaged is broken, or waits for a rest that never comes."""
    raw = bytearray(message(sent.headers, sent.payload))
    place = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[place // 8] ^= 1 << place % 8
    with pytest.raises(StreamBroken):
        list(messages(bytes(raw)))
    splitter = Splitter()
    with pytest.raises(StreamBroken):
        list(messages(splitter.feed(bytes(raw)) or splitter.finish()))


@given(told, st.data())
def test_a_message_that_is_cut_is_broken(sent: Message, data: st.DataObject) -> None:
    """Wherever the cut is."""
    raw = message(sent.headers, sent.payload)
    with pytest.raises(StreamBroken):
        list(messages(raw[: data.draw(st.integers(1, len(raw) - 1))]))


@given(st.binary(max_size=60))
def test_garbage_is_a_failure_of_the_provider(noise: bytes) -> None:
    """Nothing but our own error, with right checksums as without."""
    for raw in (noise, proven(noise, b"x")):
        try:
            split(raw)
        except (StreamBroken, AssertionError):
            continue


def test_only_headers_of_text_are_kept() -> None:
    """The others are read over, each by its length."""
    assert split(proven(TYPED, b"{}")) == [Message({"h": "é"}, b"{}")]


@pytest.mark.parametrize(
    "raw",
    [
        proven(b"\x05ab"),
        proven(b"\x01a\x07\x00\x09x"),
        proven(b"\x01a\x63"),
        proven(b"\x01a\x07\x00\x01\xff"),
        proven(b"\x01a"),
        proven(b"\x01a\x00", length=16),
        proven(b"", length=0),
    ],
)
def test_headers_that_cannot_be_read_are_refused(raw: bytes) -> None:
    """Cut, of an unknown type, no text, or longer than their message."""
    with pytest.raises(StreamBroken):
        split(raw)


def test_a_message_that_claims_too_much_is_refused_before_it_comes() -> None:
    """Before it takes all the memory there is."""
    with pytest.raises(StreamBroken, match="more than"):
        Splitter().feed(proven(b"", length=MAX_FRAME_BYTES + 1)[:12])


def test_what_waits_is_counted() -> None:
    """The rest of a message that has not come whole."""
    splitter = Splitter()
    raw = message({":event-type": "x"}, b"{}")
    assert (splitter.feed(raw + raw[:20]), splitter.size) == (raw, 20)
    assert (splitter.feed(raw[20:]), splitter.size) == (raw, 0)
