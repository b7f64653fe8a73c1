"""Answers that we write ourselves are what Anthropic's own types and our own hearing read."""

import json
from collections.abc import Sequence
from typing import Any

from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given
from pydantic import TypeAdapter

from tests.wire.anthropic.talk import answers
from tests.wire.openai_chat import talk
from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.events import (
    Cited,
    Dropped,
    Finished,
    FinishReason,
    Frames,
    Refused,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolArguments,
    ToolCalled,
    UsageSeen,
)
from tollbar.domain.fold import Completion, fold
from tollbar.domain.messages import Citation, TextPart
from tollbar.domain.usage import Usage
from tollbar.wire import sse
from tollbar.wire.anthropic.blocks import call_proof
from tollbar.wire.anthropic.hearing import Hearing
from tollbar.wire.anthropic.response import EventEncoder, encode
from tollbar.wire.dialect import Stamp

STAMP = Stamp("1", 1_700_000_000)
REQUEST = CompletionRequest("asked", Source("anthropic", b"", {}, lambda: talk_is_over()))
EVENTS: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


def talk_is_over() -> Any:
    """Nobody reads the request of an answer again."""
    raise AssertionError


def streamed(events: Sequence[StreamEvent]) -> bytes:
    """The bytes of a streamed answer."""
    encoder = EventEncoder(REQUEST, STAMP)
    return b"".join(encoder.encode(event) for event in events) + encoder.end()


def told(raw: bytes) -> list[dict[str, Any]]:
    """The events of a stream, each as the SDK's own types read it."""
    found = [data for data in sse.payloads(raw) if data is not None]
    for data in found:
        EVENTS.validate_json(data)
    return [json.loads(data) for data in found]


def heard(raw: bytes, stream: bool) -> Completion:
    """What our own ears make of an answer."""
    hearing = Hearing(stream)
    return fold([*hearing.feed(raw), *hearing.end()])


@given(answers())
def test_a_stream_says_what_the_events_say(events: list[StreamEvent]) -> None:
    """Whatever turns tools take, heard again it is the same answer; blocks come one after the other."""
    raw = streamed(events)
    assert heard(raw, stream=True) == fold(events)
    kinds = [(event["type"], event.get("index")) for event in told(raw)]
    assert (kinds[0], kinds[-2:]) == (("message_start", None), [("message_delta", None), ("message_stop", None)])
    blocks = [index for kind, index in kinds if kind in {"content_block_start", "content_block_stop"}]
    assert blocks == [number // 2 for number in range(len(blocks))]


@given(answers())
def test_a_document_says_what_the_events_say(events: list[StreamEvent]) -> None:
    """The SDK's own type reads it."""
    raw = encode(REQUEST, events, STAMP)
    Message.model_validate_json(raw)
    assert heard(raw, stream=False) == fold(events)


@given(talk.answers())
def test_whatever_others_say_is_an_answer(events: list[StreamEvent]) -> None:
    """Of several choices the first; arguments that are no JSON and refusals too."""
    told(streamed(events))
    Message.model_validate_json(encode(REQUEST, events, STAMP))


def test_what_the_caller_said_of_an_end_comes_back() -> None:
    """A stop word, a refusal, and tools that a provider ended with another word."""

    def reason(*events: StreamEvent) -> tuple[str, str | None]:
        last = told(streamed(events))[-2]["delta"]
        whole = json.loads(encode(REQUEST, events, STAMP))
        assert (whole["stop_reason"], whole["stop_sequence"]) == (last["stop_reason"], last["stop_sequence"])
        return last["stop_reason"], last["stop_sequence"]

    stop = Finished(FinishReason.STOP)
    assert reason(Text("x"), Finished(FinishReason.STOP, stop_sequence="END")) == ("stop_sequence", "END")
    assert reason(Refused("No."), stop) == ("refusal", None)
    assert reason(ToolCalled(0, "c", "f"), stop) == ("tool_use", None)
    assert reason(Finished(FinishReason.CONTENT_FILTER)) == ("refusal", None)
    assert reason(stop) == ("end_turn", None)


def test_usage_is_told_at_the_end_in_anthropics_reckoning() -> None:
    """What was cached is no part of the input there; it may come after the end."""
    events = [Text("x"), Finished(FinishReason.STOP), UsageSeen(Usage(10, 5, 3, 2, 4))]
    usage = {
        "input_tokens": 5,
        "cache_creation_input_tokens": 2,
        "cache_read_input_tokens": 3,
        "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    assert told(streamed(events))[-2]["usage"] == usage
    assert json.loads(encode(REQUEST, events, STAMP))["usage"] == usage


def test_what_is_cached_for_an_hour_is_told() -> None:
    """Beside what is cached for five minutes."""
    events = [Finished(FinishReason.STOP), UsageSeen(Usage(10, 5, 0, 7, cached_write_hour_tokens=4))]
    by_time = {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}
    assert told(streamed(events))[-2]["usage"]["cache_creation"] == by_time
    assert json.loads(encode(REQUEST, events, STAMP))["usage"]["cache_creation"] == by_time


def test_the_proof_of_a_call_stands_before_it() -> None:
    """In a thought without words, which a client sends back with the call."""
    called = [ToolCalled(0, "c", "f", signature="sig"), ToolArguments(0, "{}")]
    events = [Text("Hi"), *called, Finished(FinishReason.TOOL_CALLS)]
    content = json.loads(encode(REQUEST, events, STAMP))["content"]
    assert [block["type"] for block in content] == ["text", "thinking", "tool_use"]
    assert content[1] == call_proof("sig")
    steps = told(streamed(events))
    begun = [step["content_block"]["type"] for step in steps if step["type"] == "content_block_start"]
    assert begun == ["text", "thinking", "tool_use"]
    assert {"type": "signature_delta", "signature": content[1]["signature"]} in [step.get("delta") for step in steps]


def test_citations_come_with_their_text() -> None:
    """An address as a place in the web, any other source as one in a document."""
    cited = (Citation("https://example.org/a", "A", "quoted"), Citation(None, "B", "q"))
    events = [Text("Hi"), *map(Cited, cited), Finished(FinishReason.STOP)]
    expected = [Citation("https://example.org/a", "A", "quoted", 0, 2), Citation(None, "B", "q", 0, 2)]
    for raw, stream in ((streamed(events), True), (encode(REQUEST, events, STAMP), False)):
        (answer,) = heard(raw, stream).answers
        assert answer.parts == (TextPart("Hi", tuple(expected)),)
    told(streamed(events))
    Message.model_validate_json(encode(REQUEST, events, STAMP))


def test_a_call_waits_until_the_one_before_it_is_whole() -> None:
    """And its arguments with it, in their order; one that never ends makes way at the end."""
    events = [
        ToolCalled(0, "a", "f"),
        ToolArguments(0, '{"x":'),
        ToolCalled(1, "b", "g"),
        ToolArguments(1, "{}"),
        ToolCalled(2, "c", "h"),
        ToolArguments(0, "1}"),
        Finished(FinishReason.TOOL_CALLS),
    ]
    blocks = [
        event["content_block"]["id"] for event in told(streamed(events)) if event["type"] == "content_block_start"
    ]
    assert blocks == ["a", "b", "c"]
    cut = [ToolCalled(0, "a", "f"), ToolArguments(0, "{"), ToolCalled(1, "b", "g"), Text("so"), events[-1]]
    kinds = [event["content_block"]["type"] for event in told(streamed(cut)) if event["type"] == "content_block_start"]
    assert kinds == ["tool_use", "tool_use", "text"]


def test_a_relayed_answer_is_not_written_anew() -> None:
    """Its bytes are the answer; what the request lost is told elsewhere."""
    frames = Frames(b'{"content": []}', True, is_last=True)
    assert encode(REQUEST, [frames], STAMP) == frames.raw
    encoder = EventEncoder(REQUEST, STAMP)
    assert [encoder.encode(event) for event in (frames, Dropped(("x",)), Started("i", "m"))] == [frames.raw, b"", b""]


def test_thoughts_without_proof_have_an_empty_one() -> None:
    """As the SDK's type wants it."""
    events = [Thinking("Hm."), Text("Hi"), Finished(FinishReason.STOP)]
    first = json.loads(encode(REQUEST, events, STAMP))["content"][0]
    assert first == {"type": "thinking", "thinking": "Hm.", "signature": ""}
