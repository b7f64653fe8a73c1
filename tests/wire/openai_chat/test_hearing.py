"""A provider's answer is heard as what it says, however it arrives; one that is not whole is never taken for it."""

import json
import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.openai_chat.talk import answers
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
from tollbar.domain.messages import Citation, TextPart
from tollbar.domain.usage import Usage
from tollbar.wire.dialect import Stamp
from tollbar.wire.hearing import MAX_FRAME_BYTES
from tollbar.wire.openai_chat.hearing import Hearing
from tollbar.wire.openai_chat.request import decode
from tollbar.wire.openai_chat.response import ChunkEncoder, encode

STAMP = Stamp("abc", 1_700_000_000)
REQUEST = decode(b'{"model":"asked","messages":[],"stream":true,"stream_options":{"include_usage":true}}')
DONE = b"data: [DONE]\n\n"


def streamed(events: Sequence[StreamEvent]) -> bytes:
    """The bytes of a streamed answer."""
    encoder = ChunkEncoder(REQUEST, STAMP)
    return b"".join(map(encoder.encode, events)) + encoder.end()


def heard(*pieces: bytes, stream: bool = True) -> list[StreamEvent]:
    """What is heard of an answer that arrives in these pieces."""
    hearing = Hearing(stream)
    events = [event for piece in pieces for event in hearing.feed(piece)]
    assert stream or not events
    return events + hearing.end()


def frame(*choices: dict[str, Any], **fields: Any) -> bytes:
    """One frame of a stream."""
    return b"data: " + json.dumps({"choices": choices, **fields}).encode() + b"\n\n"


def delta(**said: Any) -> dict[str, Any]:
    """What the first choice adds."""
    return {"index": 0, "delta": said}


END = frame({"index": 0, "delta": {}, "finish_reason": "stop"})


@given(answers())
def test_what_was_told_is_heard(events: list[StreamEvent]) -> None:
    """Every piece of every choice, in order, from our own encoder's stream."""
    start, *rest = heard(streamed(events))
    assert start == Started("chatcmpl-abc", "asked")
    assert rest == events


@given(answers())
def test_a_document_says_what_its_stream_says(events: list[StreamEvent]) -> None:
    """The same answer, folded, but for the order in which kinds were told, which a document does not keep."""
    raw = encode(REQUEST, [Started("x", "real"), *events], STAMP)
    found = heard(raw, stream=False)
    assert encode(REQUEST, found, STAMP) == raw
    assert fold(found).usage == fold(events).usage


@given(answers(), st.data())
def test_how_a_stream_is_cut_into_reads_changes_nothing(events: list[StreamEvent], data: st.DataObject) -> None:
    """The events are the same, whatever the chunks."""
    raw = streamed(events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert heard(*pieces) == heard(raw)
    assert heard(*pieces, b"") == heard(raw.replace(b"\n", b"\r\n"))


def test_vendors_write_some_things_differently() -> None:
    """Thoughts under two names, content in parts, calls without an index or told again, ends of their own."""
    first = {"id": "a", "function": {"name": "f", "arguments": "{"}}
    again = {"function": {"name": "f", "arguments": "}"}}
    second = {"id": "b", "function": {"name": "g"}}
    raw = (
        frame(delta(reasoning="Hm."), id="x", model="real")
        + frame(delta(reasoning_content="So."))
        + frame(delta(content=[{"type": "text", "text": "Hi"}, {"type": "other"}]))
        + frame(delta(refusal="No.", content=None))
        + frame(delta(tool_calls=[first]))
        + frame(delta(tool_calls=[again]))
        + frame(delta(tool_calls=[second]))
        + frame({"index": 0, "delta": {}, "finish_reason": "max_tokens"})
    )
    assert heard(raw) == [
        Started("x", "real"),
        Thinking("Hm."),
        Thinking("So."),
        Text("Hi"),
        Refused("No."),
        ToolCalled(0, "a", "f"),
        ToolArguments(0, "{"),
        ToolArguments(0, "}"),
        ToolCalled(1, "b", "g"),
        Finished(FinishReason.LENGTH),
    ]


def test_many_calls_cost_no_more_each() -> None:
    """A frame of twenty thousand tool calls is heard in a moment: nobody else waits for it."""
    calls = [{"index": number, "id": "a", "function": {"name": "x"}} for number in range(20_000)]
    began = time.process_time()
    assert len(Hearing(True).feed(frame(delta(tool_calls=calls)))) == len(calls) + 1
    assert time.process_time() - began < 2


def test_the_word_that_ended_an_answer_is_heard() -> None:
    """Where the provider tells it, as vLLM does; the number of a token is no word."""
    for told, word in (("END", "END"), (2, None), (None, None)):
        raw = frame({"index": 0, "delta": {}, "finish_reason": "stop", "stop_reason": told})
        assert heard(raw)[-1] == Finished(FinishReason.STOP, stop_sequence=word)


@pytest.mark.parametrize(
    ("told", "reason"),
    [("function_call", FinishReason.TOOL_CALLS), ("eos", FinishReason.STOP), ("content_filter", "content_filter")],
)
def test_an_end_is_an_end_by_any_word(told: str, reason: str) -> None:
    """Words that are not OpenAI's are read as the nearest of those that are."""
    assert heard(frame({"index": 0, "delta": {}, "finish_reason": told}))[-1] == Finished(FinishReason(reason))


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    """Other dialects' answers must be text."""
    raw = b'data: {"choices": [{"index": 0, "delta": {"content": "a\\ud800b"}}]}\n\n'
    assert Text("a\ufffdb") in heard(raw + END)


def test_usage_may_come_at_any_time() -> None:
    """Each report is passed on."""
    raw = frame(delta(content="x"), usage={"prompt_tokens": 3}) + END + frame(usage={"completion_tokens": 2}) + DONE
    assert [event for event in heard(raw) if isinstance(event, UsageSeen)] == [
        UsageSeen(Usage(3)),
        UsageSeen(Usage(0, 2)),
    ]


def test_what_follows_the_end_mark_is_not_the_answers() -> None:
    """It is not even read."""
    assert heard(frame(delta(content="x")) + END + DONE + b"data: nonsense\n\n", b"data: more\n\n", b"data") == heard(
        frame(delta(content="x")) + END
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b": nothing\n\n",
        frame(delta(content="x")),
        frame(delta(content="x")) + DONE,
        DONE,
        END + frame({"index": 1, "delta": {"content": "x"}}),
        b"data: {broken\n\n",
        b"data: 5\n\n",
        frame(delta(content="x")) + frame(error={"message": "It fell over."}),
    ],
)
def test_a_stream_that_is_not_whole_is_broken(raw: bytes) -> None:
    """Cut, garbled, unfinished or with an error in it."""
    with pytest.raises(StreamBroken) as fault:
        heard(raw)
    assert fault.value.is_retryable is True


def test_a_frame_without_an_end_is_refused() -> None:
    """Before it takes all the memory there is."""
    hearing = Hearing(stream=True)
    assert hearing.feed(b"x" * MAX_FRAME_BYTES) == []
    with pytest.raises(StreamBroken, match="more than"):
        hearing.feed(b"x")


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"{", b"[]", b"{}", b'{"choices": []}', b'{"error": {"message": "No."}}'),
        b'{"choices": [{"message": {"content": "x"}}], "logprobs": "\xa1"}',
    ],
)
def test_a_document_that_is_no_answer_is_a_failure(raw: bytes) -> None:
    """It can be retried."""
    with pytest.raises(UpstreamFailed) as fault:
        heard(raw, stream=False)
    assert fault.value.is_retryable is True


def test_a_document_need_not_say_why_it_ended() -> None:
    """It is whole all the same."""
    assert heard(b'{"choices": [{"message": {"content": "x"}}]}', stream=False) == [
        Started("", ""),
        Text("x"),
        Finished(FinishReason.STOP),
    ]


def test_citations_are_heard_and_told_streamed_and_whole() -> None:
    """Each with its address, its title and the characters that rest on it, as far as it is known."""
    cited = (Citation("https://example.org/a", "A", None, 0, 2), Citation("https://example.org/b"))
    events = [Text("Hi"), *map(Cited, cited), Finished(FinishReason.STOP)]
    (answer,) = fold(heard(streamed(events))).answers
    assert answer.parts == (TextPart("Hi", cited),)
    (answer,) = fold(heard(encode(REQUEST, events, STAMP), stream=False)).answers
    assert answer.parts == (TextPart("Hi", cited),)
