"""The tokens of a request's body: what OpenAI documents of messages, and the text of all else."""

from typing import Any

import pytest

from tollbar.domain.usage import Tally
from tollbar.providers.tokens.prompt import tally

URL = {"url": "https://example.com/cat.png"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "ten", "arguments": "123456789"}}


@pytest.mark.parametrize(
    ("message", "tokens"),
    [
        ({"role": "user", "content": "12345"}, 4 + 5),
        ({"role": "user", "content": "12345", "name": "me"}, 4 + 5 + 2 + 1),
        ({"role": "user", "content": [{"type": "text", "text": "12"}, {"type": "text", "text": "3"}]}, 4 + 3),
        ({"role": "assistant", "content": None, "refusal": "no"}, 9 + 2),
        ({"role": "assistant", "tool_calls": [CALL, CALL]}, 9 + 24),
        ({"role": "assistant", "function_call": CALL["function"]}, 9 + 12),
        ({"role": "tool", "tool_call_id": "call_1", "content": "12"}, 4 + 2),
        ({"role": 5, "content": [None, "x"], "tool_calls": "x", "name": {}}, 1),
    ],
)
def test_each_message_has_its_words_and_three_more(message: dict[str, Any], tokens: int) -> None:
    """And three begin the answer; here each character is a token. What is no message of OpenAI's has no words."""
    assert tally({"messages": [message]}, len) == Tally(3 + 3 + tokens)
    assert tally({"messages": [message, message]}, len) == Tally(3 + 2 * (3 + tokens))


def test_tools_and_schemas_are_their_text() -> None:
    """As JSON without spaces, which is near to what the model is told; other formats are not told."""
    asked = {"tools": [{"a": "é"}], "functions": [1], "response_format": {"type": "json_schema", "json_schema": {}}}
    assert tally(asked, len) == Tally(3 + len('[{"a":"é"}]') + len("[1]"))
    asked["response_format"] = {"type": "json_schema", "json_schema": {"name": "x"}}
    assert tally(asked, len) == Tally(3 + len('[{"a":"é"}]') + len("[1]") + len('{"name":"x"}'))
    assert tally({"response_format": "text", "messages": "none"}, len) == Tally(3)


@pytest.mark.parametrize("kind", ["input_audio", "file", "unheard-of", 5, [], None])
def test_what_has_no_words_is_not_counted(kind: Any) -> None:
    """Pictures are told apart; sound, documents and what nobody knows leave the whole untold."""
    picture, words = {"type": "image_url", "image_url": URL}, {"type": "text", "text": "12"}
    seen = [{"role": "user", "content": [picture, words, picture]}]
    assert tally({"messages": seen}, len) == Tally(3 + 3 + 4 + 2, 2)
    assert tally({"messages": [*seen, {"role": "user", "content": [{"type": kind}]}]}, len) is None
