"""Anthropic's models are told how to think as their generation knows it; the rest is in `test_asking`."""

import pytest

from tollbar.domain.conversation import Calling, Conversation, Sampling, Tool
from tollbar.wire.anthropic.knobs import Thought, sampling_of, thought_of
from tollbar.wire.anthropic.models import manner_of

OLD, NEW = manner_of("us.anthropic.claude-sonnet-4-5-20250929-v1:0"), manner_of("anthropic.claude-opus-4-7-v1")


@pytest.mark.parametrize(
    ("conversation", "length", "old", "new"),
    [
        (Conversation(()), 9_000, Thought({}), Thought({})),
        (
            Conversation((), thinking_tokens=2_000),
            9_000,
            Thought({"thinking": {"type": "enabled", "budget_tokens": 2_000}}, True),
            Thought(
                {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "medium"}}, True
            ),
        ),
        (
            Conversation((), effort="low", tools=(Tool("f"),), tool_choice=Calling.REQUIRED),
            9_000,
            Thought({}, dropped=("reasoning_effort",)),
            Thought({}, dropped=("reasoning_effort",)),
        ),
    ],
)
def test_how_to_think(conversation: Conversation, length: int, old: Thought, new: Thought) -> None:
    """By a count of tokens or by a word; a call that must come leaves no room for it."""
    assert (thought_of(conversation, OLD, length), thought_of(conversation, NEW, length)) == (old, new)


def test_how_words_are_chosen() -> None:
    """Not at all by the newest, nor by who thinks."""
    conversation = Conversation((), sampling=Sampling(temperature=1.5, top_p=0.5, top_k=3))
    names = ["temperature", "top_p", "top_k"]
    assert sampling_of(conversation, OLD, is_thinking=False) == ({"temperature": 1.0, "top_k": 3}, ["top_p"])
    assert sampling_of(conversation, OLD, is_thinking=True) == ({}, names)
    assert sampling_of(conversation, NEW, is_thinking=False) == ({}, names)
