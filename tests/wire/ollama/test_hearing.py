"""A provider's answer is heard as what it says, however it arrives; one that is not whole is never taken for it."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ollama import ChatResponse, GenerateResponse

from tests.wire.ollama.talk import answers, in_pieces
from tollbar.domain.errors import StreamBroken, UpstreamError, UpstreamFailed
from tollbar.domain.events import (
    Finished,
    FinishReason,
    Frames,
    Started,
    StreamEvent,
    Text,
    ToolArguments,
    ToolCalled,
    UsageSeen,
)
from tollbar.domain.usage import Usage
from tollbar.wire import ndjson, ollama
from tollbar.wire.dialect import Dialect, Incoming, Stamp
from tollbar.wire.hearing import MAX_FRAME_BYTES, Passing
from tollbar.wire.ollama.hearing import Hearing

STAMP = Stamp("abc", 1_700_000_000, lambda: 1.5)
REQUEST = ollama.CHAT.decode(Incoming(b'{"model":"asked","messages":[]}'))
DIALECTS = {"chat": (ollama.CHAT, ChatResponse), "generate": (ollama.GENERATE, GenerateResponse)}


def streamed(dialect: Dialect, events: Sequence[StreamEvent]) -> bytes:
    """The bytes of a streamed answer."""
    encoder = dialect.stream_encoder(REQUEST, STAMP)
    return b"".join(map(encoder.encode, events)) + encoder.end()


def heard(*pieces: bytes, stream: bool = True) -> list[StreamEvent]:
    """What is heard of an answer that arrives in these pieces."""
    hearing = Hearing(stream)
    events = [event for piece in pieces for event in hearing.feed(piece)]
    return events + hearing.end()


def line(**fields: Any) -> bytes:
    """One line of a stream."""
    return json.dumps({"model": "m", **fields}).encode() + b"\n"


def said(**fields: Any) -> bytes:
    """One line of a chat."""
    return line(message={"role": "assistant", **fields}, done=False)


DONE = line(message={"role": "assistant", "content": ""}, done=True, done_reason="stop", eval_count=2)


@pytest.mark.parametrize("name", DIALECTS)
@given(events=answers())
def test_what_was_told_is_heard(name: str, events: list[StreamEvent]) -> None:
    """Every piece, in order, from our own encoder's lines, each of which the SDK's own model accepts."""
    dialect, model = DIALECTS[name]
    raw = streamed(dialect, events)
    assert heard(raw) == [Started("", "asked"), *events]
    for told in raw.splitlines():
        model.model_validate(json.loads(told))


@pytest.mark.parametrize("name", DIALECTS)
@given(events=answers())
def test_a_document_says_what_its_stream_says(name: str, events: list[StreamEvent]) -> None:
    """The same answer, folded."""
    dialect, model = DIALECTS[name]
    raw = dialect.encode(REQUEST, [Started("x", "real"), *events], STAMP)
    assert dialect.encode(REQUEST, heard(raw, stream=False), STAMP) == raw
    model.model_validate(json.loads(raw))


@given(answers(), st.lists(st.integers(0, 400), max_size=8))
def test_how_a_stream_is_cut_into_reads_changes_nothing(events: list[StreamEvent], cuts: list[int]) -> None:
    """Neither the events, nor the bytes that are passed on."""
    raw = streamed(ollama.CHAT, events)
    pieces = in_pieces(raw, cuts)
    assert heard(*pieces) == heard(raw)
    assert heard(raw.removesuffix(b"\n")) == heard(raw)
    passing = Passing(Hearing(True), ndjson.Splitter())
    frames = [frames for piece in pieces if (frames := passing.feed(piece)) is not None]
    last = passing.end()
    assert b"".join(frame.raw for frame in (*frames, *([last] if last else ()))) == raw
    assert passing.is_done


def test_a_document_is_passed_on_as_it_is() -> None:
    """With its usage read on the way."""
    passing = Passing(Hearing(False), None)
    assert passing.feed(DONE) is None
    assert passing.end() == Frames(DONE, True, 0, Usage(0, 2), True)


def test_calls_come_whole_and_end_the_turn() -> None:
    """With an id where the server gives none; its `stop` means that the tools are due."""
    calls = [{"function": {"name": "f", "arguments": {"a": 1}}}, {"id": "x", "function": {"name": "g"}}, 5, {}]
    assert heard(said(content="", tool_calls=calls) + DONE)[1:] == [
        ToolCalled(0, "call_1", "f"),
        ToolArguments(0, '{"a":1}'),
        ToolCalled(1, "x", "g"),
        ToolArguments(1, "{}"),
        UsageSeen(Usage(0, 2)),
        Finished(FinishReason.TOOL_CALLS),
    ]


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    """Other dialects' answers must be text."""
    assert Text("a\ufffdb") in heard(b'{"message":{"content":"a\\ud800b"}}\n' + DONE)
    call = b'{"message":{"tool_calls":[{"function":{"name":"f","arguments":"a\\ud800b"}}]}}\n'
    assert ToolArguments(0, "a\ufffdb") in heard(call + DONE)


def test_what_follows_the_end_is_not_the_answers() -> None:
    """It is not even read."""
    assert heard(DONE + b"nonsense\n", b"more\n", b"rest") == heard(DONE)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        said(content="x"),
        b"{broken\n",
        b"5\n",
        said(content="x") + line(error="It fell over."),
        b"[" * 9_999,
    ],
)
def test_a_stream_that_is_not_whole_is_broken(raw: bytes) -> None:
    """Cut, garbled, unfinished or with an error in it."""
    with pytest.raises(StreamBroken) as fault:
        heard(raw)
    assert fault.value.is_retryable is True


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"{}", b'{"done": false}', b'{"error": "No."}'])
def test_a_document_that_is_no_answer_is_a_failure(raw: bytes) -> None:
    """It can be retried."""
    with pytest.raises(UpstreamFailed) as fault:
        heard(raw, stream=False)
    assert fault.value.is_retryable is True


def test_a_line_without_an_end_is_refused() -> None:
    """Before it takes all the memory there is."""
    hearing = Hearing(stream=True)
    assert hearing.feed(b"x" * MAX_FRAME_BYTES) == []
    with pytest.raises(StreamBroken, match="more than"):
        hearing.feed(b"x")


@given(
    st.dictionaries(
        st.sampled_from(["message", "response", "thinking", "content", "done", "tool_calls", "eval_count", "model"]),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)),
            lambda inner: st.one_of(
                st.lists(inner, max_size=2),
                st.dictionaries(st.sampled_from(["content", "tool_calls", "function", "name", "arguments"]), inner),
            ),
            max_leaves=6,
        ),
    )
)
def test_nothing_makes_it_raise_anything_but_our_errors(document: dict[str, Any]) -> None:
    """Whatever a provider writes."""
    for stream in (True, False):
        try:
            heard(json.dumps(document).encode() + b"\n", stream=stream)
        except UpstreamError:
            continue
