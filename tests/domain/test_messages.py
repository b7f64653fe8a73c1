"""Messages as plain values."""

from tollbar.domain.messages import Message, OtherPart, Role, TextPart, ToolResultPart


def test_the_text_of_a_message_is_its_words() -> None:
    """Text parts are joined by newlines; what is no text is left out."""
    message = Message(Role.USER, (TextPart("What is"), OtherPart("image_url"), TextPart("this?")))
    assert message.text == "What is\nthis?"


def test_a_message_without_words_has_an_empty_text() -> None:
    """A tool call alone says nothing in words."""
    assert Message(Role.ASSISTANT, (OtherPart("tool_call"),)).text == ""


def test_what_a_tool_answered_is_words() -> None:
    """The model reads it like any other."""
    result = ToolResultPart("a", (TextPart("12"), OtherPart("image"), TextPart("degrees")))
    assert Message(Role.TOOL, (result,)).text == "12\ndegrees"
