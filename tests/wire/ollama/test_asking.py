"""What is asked for callers of other dialects says what they said."""

import json
from typing import Any

import pytest
from hypothesis import given
from ollama._types import ChatRequest

from tests.wire.ollama.talk import PNG, a_request, conversations
from tollbar.domain.conversation import Calling, Conversation, Format, NamedTool, OutputFormat, Tool
from tollbar.domain.errors import InvalidValue
from tollbar.domain.messages import (
    AudioPart,
    ImagePart,
    Inline,
    Link,
    Message,
    Part,
    RefusalPart,
    Role,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from tollbar.wire.dialect import Incoming
from tollbar.wire.ollama.asking import asking
from tollbar.wire.ollama.request import decode_chat

HI = Message(Role.USER, (TextPart("Hi"),))


def told(conversation: Conversation, model: str = "m", **fields: object) -> dict[str, Any]:
    """The body, read."""
    return json.loads(asking(a_request(conversation, **fields), model).body)


@given(conversations)
def test_what_is_read_from_the_body_is_what_it_was_made_of(conversation: Conversation) -> None:
    """Every message, tool and wish, whole, in a body that the SDK's own model accepts."""
    body, dropped = asking(a_request(conversation, max_tokens=7, stream=True), "gpt-oss")
    read = decode_chat(Incoming(body))
    assert (read.model, read.max_tokens, read.stream, dropped) == ("gpt-oss", 7, True, ())
    assert read.source.expand() == conversation
    ChatRequest.model_validate(json.loads(body))


def test_nothing_is_said_that_the_caller_did_not_say() -> None:
    """But that the answer is not streamed: here that has to be said."""
    bare = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": False}
    assert told(Conversation((HI,))) == bare


@pytest.mark.parametrize(
    ("model", "effort", "tokens", "think"),
    [
        ("qwen3", None, None, None),
        ("qwen3", "high", None, True),
        ("qwen3", "none", None, False),
        ("qwen3", None, 0, False),
        ("qwen3", None, 2_000, True),
        ("gpt-oss:20b", "minimal", None, "low"),
        ("gpt-oss:20b", "xhigh", None, "high"),
        ("gpt-oss:20b", None, 2_000, "medium"),
    ],
)
def test_how_long_to_think(model: str, effort: str | None, tokens: int | None, think: object) -> None:
    """A word where the model knows words, else whether at all."""
    assert told(Conversation((HI,), effort=effort, thinking_tokens=tokens), model).get("think") == think


def test_a_tools_answer_names_its_tool() -> None:
    """Servers tell the answers apart by the name, newer ones by the id."""
    call = Message(Role.ASSISTANT, (ToolCallPart("c1", "look", ""),))
    result = Message(Role.USER, (ToolResultPart("c1", (TextPart("It rains."),), is_error=True), TextPart("And now?")))
    body, dropped = asking(a_request(Conversation((call, result))), "m")
    _, answered, asked = json.loads(body)["messages"]
    assert answered == {"role": "tool", "content": "It rains.", "tool_name": "look", "tool_call_id": "c1"}
    assert asked == {"role": "user", "content": "And now?"}
    assert dropped == ("is_error",)


def test_tools_that_must_not_be_called_are_not_offered() -> None:
    """There is no other word for it."""
    tools = (Tool("look"),)
    assert "tools" not in told(Conversation((HI,), tools=tools, tool_choice=Calling.NONE))
    assert len(told(Conversation((HI,), tools=tools, tool_choice=Calling.AUTO))["tools"]) == 1


@pytest.mark.parametrize("choice", [Calling.REQUIRED, NamedTool("look")])
def test_a_tool_that_must_be_called_is_refused(choice: Calling | NamedTool) -> None:
    """A caller who relies on the call would get something else."""
    with pytest.raises(InvalidValue) as fault:
        told(Conversation((HI,), tools=(Tool("look"),), tool_choice=choice))
    assert fault.value.field == "tool_choice"


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (ImagePart(Link("https://example.org/a.png")), "messages[0].content"),
        (AudioPart("AA", "wav"), "messages[0].content"),
        (ToolCallPart("c", "f", "[1]"), "messages[0].tool_calls"),
        (ToolCallPart("c", "f", "{"), "messages[0].tool_calls"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(part: Part, field: str) -> None:
    """A picture's address, sound, and arguments that are no object."""
    with pytest.raises(InvalidValue) as fault:
        told(Conversation((Message(Role.USER, (part,)),)))
    assert fault.value.field == field


def test_several_answers_are_refused() -> None:
    """One is all there is."""
    with pytest.raises(InvalidValue) as fault:
        told(Conversation((HI,)), choices=2)
    assert fault.value.field == "n"


def test_knobs_without_a_place_are_told() -> None:
    """And so are thoughts that nobody but their provider can read."""
    secret = Message(Role.ASSISTANT, (ThinkingPart("", "sealed", is_redacted=True), RefusalPart("No.")))
    conversation = Conversation((HI, secret), calls_in_parallel=False, unmodelled=("store",))
    body, dropped = asking(a_request(conversation), "m")
    assert dropped == ("store", "parallel_tool_calls", "thinking")
    assert json.loads(body)["messages"][1] == {"role": "assistant", "content": "No."}


def test_pictures_and_formats() -> None:
    """Pictures lie beside the words; JSON without a schema is a word, with one the schema itself."""
    seen = Message(Role.USER, (TextPart("a"), ImagePart(Inline("image/png", PNG)), TextPart("b")))
    assert told(Conversation((seen,)))["messages"] == [{"role": "user", "content": "a\nb", "images": [PNG]}]
    for output, wanted in (
        (OutputFormat(Format.TEXT), None),
        (OutputFormat(Format.JSON), "json"),
        (OutputFormat(Format.SCHEMA, "x", '{"type":"object"}'), {"type": "object"}),
        (OutputFormat(Format.SCHEMA, "x"), "json"),
    ):
        assert told(Conversation((HI,), output=output)).get("format") == wanted
