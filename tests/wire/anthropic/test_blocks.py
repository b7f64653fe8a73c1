"""Parts of an answer as blocks."""

import json

import pytest

from tollbar.domain.messages import AudioPart, Part, RefusalPart, TextPart, ThinkingPart, ToolCallPart
from tollbar.domain.usage import Usage
from tollbar.wire.anthropic.blocks import arguments_object, block, is_object, usage_object
from tollbar.wire.writing import encoded


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (TextPart("x"), {"type": "text", "text": "x", "citations": None}),
        (RefusalPart("No."), {"type": "text", "text": "No.", "citations": None}),
        (ThinkingPart("Hm."), {"type": "thinking", "thinking": "Hm.", "signature": ""}),
        (ThinkingPart("", "x", is_redacted=True), {"type": "redacted_thinking", "data": "x"}),
        (ToolCallPart("c", "f", '{"a": 1}'), {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}),
        (AudioPart("", "wav"), {"type": "text", "text": "", "citations": None}),
    ],
)
def test_each_part_has_its_block(part: Part, told: dict[str, object]) -> None:
    """What no answer of this dialect can hold is an empty text."""
    assert json.loads(encoded(block(part))) == told


def test_arguments_are_an_object() -> None:
    """Those that are none are kept as the text that they are."""
    assert [is_object(text) for text in ("{}", "[]", "{", "", '"\ud800"')] == [True, False, False, False, False]
    assert arguments_object("no") == {"arguments": "no"}


def test_usage_never_goes_below_nothing() -> None:
    """Whatever a provider reports of its caches."""
    assert usage_object(Usage(1, 2, 3))["input_tokens"] == 0
