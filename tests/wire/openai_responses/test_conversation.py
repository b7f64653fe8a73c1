"""The conversation inside a request, and what of it no other provider can be told."""

import json
from typing import Any

import pytest

from tollbar.domain.conversation import Calling, Conversation, Format, NamedTool, OutputFormat, Sampling, Tool
from tollbar.domain.errors import RequestError
from tollbar.domain.messages import Message, Role, TextPart
from tollbar.wire.openai_responses.request import decode


def expanded(**fields: Any) -> Conversation:
    """What a request says."""
    return decode(json.dumps({"model": "m", "input": "Hi", **fields}).encode()).source.expand()


def test_a_bare_question() -> None:
    """Is what a user says."""
    assert expanded() == Conversation((Message(Role.USER, (TextPart("Hi"),)),))


def test_every_wish_is_read() -> None:
    """Instructions, tools, sampling, the shape of the answer, effort."""
    schema = {"type": "json_schema", "name": "page", "schema": {"a": 1}, "strict": True, "description": "A page."}
    found = expanded(
        instructions="Be brief.",
        tools=[{"type": "function", "name": "f", "parameters": {"b": 2}, "description": "F", "strict": True}],
        tool_choice={"type": "function", "name": "f"},
        parallel_tool_calls=False,
        temperature=0.5,
        top_p=1,
        text={"format": schema},
        reasoning={"effort": "low", "summary": "auto"},
        metadata={"a": "b"},
    )
    assert found.messages[0] == Message(Role.SYSTEM, (TextPart("Be brief."),))
    assert found.tools == (Tool("f", "F", '{"b": 2}', True),)
    assert (found.tool_choice, found.calls_in_parallel) == (NamedTool("f"), False)
    assert (found.sampling, found.effort) == (Sampling(0.5, 1.0), "low")
    assert found.output == OutputFormat(Format.SCHEMA, "page", '{"a": 1}', "A page.", True)
    assert found.unmodelled == ()


@pytest.mark.parametrize(("choice", "read"), [("auto", Calling.AUTO), ("required", Calling.REQUIRED), (None, None)])
def test_words_for_whether_tools_are_called(choice: str | None, read: Calling | None) -> None:
    """As in every dialect of OpenAI's."""
    assert expanded(tool_choice=choice).tool_choice == read


def test_knobs_that_nobody_else_has_are_named() -> None:
    """Unless they say what is usual, or nothing."""
    told = expanded(
        truncation="auto",
        service_tier="flex",
        store=True,
        include=["web_search_call.results"],
        text={"verbosity": "low"},
        safety_identifier="x",
        prompt_cache_key="y",
        mood=1,
    )
    wanted = {"truncation", "service_tier", "store", "include", "text.verbosity", "safety_identifier"}
    assert set(told.unmodelled) == {*wanted, "prompt_cache_key", "mood"}
    usual = expanded(truncation="disabled", service_tier="auto", store=False, include=[], previous_response_id=None)
    assert usual.unmodelled == ()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": {"id": "c"}}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"moderation": {"model": "m"}}, "moderation"),
        ({"include": ["message.output_text.logprobs"]}, "include"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "tools[0]"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools[0]"),
        ({"tools": 5}, "tools"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}}, "tool_choice"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format.type"),
        ({"text": "x"}, "text"),
        ({"input": None}, "input"),
        ({"input": 5}, "input"),
        ({"input": [5]}, "input"),
        ({"instructions": [1]}, "instructions"),
    ],
)
def test_what_cannot_be_carried_is_refused_by_name(fields: dict[str, Any], field: str) -> None:
    """And what cannot be read."""
    with pytest.raises(RequestError) as fault:
        expanded(**fields)
    assert fault.value.field == field
