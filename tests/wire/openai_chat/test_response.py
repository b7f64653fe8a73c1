"""Answers that we write ourselves are what OpenAI's own types and our own relay read."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from tests.wire.openai_chat.talk import REASONS
from tests.wire.openai_chat.test_request import TEXTS
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.events import Finished, FinishReason, Frames, Started, StreamEvent, Text, UsageSeen
from tollbar.domain.usage import Usage, merge
from tollbar.wire import sse
from tollbar.wire.dialect import Stamp
from tollbar.wire.openai_chat.relay import Relay
from tollbar.wire.openai_chat.request import decode
from tollbar.wire.openai_chat.response import ChunkEncoder, encode

STAMP = Stamp("abc", 1_700_000_000)
usages = st.tuples(*[st.integers(0, 9)] * 4).map(lambda n: Usage(*n[:3], reasoning_tokens=n[3]))


@st.composite
def answers(draw: st.DrawFn) -> list[StreamEvent]:
    """The events of a complete answer: some choices, told in any order, each with its end, and a report or two."""
    events: list[StreamEvent] = [Started("upstream", "real-model")] if draw(st.booleans()) else []
    ended: list[StreamEvent] = []
    for choice in range(draw(st.integers(1, 3))):
        events += draw(st.lists(st.builds(Text, st.text(max_size=5), st.just(choice)), max_size=3))
        ended.append(Finished(draw(st.sampled_from(REASONS)), choice))
    head, rest = events[:1], events[1:]
    told = draw(st.permutations(rest))
    return [*head, *told, *draw(st.permutations(ended)), *draw(st.lists(st.builds(UsageSeen, usages), max_size=2))]


def a_request(wants_usage: bool = False) -> CompletionRequest:
    """A request, with or without a wish for usage."""
    options = b',"stream_options":{"include_usage":true}' if wants_usage else b""
    return decode(b'{"model":"asked","messages":[],"stream":true%b}' % options)


def streamed(events: Sequence[StreamEvent], wants_usage: bool = False) -> bytes:
    """The bytes of a streamed answer."""
    encoder = ChunkEncoder(a_request(wants_usage), STAMP)
    return b"".join(encoder.encode(event) for event in events) + encoder.end()


def chunks_of(raw: bytes) -> list[ChatCompletionChunk]:
    """The chunks of a stream as the SDK sees them, extra fields refused."""
    *frames, done = sse.payloads(raw)
    assert done == b"[DONE]"
    return [ChatCompletionChunk.model_validate_json(data, strict=True) for data in frames if data is not None]


def texts_of(events: Sequence[StreamEvent]) -> dict[int, str]:
    """The words of each choice."""
    words: dict[int, str] = {}
    for event in events:
        match event:
            case Text(text, choice):
                words[choice] = words.get(choice, "") + text
            case Finished(_, choice):
                words.setdefault(choice, "")
    return words


def reasons_of(events: Sequence[StreamEvent]) -> dict[int, str]:
    """Why each choice ended."""
    return {event.choice: event.reason.value for event in events if isinstance(event, Finished)}


def usage_of(events: Sequence[StreamEvent]) -> Usage | None:
    """The last word on usage."""
    usage: Usage | None = None
    for event in events:
        usage = merge(usage or Usage(), event.usage) if isinstance(event, UsageSeen) else usage
    return usage


@given(answers(), st.booleans())
def test_a_stream_says_what_the_events_say(events: list[StreamEvent], wants_usage: bool) -> None:
    """The SDK's own types read every chunk, and put together they are the events."""
    chunks = chunks_of(streamed(events, wants_usage))
    words: dict[int, str] = {}
    reasons: dict[int, str] = {}
    opened: list[int] = []
    for chunk in chunks:
        for choice in chunk.choices:
            words[choice.index] = words.get(choice.index, "") + (choice.delta.content or "")
            if choice.finish_reason:
                reasons[choice.index] = choice.finish_reason
            if choice.delta.role:
                opened.append(choice.index)
            assert choice.index in opened
    assert (words, reasons) == (texts_of(events), reasons_of(events))
    assert sorted(opened) == sorted(texts_of(events))
    started = any(isinstance(event, Started) for event in events)
    assert {(chunk.id, chunk.created, chunk.object, chunk.model) for chunk in chunks} == {
        ("chatcmpl-abc", STAMP.created, "chat.completion.chunk", "real-model" if started else "asked")
    }


@given(answers(), st.booleans())
def test_our_own_relay_reads_a_stream_as_the_events(events: list[StreamEvent], wants_usage: bool) -> None:
    """What we write could come from a provider: complete, with the same count of content and the same usage."""
    relay = Relay(stream=True, hide_usage=False)
    found = relay.feed(streamed(events, wants_usage))
    assert isinstance(found, Frames)
    assert found.is_last
    assert found.output_bytes == sum(len(text.encode()) for text in texts_of(events).values())
    assert found.usage == (usage_of(events) and wholly(usage_of(events)) if wants_usage else None)


def wholly(usage: Usage | None) -> Usage | None:
    """A usage without the figure that OpenAI's object has no place for."""
    return usage and Usage(
        usage.prompt_tokens, usage.completion_tokens, usage.cached_read_tokens, 0, usage.reasoning_tokens
    )


@given(answers())
def test_usage_is_told_only_to_who_asked(events: list[StreamEvent]) -> None:
    """Then every chunk has the field, null but in the last one, which has no choice."""
    unasked = [json.loads(data) for data in sse.payloads(streamed(events))[:-1] if data is not None]
    assert [chunk for chunk in unasked if "usage" in chunk] == []
    asked = [json.loads(data) for data in sse.payloads(streamed(events, wants_usage=True))[:-1] if data is not None]
    reports = [chunk for chunk in asked if not chunk["choices"]]
    assert len(reports) == (usage_of(events) is not None)
    assert [chunk["usage"] for chunk in asked if chunk["choices"]] == [None] * (len(asked) - len(reports))


@given(answers())
def test_a_document_says_what_the_events_say(events: list[StreamEvent]) -> None:
    """The SDK's own type reads it, choices in order, usage in full."""
    raw = encode(a_request(), events, STAMP)
    document = ChatCompletion.model_validate_json(raw, strict=True)
    assert [choice.index for choice in document.choices] == sorted(texts_of(events))
    assert {choice.index: choice.message.content for choice in document.choices} == texts_of(events)
    assert {choice.index: choice.finish_reason for choice in document.choices} == reasons_of(events)
    usage = usage_of(events) or Usage()
    assert document.usage is not None
    assert (document.usage.prompt_tokens, document.usage.completion_tokens, document.usage.total_tokens) == (
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.total_tokens,
    )
    relay = Relay(stream=False, hide_usage=False)
    relay.feed(raw)
    found = relay.end()
    assert found is not None
    assert (found.output_bytes, found.usage) == (
        sum(len(text.encode()) for text in texts_of(events).values()),
        wholly(usage),
    )


def test_a_relayed_document_is_not_written_anew() -> None:
    """Its bytes are the answer."""
    frames = Frames(b'{"choices": [1]}', True, is_last=True)
    assert encode(a_request(), [frames], STAMP) == frames.raw
    assert ChunkEncoder(a_request(), STAMP).encode(frames) == frames.raw


@pytest.mark.parametrize("text", TEXTS)
def test_hard_texts_come_through(text: str) -> None:
    """Streamed or whole, what is read is what was said."""
    events = [Text(text), Finished(FinishReason.STOP)]
    read = [json.loads(data) for data in sse.payloads(streamed(events))[:-1] if data is not None]
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in read) == text
    assert json.loads(encode(a_request(), events, STAMP))["choices"][0]["message"]["content"] == text
