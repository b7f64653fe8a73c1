"""The conversation in a request, for providers of other dialects."""

import json
from typing import Any

import pytest

from tollbar.domain.conversation import Conversation, Tool
from tollbar.domain.errors import InvalidType, InvalidValue
from tollbar.domain.messages import Message, OtherPart, Role, TextPart, ThinkingPart, ToolResultPart
from tollbar.wire.body import scan
from tollbar.wire.openai_chat.conversation import expand


def messages(*documents: Any) -> tuple[Message, ...]:
    """What the conversation of these messages is."""
    return expand(scan(json.dumps({"messages": documents}).encode())).messages


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("system", Role.SYSTEM),
        ("developer", Role.SYSTEM),
        ("user", Role.USER),
        ("assistant", Role.ASSISTANT),
        ("tool", Role.TOOL),
        ("function", Role.TOOL),
    ],
)
def test_every_role_is_known(name: str, role: Role) -> None:
    """The older and newer names of a role mean the same."""
    assert messages({"role": name, "content": "x"}) == (Message(role, (TextPart("x"),)),)


def test_parts_and_calls_are_kept_in_order() -> None:
    """Text as text, anything else under its own name, tool calls last."""
    content = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}, {"type": "text", "text": "b"}]
    (message,) = messages({"role": "assistant", "content": content, "tool_calls": [{}, {}]})
    called = OtherPart("tool_call")
    assert message.parts == (TextPart("a"), OtherPart("image_url"), TextPart("b"), called, called)


def test_thoughts_come_back_with_their_proof() -> None:
    """As they were told, and before all else that was said; those that nobody can vouch for do not."""
    details = [
        {"type": "reasoning.text", "text": "Hm.", "signature": "sig", "index": 0},
        {"type": "reasoning.encrypted", "data": "hidden", "index": 1},
        {"type": "reasoning.text", "text": "So.", "signature": None},
        {"type": "reasoning.summary", "summary": "So."},
    ]
    (message,) = messages({"role": "assistant", "content": "Hi", "reasoning_details": details})
    proven = ThinkingPart("Hm.", "sig"), ThinkingPart("", "hidden", is_redacted=True)
    assert message.parts == (*proven, TextPart("Hi"))
    assert messages({"role": "user", "content": "Hi", "reasoning_details": details})[0].parts == (TextPart("Hi"),)


@pytest.mark.parametrize("part", [{"type": "text"}, {"type": "text", "text": 5}, {}, {"type": None}])
def test_a_broken_part_is_no_text(part: dict[str, Any]) -> None:
    """It is passed on as something else, and never as words that nobody wrote."""
    (message,) = messages({"role": "user", "content": [part]})
    assert [type(found) for found in message.parts] == [OtherPart]


def test_a_message_may_say_nothing() -> None:
    """No content, and none of the messages at all."""
    assert messages({"role": "assistant", "content": None, "tool_calls": None}) == (Message(Role.ASSISTANT, ()),)
    assert messages() == ()
    assert expand(scan(b"{}")).messages == ()


def test_an_unknown_role_is_refused_with_its_path() -> None:
    """The fault names the message."""
    with pytest.raises(InvalidValue) as fault:
        messages({"role": "user", "content": "x"}, {"role": "boss", "content": "x"})
    assert fault.value.field == "messages[1].role"


@pytest.mark.parametrize("message", ["x", 5, {"content": "x"}, {"role": 5}, {"role": "user", "content": 5}])
def test_what_is_no_message_is_refused(message: Any) -> None:
    """A fault of type, told before anything is made of it."""
    with pytest.raises(InvalidType) as fault:
        messages(message)
    assert fault.value.field == "messages"


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    """Legal JSON, but no text that could be searched or stored; whole pairs stay."""
    (message,) = messages({"role": "user", "content": "a\ud800b 🦊"})
    assert message.text == "a\ufffdb 🦊"
    with pytest.raises(InvalidType):
        messages({"role": "user", "content": ["\ud800"]})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"tools": [{"type": "custom", "custom": {}}]}, "tools[0]"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools"),
        ({"tools": 5}, "tools"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"tool_choice": 5}, "tool_choice"),
        ({"stop": [1]}, "stop"),
        ({"temperature": "hot"}, "temperature"),
        ({"response_format": {"type": "yaml"}}, "response_format.type"),
        ({"response_format": "json"}, "response_format"),
    ],
)
def test_a_wish_that_cannot_be_read_is_refused(fields: dict[str, Any], field: str) -> None:
    """It would be lost on the way to a provider of another dialect."""
    with pytest.raises((InvalidType, InvalidValue)) as fault:
        expand(scan(json.dumps({"messages": [], **fields}).encode()))
    assert fault.value.field == field


def test_older_names_are_read() -> None:
    """`functions` and the role that answered them."""
    body = {"messages": [{"role": "function", "name": "f", "content": "5"}], "functions": [{"name": "f"}]}
    conversation = expand(scan(json.dumps(body).encode()))
    assert conversation.tools == (Tool("f"),)
    assert conversation.messages == (Message(Role.TOOL, (ToolResultPart("f", (TextPart("5"),)),)),)


def test_null_wishes_nothing() -> None:
    """An absent field and a null one are the same."""
    names = ("tools", "tool_choice", "stop", "temperature", "response_format", "functions", "messages")
    assert expand(scan(json.dumps(dict.fromkeys(names)).encode())) == Conversation(())


def test_knobs_without_a_place_are_named() -> None:
    """So that who sends the request on can say what it lost; wishes that are no wishes are none."""
    raw = b'{"model":"m","messages":[],"logit_bias":{"1":2},"metadata":{},"store":false,"verbosity":"low"}'
    assert expand(scan(raw)).unmodelled == ("logit_bias", "verbosity")


@pytest.mark.parametrize(
    "field", ['"audio":{"voice":"x"}', '"modalities":["audio"]', '"web_search_options":{"a":1}', '"logprobs":true']
)
def test_what_changes_the_answer_itself_is_refused(field: str) -> None:
    """Without it the answer would be another one; the field is named."""
    with pytest.raises(InvalidValue) as fault:
        expand(scan(b'{"messages":[],%b}' % field.encode()))
    assert fault.value.field == field.partition(":")[0].strip('"')
