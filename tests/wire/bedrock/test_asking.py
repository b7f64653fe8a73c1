"""What Bedrock is asked for callers of other dialects says what they said, as Amazon's own client would."""

import base64
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.anthropic.talk import conversations
from tests.wire.bedrock.shapes import faults
from tests.wire.openai_chat import talk
from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.conversation import (
    CachePoint,
    Calling,
    Conversation,
    Format,
    NamedTool,
    OutputFormat,
    Sampling,
    Tool,
)
from tollbar.domain.errors import InvalidValue
from tollbar.domain.messages import (
    AudioPart,
    FilePart,
    ImagePart,
    Inline,
    Link,
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
from tollbar.wire.bedrock.asking import asking

SONNET, OPUS = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-opus-4-7-v1"
DATA = base64.b64encode(b"bytes").decode()
PICTURE = ImagePart(Inline("image/png", DATA))
SCHEMA = '{"type": "object"}'
HI = Message(Role.USER, (TextPart("Hi"),))
CALL = Message(Role.ASSISTANT, (ToolCallPart("c1", "f", '{"page": 1}'),))


def a_request(conversation: Conversation, **fields: Any) -> CompletionRequest:
    """A request of another dialect."""
    return CompletionRequest("asked", Source("other", b"", {}, lambda: conversation), **fields)


def told(conversation: Conversation, model: str = "m", **fields: Any) -> dict[str, Any]:
    """The body, read, which Amazon's own client would send."""
    made: dict[str, Any] = json.loads(asking(a_request(conversation, **fields), model).body)
    assert faults("ConverseRequest", made) == []
    return made


@given(talk.conversations | conversations(), st.sampled_from([SONNET, "amazon.nova-2-lite-v1:0", "m"]))
def test_whatever_can_be_said_is_asked_or_refused_by_name(conversation: Conversation, model: str) -> None:
    """No other error, and no request that Amazon's own client would not send; the turns are in turn."""
    try:
        made = told(conversation, model, max_tokens=4_000, user="ana")
    except InvalidValue as fault:
        assert fault.field  # noqa: PT017 - either is right
        return
    roles = [message["role"] for message in made["messages"]]
    assert all(message["content"] for message in made["messages"])
    assert all(one != other for one, other in itertools.pairwise(roles))


def test_nothing_is_said_that_the_caller_did_not_say() -> None:
    """A bare question is its messages; the model and the stream stand in the address."""
    assert told(Conversation((HI,)), stream=True) == {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}


def test_the_head_is_kept() -> None:
    """Length and user, who is named where nobody but the caller's own operator reads it."""
    made = told(Conversation((HI,)), max_tokens=7, user="ana@example.org")
    assert made["inferenceConfig"] == {"maxTokens": 7}
    assert made["requestMetadata"] == {"user": "ana@example.org"}
    body, dropped = asking(a_request(Conversation((HI,)), user="ana|é"), "m")
    assert (b"requestMetadata" in body, dropped) == (False, ("user",))


def test_everything_that_is_said_is_carried() -> None:
    """Instructions apart; pictures, sound, documents, thoughts with their proofs, calls and what tools answered."""
    hidden = base64.b64encode(b"hidden").decode()
    made = told(
        Conversation(
            (
                Message(Role.SYSTEM, (TextPart("One."),)),
                Message(Role.USER, (TextPart(""), PICTURE, AudioPart(DATA, "mp3"), TextPart("Hi"))),
                Message(Role.USER, (FilePart(Inline("text/csv", DATA), "a.csv"),)),
                Message(
                    Role.ASSISTANT,
                    (
                        ThinkingPart("Hm.", "proof"),
                        ThinkingPart("", hidden, is_redacted=True),
                        RefusalPart("No."),
                        *CALL.parts,
                    ),
                ),
                Message(Role.TOOL, (ToolResultPart("c1", (TextPart("ok"), PICTURE), is_error=True),)),
                Message(Role.SYSTEM, (TextPart("Two."),)),
            )
        )
    )
    picture = {"image": {"format": "png", "source": {"bytes": DATA}}}
    assert made["system"] == [{"text": "One."}, {"text": "Two."}]
    user, assistant, answer = (message["content"] for message in made["messages"])
    assert user == [
        picture,
        {"audio": {"format": "mp3", "source": {"bytes": DATA}}},
        {"text": "Hi"},
        {"document": {"format": "csv", "source": {"bytes": DATA}, "name": "a csv"}},
    ]
    assert assistant == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "proof"}}},
        {"reasoningContent": {"redactedContent": hidden}},
        {"text": "No."},
        {"toolUse": {"toolUseId": "c1", "name": "f", "input": {"page": 1}}},
    ]
    result = {"toolUseId": "c1", "content": [{"text": "ok"}, picture], "status": "error"}
    assert answer == [{"toolResult": result}]


def test_ids_of_calls_that_bedrock_would_not_take_are_written_anew() -> None:
    """The same for the call and for what answers it, and for no other."""
    calls = tuple(ToolCallPart(call_id, "f", "{}") for call_id in ("é" * 9, "x" * 65, "fine-1"))
    results = tuple(ToolResultPart(call.id, ()) for call in calls)
    made = told(Conversation((Message(Role.ASSISTANT, calls), Message(Role.TOOL, results))))
    asked, answered = (message["content"] for message in made["messages"])
    ids = [block["toolUse"]["toolUseId"] for block in asked]
    assert ids == [block["toolResult"]["toolUseId"] for block in answered]
    assert (len(set(ids)), ids[2]) == (3, "fine-1")


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (None, None),
        (Calling.AUTO, {"auto": {}}),
        (Calling.REQUIRED, {"any": {}}),
        (NamedTool("f"), {"tool": {"name": "f"}}),
    ],
)
def test_tools(choice: Calling | NamedTool | None, written: object) -> None:
    """With their schemas, and which to call."""
    tools = (Tool("f", "Does it.", SCHEMA, is_strict=True), Tool("g", "", is_strict=False))
    made = told(Conversation((HI,), tools=tools, tool_choice=choice))["toolConfig"]
    assert made.get("toolChoice") == written
    assert [tool["toolSpec"] for tool in made["tools"]] == [
        {"name": "f", "description": "Does it.", "inputSchema": {"json": {"type": "object"}}, "strict": True},
        {"name": "g", "inputSchema": {"json": {"type": "object", "properties": {}}}},
    ]


def test_who_may_call_no_tool_is_offered_none_but_those_of_earlier_turns() -> None:
    """Bedrock has no word for it, and refuses earlier calls of a tool that it is not told."""
    tools = (Tool("f"), Tool("g"))
    assert "toolConfig" not in told(Conversation((HI,), tools=tools, tool_choice=Calling.NONE))
    for conversation in (Conversation((HI, CALL)), Conversation((HI, CALL), tools=tools, tool_choice=Calling.NONE)):
        (tool,) = told(conversation)["toolConfig"]["tools"]
        assert (tool["toolSpec"]["name"], "not to be called" in tool["toolSpec"]["description"]) == ("f", True)
        dropped = asking(a_request(conversation), "m").dropped
        assert dropped == (("tool_choice",) if conversation.tool_choice else ())


def test_the_shape_of_the_answer_and_how_hard_to_try() -> None:
    """In Converse's own words, where it has them."""
    output = OutputFormat(Format.SCHEMA, "town", SCHEMA, "A town.", is_strict=True)
    made = told(Conversation((HI,), output=output, effort="high"), OPUS)
    schema = {"schema": SCHEMA, "name": "town", "description": "A town."}
    assert made["outputConfig"] == {
        "effort": "high",
        "textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}},
    }
    assert made["additionalModelRequestFields"] == {"thinking": {"type": "adaptive", "display": "summarized"}}
    assert "additionalModelRequestFields" not in told(Conversation((HI,), effort="low"))


def test_what_is_to_be_remembered() -> None:
    """Up to where the caller said, of the models that can be told; the others lose it, and that is told."""
    points = (CachePoint(None, 0), CachePoint(0, 0, "1h"), CachePoint(1, 1, "5m"))
    conversation = Conversation(
        (Message(Role.SYSTEM, (TextPart("One."),)), Message(Role.USER, (TextPart("Hi"), TextPart("")))),
        tools=(Tool("f"), Tool("g")),
        unmodelled=("cache_control",),
        cache_points=points,
    )
    point, long = {"cachePoint": {"type": "default"}}, {"cachePoint": {"type": "default", "ttl": "1h"}}
    made = told(conversation, SONNET)
    assert made["system"] == [{"text": "One."}, long]
    assert made["messages"][0]["content"] == [{"text": "Hi"}, point]
    assert [next(iter(tool)) for tool in made["toolConfig"]["tools"]] == ["toolSpec", "cachePoint", "toolSpec"]
    assert asking(a_request(conversation), SONNET).dropped == ()
    nova = told(conversation, "amazon.nova-pro-v1:0")
    assert (len(nova["system"]), len(nova["toolConfig"]["tools"])) == (2, 2)
    body, dropped = asking(a_request(conversation), "meta.llama3-3-70b-instruct-v1:0")
    assert (b"cachePoint" in body, dropped) == (False, ("cache_control",))


def test_which_word_ended_the_answer_is_asked_for() -> None:
    """Of the models that tell it."""
    made = told(Conversation((HI,), sampling=Sampling(stop=("x",))), SONNET)
    assert made["additionalModelResponseFieldPaths"] == ["/stop_sequence"]


def test_what_has_no_word_here_is_left_out_and_told() -> None:
    """Penalties, a seed, one call at a time, JSON without a schema, unproven thoughts, how closely to look."""
    parts: tuple[Part, ...] = (
        ThinkingPart("Hm."),
        ThinkingPart("", "no base64!", is_redacted=True),
        ImagePart(Inline("image/png", DATA), "low"),
        TextPart("Hi"),
    )
    conversation = Conversation(
        (Message(Role.ASSISTANT, parts),),
        tools=(Tool("f"),),
        calls_in_parallel=False,
        sampling=Sampling(frequency_penalty=1, presence_penalty=1, seed=4),
        output=OutputFormat(Format.JSON),
        unmodelled=("metadata",),
    )
    body, dropped = asking(a_request(conversation), "m")
    wanted = ("metadata", "frequency_penalty", "presence_penalty", "seed", "parallel_tool_calls", "response_format")
    assert dropped == (*wanted, "thinking", "detail")
    assert b"Hm." not in body
    assert b"base64!" not in body


@pytest.mark.parametrize(
    ("part", "word"),
    [(OtherPart("hologram"), "hologram"), (ImagePart(Link("https://example.org/a.png")), "address")],
)
def test_what_cannot_be_said_is_refused_by_name(part: Part, word: str) -> None:
    """Without it the question would be another one."""
    for message in (Message(Role.USER, (part,)), Message(Role.TOOL, (ToolResultPart("c", (OtherPart(word),)),))):
        with pytest.raises(InvalidValue, match=word) as fault:
            told(Conversation((message,)))
        assert fault.value.field == "messages[0].content"
    with pytest.raises(InvalidValue, match="'system'"):
        told(Conversation((Message(Role.SYSTEM, (part,)),)))
    with pytest.raises(InvalidValue, match="'n'"):
        told(Conversation((HI,)), choices=2)
