"""The conversation in a request, for providers of other dialects."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.conversation import Calling, Conversation, Format, NamedTool, OutputFormat, Tool
from tollbar.domain.errors import InvalidType, InvalidValue, RequestError
from tollbar.domain.messages import (
    FilePart,
    Inline,
    Message,
    OtherPart,
    Role,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from tollbar.wire.anthropic.blocks import call_proof
from tollbar.wire.anthropic.conversation import expand
from tollbar.wire.body import scan

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from(["text", "user", "auto", "x"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["type", "role", "content", "text", "source", "input", "name", "format", "schema"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)
MEMBERS = ["messages", "system", "tools", "tool_choice", "thinking", "output_config", "output_format", "temperature"]


def expanded(**members: Any) -> Conversation:
    """The conversation of a body."""
    return expand(scan(json.dumps(members).encode()))


def parts(*blocks: dict[str, Any]) -> tuple[Any, ...]:
    """What the blocks of one message are."""
    (message,) = expanded(messages=[{"role": "user", "content": list(blocks)}]).messages
    return message.parts


def test_the_systems_words_come_first() -> None:
    """As text or as blocks; an empty one is none."""
    hi = {"role": "user", "content": "Hi"}
    assert expanded(system="Be brief.", messages=[hi]).messages == (
        Message(Role.SYSTEM, (TextPart("Be brief."),)),
        Message(Role.USER, (TextPart("Hi"),)),
    )
    blocks = [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "b"}]
    assert expanded(system=blocks).messages == (Message(Role.SYSTEM, (TextPart("a"), TextPart("b"))),)
    assert expanded(system="", messages=[]).messages == ()


def test_tools_are_called_and_answer() -> None:
    """Arguments as their own text; an answer as text or in blocks, and whether it failed."""
    called = {"type": "tool_use", "id": "c", "name": "f", "input": {"a": [1.50]}}
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    result = {"type": "tool_result", "tool_use_id": "c", "content": [image], "is_error": True}
    told = {"type": "tool_result", "tool_use_id": "d", "content": "ok"}
    call, failed, good, empty = parts(called, result, told, {"type": "tool_result", "tool_use_id": "e"})
    assert call == ToolCallPart("c", "f", '{"a": [1.5]}')
    assert (failed.is_error, failed.parts[0].source) == (True, Inline("image/png", "aGk="))
    assert good == ToolResultPart("d", (TextPart("ok"),))
    assert empty == ToolResultPart("e", ())


def test_thoughts_are_kept_with_their_proof() -> None:
    """Redacted ones too."""
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "sig"}
    assert parts(thought, {"type": "redacted_thinking", "data": "x"}, {**thought, "signature": ""}) == (
        ThinkingPart("Hm.", "sig"),
        ThinkingPart("", "x", is_redacted=True),
        ThinkingPart("Hm.", None),
    )


def test_a_call_gets_back_the_proof_that_stood_before_it() -> None:
    """Whatever other dialect the proof is of; without its call it is nothing."""
    call: dict[str, Any] = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    proof = call_proof("sig")
    assert parts(proof, call, call) == (ToolCallPart("c", "f", "{}", "sig"), ToolCallPart("c", "f", "{}"))
    assert parts(proof, {"type": "text", "text": "Hi"}, call) == (TextPart("Hi"), ToolCallPart("c", "f", "{}"))


def test_documents_are_read_from_every_source() -> None:
    """What stands in the request as text or blocks is what they say; a context goes before."""

    def document(source: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"type": "document", "source": source, **more}

    text = document({"type": "text", "media_type": "text/plain", "data": "Hi"}, title="a", context="Old.")
    blocks = document({"type": "content", "content": [{"type": "text", "text": "x"}]})
    assert parts(text, blocks, document({"type": "content", "content": "y"}), document({"type": "new"})) == (
        TextPart("Old."),
        FilePart(Inline("text/plain", "SGk="), "a"),
        TextPart("x"),
        TextPart("y"),
        OtherPart("document"),
    )


@pytest.mark.parametrize(
    "block",
    [
        {"type": "search_result", "source": "x", "title": "t", "content": []},
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        {"type": "text"},
    ],
)
def test_what_nobody_knows_is_kept_under_its_name(block: dict[str, Any]) -> None:
    """Who must send it on refuses it by that."""
    assert parts(block) == (OtherPart(block["type"]),)


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"messages": [{"role": "boss", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": 5}]}]},
            "messages[0].content[0].source",
        ),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0]"),
        ({"tool_choice": {"type": "perhaps"}}, "tool_choice.type"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type"),
        ({"mcp_servers": [{"url": "x"}]}, "mcp_servers"),
        ({"temperature": "hot"}, "temperature"),
    ],
)
def test_a_wish_that_cannot_be_read_or_carried_is_refused(members: dict[str, Any], field: str) -> None:
    """It would be lost on the way to a provider of another dialect."""
    with pytest.raises((InvalidType, InvalidValue)) as fault:
        expanded(**{"messages": [], **members})
    assert fault.value.field == field


def test_choices_of_tools_are_read() -> None:
    """Each word, and whether several may be called at once."""
    told = {name: expanded(tool_choice={"type": name}).tool_choice for name in ("auto", "any", "none")}
    assert told == {"auto": Calling.AUTO, "any": Calling.REQUIRED, "none": Calling.NONE}
    one = expanded(tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True})
    assert (one.tool_choice, one.calls_in_parallel) == (NamedTool("f"), False)
    assert expanded(tools=[{"name": "f", "input_schema": {}, "type": "custom"}]).tools == (Tool("f", None, "{}"),)


@pytest.mark.parametrize(
    ("members", "effort", "tokens"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 31_999}}, None, 31_999),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}, None, 0),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "high", None),
        ({"output_config": {"effort": "low"}}, "low", None),
        ({}, None, None),
    ],
)
def test_how_long_to_think_is_a_word_or_a_count(
    members: dict[str, Any], effort: str | None, tokens: int | None
) -> None:
    """Whichever the caller said; words of this dialect alone are told as the nearest of all."""
    conversation = expanded(messages=[], **members)
    assert (conversation.effort, conversation.thinking_tokens) == (effort, tokens)


@pytest.mark.parametrize("place", [{"output_config": {"format": {}}}, {"output_format": {}}])
def test_a_schema_is_read_from_its_new_place_and_its_old_one(place: dict[str, Any]) -> None:
    """Its name is ours, since here it has none."""
    wanted = {"type": "json_schema", "schema": {"type": "object"}}
    members = {"output_config": {"format": wanted}} if "output_config" in place else {"output_format": wanted}
    assert expanded(**members).output == OutputFormat(Format.SCHEMA, "answer", '{"type": "object"}', is_strict=True)


def test_knobs_without_a_place_are_named() -> None:
    """Those within blocks and tools too; a text that mentions one is no knob."""
    hi = {"role": "user", "content": [{"type": "text", "text": 'say "citations"', "cache_control": {}}]}
    conversation = expanded(messages=[hi], service_tier="auto", context_management={"edits": [1]}, container=None)
    assert conversation.unmodelled == ("service_tier", "context_management", "cache_control")


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=4))
def test_garbage_is_read_or_refused(members: dict[str, Any]) -> None:
    """No body makes the reader raise anything but our own errors."""
    with suppress(RequestError):
        expanded(**members)
