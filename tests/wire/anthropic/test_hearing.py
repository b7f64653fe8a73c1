"""A provider's message is heard as what it says, however it arrives; one that is not whole is never taken for it."""

import contextlib
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.anthropic.talk import answers
from tests.wire.anthropic.test_response import streamed
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
from tollbar.domain.messages import Citation
from tollbar.domain.usage import Usage
from tollbar.wire import sse
from tollbar.wire.anthropic.hearing import Hearing
from tollbar.wire.hearing import MAX_FRAME_BYTES, Passing


def frame(kind: str, **fields: Any) -> bytes:
    """One event."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


BEGIN = frame("message_start", message={"id": "msg_1", "model": "m", "usage": {"input_tokens": 3, "output_tokens": 1}})
END = frame("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 2})
STOP = frame("message_stop")


def text(words: str, index: int = 0) -> bytes:
    """A piece of text."""
    return frame("content_block_delta", index=index, delta={"type": "text_delta", "text": words})


def heard(*chunks: bytes, stream: bool = True) -> list[StreamEvent]:
    """The events of an answer."""
    hearing = Hearing(stream)
    return [*itertools.chain.from_iterable(map(hearing.feed, chunks)), *hearing.end()]


@given(answers(), st.lists(st.integers(0, 3_000), max_size=5))
def test_it_does_not_matter_how_the_bytes_arrive(events: list[StreamEvent], cuts: list[int]) -> None:
    """The same events from any chunks, and relayed the same bytes."""
    raw = streamed(events)
    places = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    chunks = [raw[start:end] for start, end in itertools.pairwise(places)]
    assert heard(*chunks) == heard(raw)
    passing = Passing(Hearing(stream=True), sse.Splitter())
    found = [passing.feed(chunk) for chunk in chunks]
    assert b"".join(frames.raw for frames in found if frames is not None) == raw


def test_a_stream_is_heard_event_by_event() -> None:
    """A ping says nothing; usage is told with the end, and whole; what follows the end is not the answer's."""
    assert heard(BEGIN + frame("ping") + text("Hi") + END + STOP + text("more"), b"rest") == [
        Started("msg_1", "m"),
        Text("Hi"),
        UsageSeen(Usage(3, 2)),
        Finished(FinishReason.STOP),
    ]


def test_caches_are_a_part_of_the_prompt() -> None:
    """However long they stay; a later report need not repeat them, and its figures hold."""
    usage = {
        "input_tokens": 4,
        "cache_creation_input_tokens": None,
        "cache_read_input_tokens": 20,
        "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2},
        "output_tokens": -5,
    }
    begin = frame("message_start", message={"id": "", "usage": usage})
    end = frame(
        "message_delta",
        delta={"stop_reason": "end_turn"},
        usage={"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 7}},
    )
    reports = [event.usage for event in heard(begin + end) if isinstance(event, UsageSeen)]
    assert reports == [Usage(27, 9, 20, 3, 7, cached_write_hour_tokens=2)]


def test_thoughts_come_with_their_proof() -> None:
    """Redacted ones are nothing else."""
    raw = frame("content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""})
    raw += frame("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "Hm."})
    raw += frame("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "sig"})
    raw += frame("content_block_start", index=1, content_block={"type": "redacted_thinking", "data": "x"})
    assert heard(raw + END + STOP)[:3] == [
        Thinking("Hm."),
        Thinking("", signature="sig"),
        Thinking("", signature="x", is_redacted=True),
    ]


def test_calls_are_numbered_among_themselves() -> None:
    """Whatever blocks stand between; one without arguments has none, which is an empty object."""
    raw = text("So.") + frame(
        "content_block_start", index=1, content_block={"type": "tool_use", "id": "a", "name": "f"}
    )
    raw += frame("content_block_stop", index=1)
    begun = {"type": "tool_use", "id": "b", "name": "g", "input": {"x": 1}}
    raw += frame("content_block_start", index=2, content_block=begun)
    assert heard(raw + END)[1:5] == [
        ToolCalled(0, "a", "f"),
        ToolArguments(0, "{}"),
        ToolCalled(1, "b", "g"),
        ToolArguments(1, '{"x": 1}'),
    ]


def test_a_citation_tells_which_words_rest_on_it() -> None:
    """Those of its block, counted through the whole answer."""
    source = {"type": "page_location", "cited_text": "q", "document_title": "D", "document_index": 0}
    raw = text("One. ") + frame("content_block_start", index=1, content_block={"type": "text", "text": ""})
    raw += frame("content_block_delta", index=1, delta={"type": "citations_delta", "citation": source})
    raw += text("Two.", 1) + frame("content_block_stop", index=1)
    assert heard(raw + END)[2] == Cited(Citation(None, "D", "q", 5, 9))


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("max_tokens", FinishReason.LENGTH),
        ("model_context_window_exceeded", FinishReason.LENGTH),
        ("tool_use", FinishReason.TOOL_CALLS),
        ("pause_turn", FinishReason.STOP),
        ("refusal", FinishReason.CONTENT_FILTER),
        ("something new", FinishReason.STOP),
    ],
)
def test_an_end_is_an_end_by_any_word(told: str, reason: FinishReason) -> None:
    """Words that are not ours are read as the nearest that are."""
    assert heard(frame("message_delta", delta={"stop_reason": told}))[-1] == Finished(reason)


def test_a_refusal_is_told_in_its_own_words() -> None:
    """And a stop word comes back."""
    delta = {"stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": "No."}}
    assert heard(frame("message_delta", delta=delta))[:1] == [Refused("No.")]
    ended = heard(frame("message_delta", delta={"stop_reason": "stop_sequence", "stop_sequence": "END"}))
    assert ended == [Finished(FinishReason.STOP, stop_sequence="END")]


def test_content_of_a_new_kind_is_content() -> None:
    """It has no word here, but the answer has begun; events of a new kind are passed over."""
    raw = frame("content_block_start", index=0, content_block={"type": "hologram", "text": 5})
    raw += frame("content_block_delta", index=0, delta={"type": "light_delta"}) + frame("sunrise", delta="gold")
    assert heard(raw + END)[0] == Text("")


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    """Other dialects' answers must be text."""
    assert heard(text("a\ud800b") + END)[0] == Text("a\ufffdb")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b": nothing\n\n",
        BEGIN + text("x"),
        BEGIN + text("x") + STOP,
        STOP,
        b"data: {broken\n\n",
        b"data: 5\n\n",
        frame("content_block_delta", index="first"),
        BEGIN + text("x") + frame("error", error={"type": "overloaded_error", "message": "Too much."}),
        frame("error", error="no object"),
        b"data: [DONE]\n\n",
    ],
)
def test_a_stream_that_is_not_whole_is_broken(raw: bytes) -> None:
    """Cut, garbled, unfinished or with an error in it."""
    with pytest.raises(StreamBroken) as fault:
        heard(raw)
    assert fault.value.is_retryable is True


def test_a_frame_without_an_end_is_refused() -> None:
    """Before it takes all the memory there is."""
    with pytest.raises(StreamBroken, match="more than"):
        Hearing(stream=True).feed(b"x" * (MAX_FRAME_BYTES + 1))


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"{}", b'{"content": 5}', b'{"type": "error", "error": {"message": "No."}}']
)
def test_a_document_that_is_no_message_is_a_failure(raw: bytes) -> None:
    """It can be retried."""
    with pytest.raises(UpstreamFailed) as fault:
        heard(raw, stream=False)
    assert fault.value.is_retryable is True


def test_arguments_that_are_no_text_are_a_failure() -> None:
    """JSON's reader does not look into a part that it is asked to leave as it is."""
    call = b'{"type": "tool_use", "id": "c", "name": "f", "input": "\xed\xb0\x80"}'
    with pytest.raises(UpstreamFailed, match="UTF-8"):
        heard(b'{"type": "message", "content": [%b], "stop_reason": "tool_use"}' % call, stream=False)


def test_a_document_need_not_say_why_it_ended() -> None:
    """It is whole all the same."""
    raw = b'{"type": "message", "content": [{"type": "text", "text": "x"}]}'
    assert heard(raw, stream=False) == [Started("", ""), Text("x"), Finished(FinishReason.STOP)]


@given(
    st.lists(st.sampled_from([BEGIN, END, STOP, text("x"), b"data: ", b"\n\n", b'{"type":', b'"x"}', b"\xff", b"1"]))
)
def test_garbage_is_heard_or_broken(pieces: list[bytes]) -> None:
    """No bytes make the reader raise anything but our own errors."""
    for stream in (True, False):
        with contextlib.suppress(StreamBroken, UpstreamFailed):
            heard(*pieces, stream=stream)
