"""What is asked for callers of other dialects says what they said."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.openai_responses.talk import conversations
from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.conversation import Conversation, Sampling
from tollbar.domain.errors import InvalidValue
from tollbar.domain.messages import Message, OtherPart, Role, TextPart, ThinkingPart, ToolResultPart
from tollbar.wire.openai_responses.asking import asking
from tollbar.wire.openai_responses.request import decode


def a_request(conversation: Conversation, **fields: Any) -> CompletionRequest:
    """A request of another dialect."""
    return CompletionRequest("asked", Source("other", b"", {}, lambda: conversation), **fields)


def document(conversation: Conversation, **fields: Any) -> dict[str, Any]:
    """The body, read."""
    return json.loads(asking(a_request(conversation, **fields), "m").body)


@given(conversations)
def test_what_is_read_from_the_body_is_what_it_was_made_of(conversation: Conversation) -> None:
    """Every message, thought, tool and wish, whole."""
    body, dropped = asking(a_request(conversation), "m")
    assert decode(body).source.expand() == conversation
    assert dropped == ()


@given(st.booleans(), st.one_of(st.none(), st.integers(1, 9)), st.one_of(st.none(), st.text("abc", max_size=3)))
def test_the_head_is_kept(stream: bool, limit: int | None, user: str | None) -> None:
    """Length, user and stream, under the provider's own name of the model."""
    read = decode(asking(a_request(Conversation(()), stream=stream, max_tokens=limit, user=user), "m").body)
    assert (read.model, read.stream, read.max_tokens, read.user) == ("m", stream, limit, user or None)


def test_nothing_is_kept_at_the_provider() -> None:
    """A bare question is a model, its input, and that nobody else shall keep it."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
    told = document(Conversation((Message(Role.USER, (TextPart("Hi"),)),)))
    assert told == {"model": "m", "input": [item], "store": False}


def test_thoughts_are_asked_for_where_the_model_may_think() -> None:
    """A count of tokens is told as a word; a summary and the proof of the thoughts are wanted."""
    told = document(Conversation((), thinking_tokens=8_000))
    assert told["reasoning"] == {"effort": "medium", "summary": "auto"}
    assert told["include"] == ["reasoning.encrypted_content"]
    assert "include" not in document(Conversation((), effort="none"))


def test_knobs_without_a_place_are_named() -> None:
    """And thoughts that nobody can vouch for."""
    result = ToolResultPart("a", (TextPart("x"),), is_error=True)
    messages = (Message(Role.ASSISTANT, (ThinkingPart("Hm."),)), Message(Role.TOOL, (result,)))
    sampling = Sampling(top_k=1, frequency_penalty=1.0, presence_penalty=1.0, seed=1)
    _, dropped = asking(a_request(Conversation(messages, sampling=sampling, unmodelled=("mood",))), "m")
    assert dropped == ("mood", "top_k", "frequency_penalty", "presence_penalty", "seed", "thinking", "is_error")


@pytest.mark.parametrize(
    ("conversation", "fields", "field"),
    [
        (Conversation((), sampling=Sampling(stop=("x",))), {}, "stop"),
        (Conversation(()), {"choices": 2}, "n"),
        (Conversation((Message(Role.USER, (OtherPart("video"),)),)), {}, "messages[0].content"),
    ],
)
def test_what_cannot_be_said_is_refused(conversation: Conversation, fields: dict[str, Any], field: str) -> None:
    """By its name."""
    with pytest.raises(InvalidValue) as fault:
        document(conversation, **fields)
    assert fault.value.field == field
