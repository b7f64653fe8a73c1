"""Items are read as the turns that they make."""

from typing import Any

import pytest

from tollbar.domain.errors import InvalidValue
from tollbar.domain.messages import (
    AudioPart,
    FilePart,
    ImagePart,
    Inline,
    Link,
    Message,
    OtherPart,
    RefusalPart,
    Role,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    Upload,
)
from tollbar.wire.openai_responses.items import messages, signature_of, thought_of

CALL = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}


def test_what_the_assistant_does_in_a_row_is_one_turn() -> None:
    """Thoughts, words and calls, in order; results are turns of their own."""
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "So."}]}
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": "p"}
    result = {"type": "function_call_output", "call_id": "a", "output": "7"}
    assert messages([{"role": "user", "content": "Hi"}, thought, said, CALL, result, said]) == (
        Message(Role.USER, (TextPart("Hi"),)),
        Message(Role.ASSISTANT, (ThinkingPart("Hm.", "p"), TextPart("So."), ToolCallPart("a", "f", "{}"))),
        Message(Role.TOOL, (ToolResultPart("a", (TextPart("7"),)),)),
        Message(Role.ASSISTANT, (TextPart("So."),)),
    )


def test_every_kind_of_content() -> None:
    """And kinds that nobody here knows, by their names."""
    content: list[Any] = [
        {"type": "input_text", "text": "x"},
        {"type": "refusal", "refusal": "No."},
        {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
        {"type": "input_image", "image_url": "https://example.org/a.png"},
        {"type": "input_image", "file_id": "file_1"},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        {"type": "input_file", "file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"},
        {"type": "input_file", "file_url": "https://example.org/a.pdf"},
        {"type": "input_file", "file_id": "file_2"},
        {"type": "input_file"},
        {"type": "input_text", "text": 5},
        "nothing",
    ]
    (message,) = messages([{"role": "user", "content": content}])
    assert message.parts == (
        TextPart("x"),
        RefusalPart("No."),
        ImagePart(Inline("image/png", "AA=="), "low"),
        ImagePart(Link("https://example.org/a.png")),
        OtherPart("input_image"),
        AudioPart("AA==", "wav"),
        FilePart(Inline("application/pdf", "AA=="), "a.pdf"),
        FilePart(Link("https://example.org/a.pdf")),
        FilePart(Upload("file_2")),
        OtherPart("input_file"),
        OtherPart("input_text"),
        OtherPart("None"),
    )


def test_a_results_parts_are_words_and_pictures() -> None:
    """Anything else keeps its name."""
    output = [{"type": "input_image", "image_url": "https://example.org/a"}, {"type": "input_file", "file_id": "x"}]
    (message,) = messages([{"type": "function_call_output", "call_id": "a", "output": output}])
    assert message.parts == (ToolResultPart("a", (ImagePart(Link("https://example.org/a")), OtherPart("FilePart"))),)


def test_thoughts_are_the_summary_or_the_whole_text() -> None:
    """Paragraphs of it; thoughts of which nothing is left are none."""
    parts = [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}]
    assert thought_of({"summary": parts}) == "a\n\nb"
    assert thought_of({"summary": [], "content": [{"type": "reasoning_text", "text": "c"}]}) == "c"
    assert thought_of({"summary": None, "content": [5]}) == ""
    assert messages([{"type": "reasoning", "summary": []}]) == (Message(Role.ASSISTANT, ()),)
    (message,) = messages([{"type": "reasoning", "summary": [], "encrypted_content": "p"}])
    assert message.parts == (ThinkingPart("", "p", is_redacted=True),)


def test_a_proof_may_come_with_a_call() -> None:
    """Where Google puts it in the chat dialect."""
    assert signature_of({**CALL, "extra_content": {"google": {"thought_signature": "p"}}}) == "p"
    assert signature_of({**CALL, "extra_content": {"google": 5}}) is None


@pytest.mark.parametrize(
    ("item", "field"),
    [
        ({"type": "web_search_call", "id": "x"}, "input[0]"),
        ({"type": "item_reference", "id": "x"}, "input[0]"),
        ({"type": "function_call", "call_id": "a"}, "input[0]"),
        ({"role": "user"}, "input[0]"),
        ({"role": "robot", "content": "x"}, "input[0].role"),
        ({}, "input[0]"),
    ],
)
def test_items_that_nobody_else_knows_are_refused(item: dict[str, Any], field: str) -> None:
    """By their place."""
    with pytest.raises(InvalidValue) as fault:
        messages([item])
    assert fault.value.field == field
