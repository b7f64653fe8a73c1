"""Answers in Google's words, which its own types read."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from google.genai import types

from tests.wire.gemini.test_hearing import REQUEST, STAMP, streamed
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
from tollbar.domain.messages import Citation
from tollbar.domain.usage import Usage
from tollbar.wire.gemini.response import ChunkEncoder, encode
from tollbar.wire.gemini.signature import unwrapped


def whole(*events: StreamEvent) -> types.GenerateContentResponse:
    """A plain answer, read by Google's own type."""
    return types.GenerateContentResponse.model_validate(json.loads(encode(REQUEST, events, STAMP)))


def chunks(events: Sequence[StreamEvent]) -> list[dict[str, Any]]:
    """A streamed answer's pieces."""
    return [json.loads(frame[6:]) for frame in streamed(events).split(b"\n\n") if frame]


EVENTS = (
    Started("x", "real"),
    Thinking("Hm.", 0, "sig"),
    Text("Hi"),
    ToolCalled(0, "c0", "f", 0, "proof"),
    ToolCalled(1, "c1", "g"),
    ToolArguments(0, '{"a":'),
    ToolArguments(1, '{"b":2}'),
    ToolArguments(0, "1}"),
    UsageSeen(Usage(9, 5, reasoning_tokens=2)),
    Finished(FinishReason.TOOL_CALLS),
)


def test_a_whole_answer() -> None:
    """Thoughts, words, calls with their arguments, the end and the usage."""
    answer = whole(*EVENTS)
    assert (answer.text, answer.model_version, answer.response_id) == ("Hi", "real", "abc")
    assert [(call.id, call.name, call.args) for call in answer.function_calls or ()] == [
        ("c0", "f", {"a": 1}),
        ("c1", "g", {"b": 2}),
    ]
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    assert answer.usage_metadata is not None
    assert (answer.usage_metadata.candidates_token_count, answer.usage_metadata.thoughts_token_count) == (3, 2)
    parts = json.loads(encode(REQUEST, EVENTS, STAMP))["candidates"][0]["content"]["parts"]
    assert [unwrapped(part["thoughtSignature"])[0] for part in parts if "thoughtSignature" in part] == ["sig", "proof"]


def test_a_stream_tells_words_at_once_and_the_rest_at_its_end() -> None:
    """Calls are told whole, once their arguments are, with the end and the usage."""
    first, second, last = chunks(EVENTS)
    assert first["candidates"][0]["content"]["parts"][0]["thought"] is True
    assert second["candidates"][0]["content"]["parts"] == [{"text": "Hi"}]
    calls = [part["functionCall"]["args"] for part in last["candidates"][0]["content"]["parts"]]
    assert calls == [{"a": 1}, {"b": 2}]
    assert (last["candidates"][0]["finishReason"], last["usageMetadata"]["totalTokenCount"]) == ("STOP", 14)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (FinishReason.STOP, "STOP"),
        (FinishReason.LENGTH, "MAX_TOKENS"),
        (FinishReason.TOOL_CALLS, "STOP"),
        (FinishReason.CONTENT_FILTER, "SAFETY"),
    ],
)
def test_ends(reason: FinishReason, told: str) -> None:
    """In Google's words."""
    events = [Text("x"), Finished(reason)]
    assert chunks(events)[-1]["candidates"][0]["finishReason"] == told
    assert whole(*events).candidates[0].finish_reason == told  # type: ignore[index]


def test_arguments_that_are_no_object_are_googles_malformed_call() -> None:
    """It has a word for that, and no place for the arguments."""
    events = [ToolCalled(0, "c", "f"), ToolArguments(0, '{"a": 1'), Finished(FinishReason.TOOL_CALLS)]
    for candidate in (chunks(events)[-1]["candidates"][0], json.loads(encode(REQUEST, events, STAMP))["candidates"][0]):
        assert candidate["finishReason"] == "MALFORMED_FUNCTION_CALL"
        assert candidate["finishMessage"] == 'Malformed function call: f({"a": 1)'
        assert candidate["content"]["parts"] == []


def test_thoughts_are_shown_to_who_wants_them() -> None:
    """Of all others only the proof is, which they must send back; it is read as what it was."""
    hidden = REQUEST._replace(shows_thoughts=False)
    events = [Thinking("Hm."), Thinking("", signature="sig"), Text("Hi"), Finished(FinishReason.STOP)]
    encoder = ChunkEncoder(hidden, STAMP)
    raw = b"".join(map(encoder.encode, events)) + encoder.end()
    streamed_ = [json.loads(frame[6:])["candidates"][0] for frame in raw.split(b"\n\n") if frame]
    whole_ = json.loads(encode(hidden, events, STAMP))["candidates"][0]
    for parts in ([part for one in streamed_ for part in one["content"]["parts"]], whole_["content"]["parts"]):
        assert [part["text"] for part in parts] == ["", "Hi"]
        assert unwrapped(parts[0]["thoughtSignature"]) == ("sig", False)
        assert "thought" not in parts[0]


def test_sources_come_with_the_end() -> None:
    """Streamed and whole."""
    events = [Text("Hi"), Cited(Citation("https://example.org", "A", None, 0, 2)), Finished(FinishReason.STOP)]
    streamed_, whole_ = chunks(events)[-1], json.loads(encode(REQUEST, events, STAMP))
    assert streamed_["candidates"][0]["groundingMetadata"] == whole_["candidates"][0]["groundingMetadata"]
    found = whole(*events).candidates[0].grounding_metadata  # type: ignore[index]
    assert found is not None
    assert found.grounding_chunks is not None
    assert found.grounding_chunks[0].web is not None
    assert found.grounding_chunks[0].web.uri == "https://example.org"


def test_refusals_are_words_and_what_was_dropped_is_not_told() -> None:
    """The header tells it; that the words decline is told by the end."""
    answer = whole(Dropped(("x",)), Refused("No."), Finished(FinishReason.STOP))
    assert answer.text == "No."
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.SAFETY
    assert chunks([Refused("No."), Finished(FinishReason.STOP)])[-1]["candidates"][0]["finishReason"] == "SAFETY"
    assert ChunkEncoder(REQUEST, STAMP).encode(Dropped(("x",))) == b""
    assert len(chunks([Refused("No."), Finished(FinishReason.STOP)])) == 2


def test_relayed_bytes_stay() -> None:
    """They are the provider's own."""
    frames = Frames(b"raw", is_content=True)
    assert (ChunkEncoder(REQUEST, STAMP).encode(frames), encode(REQUEST, [frames], STAMP)) == (b"raw", b"raw")
