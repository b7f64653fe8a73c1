"""Chunks of a stream as the document that they amount to."""

import json
from typing import Any

from tollbar.wire.openai_chat.gathering import gather

HEAD: dict[str, Any] = {"id": "chatcmpl-1", "created": 5, "model": "m", "object": "chat.completion.chunk"}


def gathered(*choices: dict[str, Any], **last: Any) -> Any:
    """The document of chunks with these choices, after which comes one without."""
    chunks = [{**HEAD, "choices": [{"index": 0, **choice}]} for choice in choices]
    return json.loads(gather(json.dumps(chunk).encode() for chunk in [*chunks, {**HEAD, "choices": [], **last}]))


def test_words_are_joined_and_all_else_is_kept() -> None:
    """Text and thoughts, probabilities, the reason, and what came with the last chunk, known to us or not."""
    document = gathered(
        {"delta": {"role": "assistant", "content": None}},
        {"delta": {"reasoning_content": "hm"}},
        {"delta": {"reasoning_content": "m"}},
        {"delta": {"content": "a"}, "logprobs": {"content": [{"token": "a"}]}},
        {"delta": {"content": "b"}, "logprobs": {"content": [{"token": "b"}]}, "finish_reason": None},
        {"delta": {}, "finish_reason": "stop"},
        usage={"prompt_tokens": 3},
        timings={"cache_n": 2},
    )
    message = {"role": "assistant", "content": "ab", "reasoning_content": "hmm"}
    logprobs = {"content": [{"token": "a"}, {"token": "b"}]}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": logprobs}
    head = {**HEAD, "object": "chat.completion"}
    assert document == {**head, "choices": [choice], "usage": {"prompt_tokens": 3}, "timings": {"cache_n": 2}}


def test_calls_are_joined_by_their_number() -> None:
    """Name and arguments come in pieces, and those of two calls one after the other."""
    pieces: list[dict[str, Any]] = [
        {"index": 0, "id": "one", "type": "function", "function": {"name": "look", "arguments": "{"}},
        {"index": 0, "function": {"arguments": "}"}},
        {"index": 1, "id": "two", "type": "function", "function": {"name": "go", "arguments": ""}},
        {"index": 1, "function": {"arguments": "[]"}},
    ]
    document = gathered(*({"delta": {"tool_calls": [piece]}} for piece in pieces))
    assert document["choices"][0]["message"]["tool_calls"] == [
        {"id": "one", "type": "function", "function": {"name": "look", "arguments": "{}"}},
        {"id": "two", "type": "function", "function": {"name": "go", "arguments": "[]"}},
    ]


def test_no_chunk_is_no_choice() -> None:
    """An answer that never began is not made up."""
    assert json.loads(gather([]))["choices"] == []
