"""Ollama's answers, written from what another provider said."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tollbar.domain.errors import UpstreamFailed
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
from tollbar.wire.dialect import Incoming, Stamp
from tollbar.wire.ollama import CHAT, GENERATE

REQUEST = CHAT.decode(Incoming(b'{"model":"asked","messages":[]}'))


def stream(*events: StreamEvent, seconds: Sequence[float] = (1.0, 3.0)) -> list[dict[str, Any]]:
    """The lines of a stream, read; `seconds` are what the clock shows when it is looked at."""
    ticks = iter(seconds)
    encoder = CHAT.stream_encoder(REQUEST, Stamp("abc", 1_700_000_000, lambda: next(ticks)))
    return [json.loads(line) for line in (b"".join(map(encoder.encode, events)) + encoder.end()).splitlines()]


def test_a_stream_ends_with_counts_and_what_was_measured() -> None:
    """From the request to the first content, and from there to the end; nothing that nobody knows."""
    *_, last = stream(Started("", "real"), Text("Hi"), UsageSeen(Usage(9, 4)), Finished(FinishReason.STOP))
    assert last == {
        "model": "real",
        "created_at": "2023-11-14T22:13:20Z",
        "message": {"role": "assistant", "content": ""},
        "done": True,
        "done_reason": "stop",
        "total_duration": 3_000_000_000,
        "prompt_eval_duration": 1_000_000_000,
        "eval_duration": 2_000_000_000,
        "prompt_eval_count": 9,
        "eval_count": 4,
    }


def test_an_empty_answer_is_an_end() -> None:
    """One line."""
    (last,) = stream(Started("", "real"), seconds=(2.0,))
    assert (last["done"], last["prompt_eval_duration"], last["eval_duration"]) == (True, 2_000_000_000, 0)


def test_a_call_is_told_once_it_is_whole() -> None:
    """Pieces of several calls may come in turns."""
    lines = stream(
        ToolCalled(0, "a", "f"),
        ToolCalled(1, "b", "g"),
        ToolArguments(0, '{"x":'),
        ToolArguments(1, ""),
        ToolArguments(0, "1}"),
        ToolArguments(7, "lost"),
        Finished(FinishReason.TOOL_CALLS),
    )
    assert [call for line in lines for call in line["message"].get("tool_calls", ())] == [
        {"id": "a", "function": {"index": 0, "name": "f", "arguments": {"x": 1}}},
        {"id": "b", "function": {"index": 1, "name": "g", "arguments": {}}},
    ]
    assert lines[-1]["done_reason"] == "stop"


@pytest.mark.parametrize("arguments", ["[]", "{", "5", '"x"'])
def test_arguments_that_are_no_object_fail_the_call(arguments: str) -> None:
    """There is no way to say them, and to leave them out would be to call another thing."""
    events = [ToolCalled(0, "a", "f"), ToolArguments(0, arguments), Finished(FinishReason.TOOL_CALLS)]
    with pytest.raises(UpstreamFailed, match="'f'"):
        stream(*events)
    with pytest.raises(UpstreamFailed, match="'f'"):
        CHAT.encode(REQUEST, events, Stamp("abc", 1))


def test_what_ollama_has_no_word_for() -> None:
    """Declining is told in words, sources and other choices not at all, an odd end by its own name."""
    lines = stream(
        Dropped(("x",)),
        Thinking("", signature="proof"),
        Refused("No."),
        Cited(Citation("https://example.org")),
        Text("other", 1),
        Finished(FinishReason.CONTENT_FILTER),
    )
    assert [line["message"]["content"] for line in lines] == ["No.", ""]
    assert lines[-1]["done_reason"] == "content_filter"


def test_a_text_stands_in_response() -> None:
    """Where a prompt was asked, beside its thoughts."""
    events = [Started("", "real"), Thinking("Hm."), Text("Hi"), UsageSeen(Usage(1, 2)), Finished(FinishReason.LENGTH)]
    told = json.loads(GENERATE.encode(REQUEST, events, Stamp("abc", 1, lambda: 0.5)))
    assert (told["response"], told["thinking"], told["done_reason"]) == ("Hi", "Hm.", "length")
    assert (told["total_duration"], told["prompt_eval_count"], told["eval_count"]) == (500_000_000, 1, 2)
    assert "message" not in told


def test_bytes_of_the_provider_stand() -> None:
    """Whole or streamed."""
    frames = Frames(b"as it is", True)
    assert CHAT.encode(REQUEST, [frames], Stamp("abc", 1)) == b"as it is"
    assert CHAT.stream_encoder(REQUEST, Stamp("abc", 1)).encode(frames) == b"as it is"
