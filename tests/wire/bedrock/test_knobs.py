"""Each maker's models are told what only they understand, and nothing is lost in silence."""

from typing import Any

import pytest

from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.conversation import Conversation, Sampling
from tollbar.wire.bedrock.knobs import Knobs, Remembers, knobs_of

SONNET, OPUS = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-opus-4-7-v1"
NOVA, NOVA_2 = "amazon.nova-pro-v1:0", "us.amazon.nova-2-lite-v1:0"
GPT, LLAMA, MISTRAL = "openai.gpt-oss-120b-1:0", "meta.llama3-3-70b-instruct-v1:0", "mistral.mistral-large-2402-v1:0"


def knobs(model: str, max_tokens: int | None = None, sampling: Sampling | None = None, **fields: Any) -> Knobs:
    """The knobs of a request."""
    conversation = Conversation((), sampling=sampling or Sampling(), **fields)
    request = CompletionRequest("asked", Source("other", b"", {}, lambda: conversation), max_tokens=max_tokens)
    return knobs_of(request, conversation, model, None)


@pytest.mark.parametrize("model", [SONNET, NOVA, NOVA_2, GPT, LLAMA, MISTRAL])
def test_what_all_models_understand(model: str) -> None:
    """Nothing is said that the caller did not say; what is hotter than Bedrock allows is as hot as it allows."""
    assert knobs(model) == Knobs({}, {}, remembers=knobs(model).remembers)
    told = knobs(model, 7, Sampling(temperature=1.5, stop=("x",)))
    assert told.inference == {"maxTokens": 7, "temperature": 1.0, "stopSequences": ["x"]}
    assert (told.fields, told.dropped) == ({}, ())


@pytest.mark.parametrize(
    ("model", "fields", "dropped"),
    [
        (SONNET, {"top_k": 5}, ()),
        (OPUS, {}, ("top_k",)),
        (NOVA, {"inferenceConfig": {"topK": 5}}, ()),
        (MISTRAL, {"top_k": 5}, ()),
        (LLAMA, {}, ("top_k",)),
        (GPT, {}, ("top_k",)),
    ],
)
def test_of_how_many_words_to_choose(model: str, fields: object, dropped: tuple[str, ...]) -> None:
    """In each maker's own field, or told that it was left out."""
    told = knobs(model, sampling=Sampling(top_k=5))
    assert (told.fields, told.dropped) == (fields, dropped)


@pytest.mark.parametrize(
    ("model", "wish", "fields", "effort", "dropped"),
    [
        (SONNET, {"effort": "low"}, {"thinking": {"type": "enabled", "budget_tokens": 1_024}}, None, ()),
        (SONNET, {"thinking_tokens": 0}, {"thinking": {"type": "disabled"}}, None, ()),
        (OPUS, {"effort": "minimal"}, {"thinking": {"type": "adaptive", "display": "summarized"}}, "low", ()),
        (NOVA, {"effort": "low"}, {}, None, ("reasoning_effort",)),
        (NOVA_2, {"effort": "xhigh"}, {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}, None, ()),
        (NOVA_2, {"effort": "none"}, {"reasoningConfig": {"type": "disabled"}}, None, ()),
        (NOVA_2, {"effort": "odd"}, {}, None, ("reasoning_effort",)),
        (GPT, {"thinking_tokens": 500}, {"reasoning_effort": "low"}, None, ()),
        (GPT, {"effort": "none"}, {}, None, ("reasoning_effort",)),
        (LLAMA, {"effort": "low"}, {}, None, ("reasoning_effort",)),
    ],
)
def test_how_long_to_think(
    model: str, wish: dict[str, Any], fields: object, effort: str | None, dropped: tuple[str, ...]
) -> None:
    """By a count, by a word in one of four places, or not at all."""
    told = knobs(model, **wish)
    assert (told.fields, told.effort, told.dropped) == (fields, effort, dropped)


def test_who_counts_thoughts_must_say_how_long_the_answer_is() -> None:
    """Thoughts are a part of it; a length that the caller said stays."""
    assert knobs(SONNET, effort="low").inference == {"maxTokens": 32_000}
    assert knobs(SONNET, 4_000, effort="high").fields["thinking"]["budget_tokens"] == 3_999
    assert knobs(OPUS, 4_000, Sampling(temperature=0.5)).dropped == ("temperature",)


def test_nova_thinks_for_long_only_without_other_bounds() -> None:
    """A length that the caller said goes before; how words are chosen does not."""
    said = Sampling(temperature=0.5, top_p=0.5)
    assert knobs(NOVA_2, 100, said, effort="high").fields["reasoningConfig"]["maxReasoningEffort"] == "medium"
    told = knobs(NOVA_2, None, said, effort="high")
    assert (told.inference, told.dropped) == ({}, ("temperature", "top_p"))


def test_which_word_ended_the_answer_is_asked_for_where_it_is_told() -> None:
    """Converse itself does not say it, and only this maker's models do."""
    assert knobs(SONNET, sampling=Sampling(stop=("x",))).answers == ("/stop_sequence",)
    assert knobs(NOVA, sampling=Sampling(stop=("x",))).answers == ()


@pytest.mark.parametrize(
    ("model", "remembers"),
    [(SONNET, Remembers.TOOLS_TOO), (NOVA, Remembers.MESSAGES), (LLAMA, Remembers.NOTHING), (GPT, Remembers.NOTHING)],
)
def test_what_can_be_remembered(model: str, remembers: Remembers) -> None:
    """Others refuse to be told up to where."""
    assert knobs(model).remembers is remembers
