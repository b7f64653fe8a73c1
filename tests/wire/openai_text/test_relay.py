"""An older completion passes as it came, but for the usage report that only we asked for."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.errors import StreamBroken, UpstreamFailed
from tollbar.domain.events import Frames
from tollbar.domain.usage import Usage
from tollbar.wire.openai_text.relay import Relay

DONE = b"data: [DONE]\n\n"


def frame(text: str = "", finish: str | None = None, index: int = 0) -> bytes:
    """One frame with a piece of text."""
    return data(choices=[{"index": index, "text": text, "finish_reason": finish}])


def data(**fields: Any) -> bytes:
    """One frame."""
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


REPORT = data(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 2})
SAID = frame("a") + frame("b", index=1) + frame(finish="stop") + frame(finish="length", index=1)


def relayed(*pieces: bytes, stream: bool = True, hide: bool = True) -> list[Frames]:
    """What is passed on of an answer that arrives in these pieces."""
    relay = Relay(stream, hide)
    found = [relay.feed(piece) for piece in pieces]
    return [frames for frames in (*found, relay.end()) if frames is not None]


def joined(frames: list[Frames]) -> bytes:
    """Its bytes."""
    return b"".join(one.raw for one in frames)


@given(st.lists(st.integers(0, len(SAID + REPORT + DONE)), max_size=6))
def test_every_byte_passes_but_our_own_report(cuts: list[int]) -> None:
    """However the stream arrives; the meter has the report."""
    raw = SAID + REPORT + DONE
    places = sorted(cuts)
    pieces = [raw[start:end] for start, end in zip([0, *places], [*places, len(raw)], strict=True)]
    found = relayed(*pieces)
    assert joined(found) == SAID + DONE
    assert [one.usage for one in found if one.usage] == [Usage(3, 2)]
    assert sum(one.output_bytes for one in found) == 2
    assert joined(relayed(*pieces, hide=False)) == raw


def test_usage_with_words_is_not_hidden() -> None:
    """Some providers tell it with their last words."""
    last = data(choices=[{"index": 0, "text": "a", "finish_reason": "stop"}], usage={"prompt_tokens": 1})
    assert joined(relayed(last + DONE)) == last + DONE


def test_a_document_passes_whole() -> None:
    """Whether or not it says why it ended."""
    document = b'{"choices": [{"index": 0, "text": "a"}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}'
    (frames,) = relayed(document, stream=False)
    assert (frames.raw, frames.usage, frames.is_content) == (document, Usage(1, 1), True)


@pytest.mark.parametrize(
    "raw", [b"", frame("a"), frame("a") + DONE, DONE, b"data: {\n\n", data(error={"message": "x"})]
)
def test_a_stream_that_is_not_whole_is_broken(raw: bytes) -> None:
    """Cut, garbled, unfinished or with an error in it."""
    with pytest.raises(StreamBroken):
        relayed(raw)


@pytest.mark.parametrize("raw", [b"", b"{", b"{}", b'{"choices": []}', b'{"error": {"message": "x"}}'])
def test_a_document_that_is_no_answer_is_a_failure(raw: bytes) -> None:
    """It can be retried."""
    with pytest.raises(UpstreamFailed):
        relayed(raw, stream=False)


def test_a_report_that_cannot_be_read_passes() -> None:
    """However it arrives: what is hidden is what was metered."""
    odd = data(choices=[], usage={"prompt_tokens": "three"})
    assert joined(relayed(SAID + odd + REPORT + DONE)) == joined(relayed(SAID, odd, REPORT, DONE)) == SAID + odd + DONE
