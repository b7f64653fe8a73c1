"""What is asked for callers of other dialects says what they said."""

import base64
import itertools
import json
from typing import Any

import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from hypothesis import given
from pydantic import TypeAdapter

from tests.wire.anthropic.talk import conversations
from tests.wire.openai_chat import talk
from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.conversation import Calling, Conversation, Format, NamedTool, OutputFormat, Sampling, Tool
from tollbar.domain.errors import InvalidValue
from tollbar.domain.messages import (
    AudioPart,
    FilePart,
    Inline,
    Message,
    OtherPart,
    Part,
    RefusalPart,
    Role,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
)
from tollbar.wire.anthropic.asking import asking
from tollbar.wire.anthropic.request import decode
from tollbar.wire.dialect import Incoming

OLD, NEW = "claude-sonnet-4-5", "claude-opus-4-7"
HI = Message(Role.USER, (TextPart("Hi"),))
PARAMS = TypeAdapter(MessageCreateParamsNonStreaming)


def a_request(conversation: Conversation, **fields: Any) -> CompletionRequest:
    """A request of another dialect."""
    return CompletionRequest("asked", Source("other", b"", {}, lambda: conversation), **fields)


def told(conversation: Conversation, model: str = "m", most: int | None = None, **fields: Any) -> dict[str, Any]:
    """The body, read."""
    return json.loads(asking(a_request(conversation, **fields), model, most).body)


@given(conversations())
def test_what_is_read_from_the_body_is_what_it_was_made_of(conversation: Conversation) -> None:
    """Every message, tool and wish, whole; the SDK's own types take it."""
    body, dropped = asking(a_request(conversation, max_tokens=9), "m")
    assert decode(Incoming(body)).source.expand() == conversation
    assert dropped == ()
    PARAMS.validate_json(body)


@given(talk.conversations)
def test_whatever_openai_can_say_is_asked_or_refused_by_name(conversation: Conversation) -> None:
    """No other error, and no message that Anthropic would refuse for saying nothing, or for a turn out of turn."""
    try:
        body = told(conversation, max_tokens=4_000)
    except InvalidValue:
        return
    roles = [message["role"] for message in body["messages"]]
    assert all(message["content"] for message in body["messages"])
    assert all(one != other for one, other in itertools.pairwise(roles))


def test_the_head_is_kept() -> None:
    """Length, user and stream, under the provider's own name of the model."""
    body = asking(a_request(Conversation((HI,)), stream=True, max_tokens=7, user="ana"), "m").body
    read = decode(Incoming(body))
    assert (read.model, read.stream, read.max_tokens, read.user) == ("m", True, 7, "ana")


@pytest.mark.parametrize(
    ("model", "most", "length"), [("m", None, 8_192), (OLD, None, 32_000), (OLD, 64_000, 64_000), ("m", 100, 100)]
)
def test_a_length_that_nobody_gave_is_the_models(model: str, most: int | None, length: int) -> None:
    """The most of the model where it is known, else what all models of its generation can."""
    assert told(Conversation((HI,)), model, most)["max_tokens"] == length


def test_several_answers_are_refused() -> None:
    """There is one here."""
    with pytest.raises(InvalidValue) as fault:
        told(Conversation((HI,)), choices=2)
    assert fault.value.field == "n"


def test_the_systems_words_go_before_all_others() -> None:
    """Wherever they stood."""
    messages = (Message(Role.SYSTEM, (TextPart("a"),)), HI, Message(Role.SYSTEM, (TextPart("b"), TextPart(""))))
    body = told(Conversation(messages))
    assert [block["text"] for block in body["system"]] == ["a", "b"]
    assert len(body["messages"]) == 1


def test_answers_of_tools_are_one_turn_of_the_user() -> None:
    """As Anthropic wants them: all of them, and what the user said then, after the turn that called."""
    results: list[Part] = [ToolResultPart(one, (TextPart(one),)) for one in ("a", "b")]
    messages = [Message(Role.TOOL, (result,)) for result in results]
    (turn,) = told(Conversation((*messages, HI)))["messages"]
    assert [block["type"] for block in turn["content"]] == ["tool_result", "tool_result", "text"]


def test_arguments_that_are_no_object_are_kept_as_text() -> None:
    """The model's own slip can go back to it."""
    calls = tuple(ToolCallPart("c", "f", text) for text in ("", "{broken", "[1]", '{"a": 1}'))
    (turn,) = told(Conversation((Message(Role.ASSISTANT, calls),)))["messages"]
    inputs = [block["input"] for block in turn["content"]]
    assert inputs == [{}, {"arguments": "{broken"}, {"arguments": "[1]"}, {"a": 1}]


def test_what_has_no_word_here_is_left_out_and_told() -> None:
    """Penalties, a seed, JSON without a schema, thoughts without proof."""
    conversation = Conversation(
        (Message(Role.ASSISTANT, (ThinkingPart("Hm."), RefusalPart("No."))),),
        sampling=Sampling(0.5, 0.5, None, 0.1, 0.2, 7),
        output=OutputFormat(Format.JSON),
        unmodelled=("logit_bias",),
    )
    body, dropped = asking(a_request(conversation), "m")
    expected = ("logit_bias", "top_p", "frequency_penalty", "presence_penalty", "seed", "response_format", "thinking")
    assert dropped == expected
    assert json.loads(body)["messages"][0]["content"] == [{"type": "text", "text": "No."}]


@pytest.mark.parametrize(
    ("fields", "model", "length", "thinking", "effort"),
    [
        ({"effort": "low"}, OLD, 4_000, {"type": "enabled", "budget_tokens": 1_024}, None),
        ({"effort": "high"}, OLD, 64_000, {"type": "enabled", "budget_tokens": 24_576}, None),
        ({"effort": "colossal"}, OLD, 64_000, {"type": "enabled", "budget_tokens": 32_768}, None),
        ({"effort": "high"}, OLD, 4_000, {"type": "enabled", "budget_tokens": 3_999}, None),
        ({"thinking_tokens": 2_000}, OLD, 4_000, {"type": "enabled", "budget_tokens": 2_000}, None),
        ({"effort": "none"}, OLD, 4_000, {"type": "disabled"}, None),
        ({"thinking_tokens": 0}, NEW, 4_000, {"type": "disabled"}, None),
        ({"effort": "minimal"}, NEW, 4_000, {"type": "adaptive", "display": "summarized"}, "low"),
        ({"thinking_tokens": 9_000}, NEW, 4_000, {"type": "adaptive", "display": "summarized"}, "high"),
        ({}, NEW, 4_000, None, None),
    ],
)
def test_thinking_is_asked_for_in_the_models_own_way(
    fields: dict[str, Any], model: str, length: int, thinking: object, effort: str | None
) -> None:
    """By a count of tokens below the length, or by a word of effort."""
    body = told(Conversation((HI,), **fields), model, max_tokens=length)
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        ({}, 1_000),
        ({"tools": (Tool("f"),), "tool_choice": Calling.REQUIRED}, 9_000),
        ({"tools": (Tool("f"),), "tool_choice": NamedTool("f")}, 9_000),
    ],
)
def test_thoughts_that_have_no_room_are_left_out_and_told(fields: dict[str, Any], length: int) -> None:
    """In a short answer, and where a tool must be called."""
    body, dropped = asking(a_request(Conversation((HI,), effort="high", **fields), max_tokens=length), OLD)
    assert "thinking" not in json.loads(body)
    assert dropped == ("reasoning_effort",)


def test_a_model_that_must_prove_its_thoughts_goes_on_without_them() -> None:
    """Older ones refuse to think where no proven thought stands before the call that was answered."""
    call, thought = ToolCallPart("c", "f", "{}"), ThinkingPart("Hm.", "sig")
    result = Message(Role.TOOL, (ToolResultPart("c", (TextPart("ok"),)),))
    for said, later, model, thinks in (
        ((call,), (result,), OLD, False),
        ((ThinkingPart("Hm."), call), (result,), OLD, False),
        ((thought, call), (result,), OLD, True),
        ((call,), (result, HI), OLD, True),
        ((TextPart("Hi"),), (), OLD, True),
        ((call,), (result,), NEW, True),
    ):
        messages = (HI, Message(Role.ASSISTANT, said), *later)
        body, dropped = asking(a_request(Conversation(messages, effort="low"), max_tokens=9_000), model)
        assert ("thinking" in json.loads(body), "reasoning_effort" in dropped) == (thinks, not thinks)


@pytest.mark.parametrize(("model", "effort"), [(NEW, None), (OLD, "high")])
def test_models_that_choose_words_themselves_are_not_told_how(model: str, effort: str | None) -> None:
    """New ones never are, older ones not while they think."""
    conversation = Conversation((HI,), sampling=Sampling(temperature=0.5, top_k=3), effort=effort)
    body, dropped = asking(a_request(conversation, max_tokens=9_000), model)
    assert "temperature" not in json.loads(body)
    assert dropped == ("temperature", "top_k")


def test_a_temperature_beyond_the_scale_is_its_end() -> None:
    """OpenAI's goes to 2."""
    assert told(Conversation((HI,), sampling=Sampling(temperature=1.7)))["temperature"] == 1.0


def test_one_tool_at_a_time_is_a_wish_of_its_own() -> None:
    """It is said beside the choice, where there are tools."""
    offered = Conversation((HI,), tools=(Tool("f"),), calls_in_parallel=False)
    assert told(offered)["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert told(offered)["tools"] == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
    assert "tool_choice" not in told(Conversation((HI,), calls_in_parallel=False, tool_choice=Calling.AUTO))


def test_a_text_file_is_sent_as_text() -> None:
    """This wire takes it so; what is no text is refused."""
    told_there = base64.b64encode("Grüße".encode()).decode()
    part = FilePart(Inline("text/markdown", told_there), "a.md")
    (turn,) = told(Conversation((Message(Role.USER, (part,)),)))["messages"]
    source = {"type": "text", "media_type": "text/plain", "data": "Grüße"}
    assert turn["content"] == [{"type": "document", "source": source, "title": "a.md"}]
    with pytest.raises(InvalidValue):
        told(Conversation((Message(Role.USER, (FilePart(Inline("text/plain", "////")),)),)))


@pytest.mark.parametrize("part", [AudioPart("UklGRg==", "wav"), OtherPart("hologram")])
@pytest.mark.parametrize("role", [Role.USER, Role.SYSTEM])
def test_what_cannot_be_said_is_refused_by_name(part: Part, role: Role) -> None:
    """Without it the question would be another one."""
    with pytest.raises(InvalidValue, match=r"hologram|AudioPart") as fault:
        told(Conversation((Message(role, (part,)),)))
    assert fault.value.field in {"messages[0].content", "system"}
