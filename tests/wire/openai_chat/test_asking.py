"""What is asked for callers of other dialects says what they said."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.openai_chat.talk import conversations
from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.conversation import Conversation, Sampling
from tollbar.domain.errors import InvalidValue
from tollbar.domain.messages import Message, OtherPart, Part, Role, TextPart, ThinkingPart, ToolResultPart
from tollbar.wire.openai_chat.asking import asking
from tollbar.wire.openai_chat.request import decode


def a_request(conversation: Conversation, **fields: Any) -> CompletionRequest:
    """A request of another dialect."""
    return CompletionRequest("asked", Source("other", b"", {}, lambda: conversation), **fields)


def document(*messages: Message, **fields: Any) -> dict[str, Any]:
    """The body, read."""
    return json.loads(asking(a_request(Conversation(messages), **fields), "m", ask_usage=False).body)


@given(conversations)
def test_what_is_read_from_the_body_is_what_it_was_made_of(conversation: Conversation) -> None:
    """Every message, tool and wish, whole."""
    body, _ = asking(a_request(conversation), "m", ask_usage=False)
    assert decode(body).source.expand() == conversation


@given(
    st.booleans(),
    st.one_of(st.none(), st.integers(1, 9)),
    st.integers(1, 9),
    st.one_of(st.none(), st.text("abc", max_size=3)),
    st.booleans(),
    st.sampled_from(["max_tokens", "max_completion_tokens"]),
)
def test_the_head_is_kept(
    stream: bool, limit: int | None, choices: int, user: str | None, ask_usage: bool, name: str
) -> None:
    """Length, choices, user and stream, under the provider's own name of the model and of the length."""
    asked = a_request(Conversation(()), stream=stream, max_tokens=limit, choices=choices, user=user)
    read = decode(asking(asked, "m", ask_usage, name).body)
    assert (read.model, read.stream, read.max_tokens, read.choices, read.user, read.wants_usage) == (
        ("m", stream, limit, choices, user or None, ask_usage)
    )
    assert (name.encode() in asking(asked, "m", ask_usage, name).body) is (limit is not None)


def test_nothing_is_said_that_the_caller_did_not_say() -> None:
    """A bare question is a model and its messages."""
    told = document(Message(Role.USER, (TextPart("Hi"),)))
    assert told == {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def test_answers_of_tools_are_messages_of_their_own() -> None:
    """Several of them, and what the user said beside them, in order."""
    results: list[Part] = [ToolResultPart(call_id, (TextPart(call_id),)) for call_id in ("a", "b")]
    for role in (Role.USER, Role.TOOL):
        assert document(Message(role, (*results, TextPart("Go on."))))["messages"] == [
            {"role": "tool", "tool_call_id": "a", "content": "a"},
            {"role": "tool", "tool_call_id": "b", "content": "b"},
            {"role": "user", "content": "Go on."},
        ]


def test_thoughts_are_left_out() -> None:
    """This wire has no place for them."""
    message = Message(Role.ASSISTANT, (ThinkingPart("Hm.", "sig"), TextPart("Hi")))
    assert document(message)["messages"] == [{"role": "assistant", "content": "Hi"}]
    assert document(Message(Role.ASSISTANT, (ThinkingPart("Hm."),)))["messages"] == [
        {"role": "assistant", "content": None}
    ]


def test_what_has_no_word_here_is_left_out_and_told() -> None:
    """Thoughts, candidates for a word, that a tool failed, and what the caller's reader had no place for."""
    messages = (
        Message(Role.ASSISTANT, (ThinkingPart("Hm."), TextPart("Hi"))),
        Message(Role.TOOL, (ToolResultPart("c", (TextPart("no"),), is_error=True),)),
    )
    conversation = Conversation(messages, sampling=Sampling(top_k=4), unmodelled=("metadata",))
    _, dropped = asking(a_request(conversation), "m", ask_usage=False)
    assert dropped == ("metadata", "top_k", "thinking", "is_error")


@pytest.mark.parametrize(("tokens", "effort", "told"), [(2_000, None, "medium"), (0, None, "none"), (9, "low", "low")])
def test_a_count_of_thinking_tokens_is_told_as_a_word(tokens: int, effort: str | None, told: str) -> None:
    """A word of the caller's own is kept."""
    conversation = Conversation((), effort=effort, thinking_tokens=tokens)
    body, _ = asking(a_request(conversation), "m", ask_usage=False)
    assert json.loads(body)["reasoning_effort"] == told


def test_what_nobody_knows_is_refused_by_name() -> None:
    """Without it the question would be another one."""
    with pytest.raises(InvalidValue, match="hologram") as fault:
        document(Message(Role.USER, ()), Message(Role.USER, (OtherPart("hologram"),)))
    assert fault.value.field == "messages[1].content"
