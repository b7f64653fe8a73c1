"""Another length of the answer, in the caller's own bytes."""

import json
from collections.abc import Callable

import pytest

from tollbar.domain.completion import CompletionRequest
from tollbar.wire import anthropic, embeddings, gemini, openai_chat, openai_responses, openai_text, simple
from tollbar.wire.dialect import Dialect, Incoming
from tollbar.wire.ollama import CHAT, GENERATE
from tollbar.wire.openai_chat.request import outgoing
from tollbar.wire.shortening import shortened
from tollbar.wire.simple import USUAL_RULES

TURNS = {"model": "m", "messages": [{"role": "user", "content": "é"}], "x": 1}
CONTENTS = {"contents": [{"parts": [{"text": "é"}]}], "x": 1}
CASES = [
    (openai_chat.DIALECT, {**TURNS, "max_tokens": 90}, {"max_tokens": 7}),
    (openai_chat.DIALECT, {**TURNS, "max_completion_tokens": 90, "max_tokens": None}, {"max_completion_tokens": 7}),
    (
        openai_chat.DIALECT,
        {**TURNS, "max_completion_tokens": 90, "max_tokens": 95},
        {"max_completion_tokens": 7, "max_tokens": 7},
    ),
    (openai_text.DIALECT, {"model": "m", "prompt": "é", "x": 1}, {"max_tokens": 7}),
    (openai_responses.DIALECT, {"model": "m", "input": "é", "x": 1}, {"max_output_tokens": 7}),
    (anthropic.DIALECT, {**TURNS, "max_tokens": 90}, {"max_tokens": 7}),
    (gemini.DIALECT, CONTENTS, {"generationConfig": {"maxOutputTokens": 7}}),
    (
        gemini.DIALECT,
        {**CONTENTS, "generation_config": {"max_output_tokens": 9, "topK": 2}},
        {"generation_config": {"max_output_tokens": 7, "topK": 2}},
    ),
    (CHAT, {**TURNS, "options": {"num_predict": 90, "seed": 3}}, {"options": {"num_predict": 7, "seed": 3}}),
    (GENERATE, {"model": "m", "prompt": "é", "x": 1, "options": None}, {"options": {"num_predict": 7}}),
]


def read(dialect: Dialect, body: object) -> CompletionRequest:
    """The request in a body."""
    return dialect.decode(Incoming(json.dumps(body, ensure_ascii=False).encode(), name="m"))


@pytest.mark.parametrize(("dialect", "body", "changed"), CASES)
def test_the_length_is_replaced_where_the_dialect_has_it(dialect: Dialect, body: object, changed: object) -> None:
    """All else stays; what is read again says the new length, and it can be shortened once more."""
    made = shortened(read(dialect, body), 7)
    assert made is not None
    told = json.loads(made.source.raw)
    assert {**told, "x": 1} == {**body, **changed, "x": 1}  # type: ignore[dict-item]
    assert (made.max_tokens, read(dialect, told).max_tokens) == (7, 7)
    again = shortened(made, 5)
    assert again is not None
    assert read(dialect, json.loads(again.source.raw)).max_tokens == 5


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_chat_without_a_length_gets_one_as_the_provider_calls_it(name: str) -> None:
    """The bytes stay until then."""
    request = read(openai_chat.DIALECT, TURNS)
    made = shortened(request, 7)
    assert made is not None
    assert made.source == request.source
    assert json.loads(outgoing(made, "m", False, name)) == {**TURNS, name: 7}
    assert json.loads(outgoing(request, "m", False, name)) == TURNS


def test_what_has_no_length_is_let_be() -> None:
    """Vectors have none; what is always translated says its own outside its bytes."""
    assert shortened(read(embeddings.OPENAI, {"model": "m", "input": "x"}), 7) is None
    ways: Callable[..., Dialect] = simple.question
    made = shortened(read(ways(USUAL_RULES), {"text": "Why?"}), 7)
    assert made is not None
    assert made.max_tokens == 7
