"""What is counted for OpenAI's models: the body that they would be sent, in whatever dialect it was asked."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import tiktoken

from tollbar.domain.catalogue import Target
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.usage import Tally
from tollbar.providers.tokens.tokenizer import FAMILIES, MOST_BYTES, OpenAITokenizer
from tollbar.wire import anthropic, embeddings, gemini, openai_chat, openai_responses, openai_text
from tollbar.wire.dialect import Dialect, Incoming

pytestmark = pytest.mark.anyio

SAID = [{"role": "user", "content": "Hello."}]
CHAT = {"model": "m", "messages": SAID}
HERE = Target("azure", "gpt-4o-mini")


def decoded(dialect: Dialect, body: object) -> CompletionRequest:
    """A request of a dialect."""
    return dialect.decode(Incoming(json.dumps(body).encode(), name="m"))


async def counted(request: CompletionRequest, target: Target = HERE) -> Any:
    """What would be counted; None where nothing is."""
    asked: list[bytes] = []

    async def count(body: bytes) -> Tally:
        asked.append(body)
        return Tally(7)

    found = await OpenAITokenizer({"openai", "azure"}, count).tally(request, target)
    assert found == (Tally(7) if asked else None)
    return json.loads(asked[0]) if asked else None


async def test_a_chat_is_counted_as_it_came() -> None:
    """With whatever it holds beside the messages."""
    assert await counted(decoded(openai_chat.DIALECT, {**CHAT, "unheard-of": 1})) == {**CHAT, "unheard-of": 1}


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        (anthropic.COUNTING, CHAT),
        (gemini.COUNTING, {"contents": [{"role": "user", "parts": [{"text": "Hello."}]}]}),
        (gemini.COUNTING, {"generateContentRequest": {"contents": [{"role": "user", "parts": [{"text": "Hello."}]}]}}),
        (openai_responses.COUNTING, {"model": "m", "input": "Hello.", "stream": True}),
        (openai_text.DIALECT, {"model": "m", "prompt": "Hello."}),
    ],
)
async def test_other_dialects_are_counted_as_they_are_sent(dialect: Dialect, body: object) -> None:
    """Translated, as a call would be."""
    assert (await counted(decoded(dialect, body)))["messages"] == SAID


@pytest.mark.parametrize(
    "request_of",
    [
        lambda: decoded(openai_chat.DIALECT, {**CHAT, "more": "x" * MOST_BYTES}),
        lambda: decoded(openai_responses.DIALECT, {"model": "m", "input": [{"type": "unheard-of"}]}),
        lambda: decoded(embeddings.OPENAI, {"model": "m", "input": "Hello."}),
    ],
)
async def test_what_is_too_long_or_no_chat_is_not_counted(request_of: Callable[[], CompletionRequest]) -> None:
    """Nor what a chat has no word for."""
    assert await counted(request_of()) is None


@pytest.mark.parametrize("model", [*tiktoken.model.MODEL_TO_ENCODING, *tiktoken.model.MODEL_PREFIX_TO_ENCODING])
async def test_the_models_are_those_of_the_vocabulary(model: str) -> None:
    """As tiktoken knows them; the open models' has further special tokens, and the same words."""
    is_ours = tiktoken.encoding_name_for_model(model) in {"o200k_base", "o200k_harmony"}
    assert (await counted(decoded(openai_chat.DIALECT, CHAT), Target("openai", model)) is not None) == is_ours
    assert await counted(decoded(openai_chat.DIALECT, CHAT), Target("lab", model)) is None


def test_no_family_stands_in_vain() -> None:
    """Each is the beginning of another name."""
    assert not [one for one in FAMILIES for other in FAMILIES if one != other and one.startswith(other)]
