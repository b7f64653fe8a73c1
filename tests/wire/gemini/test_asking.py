"""What Google is asked for callers of other dialects says what they said."""

import json
from typing import Any

import pytest
from google.genai import types
from hypothesis import given

from tests.wire.gemini.talk import conversations
from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.conversation import Conversation, Sampling, Tool
from tollbar.domain.errors import InvalidValue
from tollbar.domain.messages import (
    FilePart,
    ImagePart,
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
    Upload,
)
from tollbar.wire.dialect import Incoming
from tollbar.wire.gemini.asking import asking
from tollbar.wire.gemini.request import decode
from tollbar.wire.gemini.signature import SKIP


def a_request(conversation: Conversation, **fields: Any) -> CompletionRequest:
    """A request of another dialect."""
    return CompletionRequest("asked", Source("other", b"", {}, lambda: conversation), **fields)


def document(*messages: Message, model: str = "gemini-3-pro", **fields: Any) -> dict[str, Any]:
    """The body, read, which the SDK's own types can hold."""
    made: dict[str, Any] = json.loads(asking(a_request(Conversation(messages), **fields), model).body)
    for content in made["contents"]:
        types.Content.model_validate(content)
    types.GenerationConfig.model_validate(made.get("generationConfig", {}))
    return made


@given(conversations())
def test_what_is_read_from_the_body_is_what_it_was_made_of(conversation: Conversation) -> None:
    """Every message, tool and wish, whole; and Google's own types take it."""
    body, dropped = asking(a_request(conversation), "gemini-3-pro")
    assert decode(Incoming(body, name="m"), stream=False).source.expand() == conversation
    assert dropped == ()
    for tool in json.loads(body).get("tools", ()):
        types.Tool.model_validate(tool)


def test_the_head_is_kept() -> None:
    """Length and choices; the model and the stream stand in the address."""
    made = document(Message(Role.USER, (TextPart("Hi"),)), max_tokens=7, choices=2, stream=True)
    assert made["generationConfig"] == {"maxOutputTokens": 7, "candidateCount": 2}


def test_nothing_is_said_that_the_caller_did_not_say() -> None:
    """A bare question is its contents."""
    assert document(Message(Role.USER, (TextPart("Hi"),))) == {
        "contents": [{"role": "user", "parts": [{"text": "Hi"}]}]
    }


def test_instructions_stand_apart_wherever_they_were_said() -> None:
    """In their order."""
    made = document(
        Message(Role.SYSTEM, (TextPart("One."),)),
        Message(Role.USER, (TextPart("Hi"),)),
        Message(Role.SYSTEM, (TextPart("Two."),)),
    )
    assert made["systemInstruction"] == {"parts": [{"text": "One."}, {"text": "Two."}]}
    assert len(made["contents"]) == 1


def test_answers_of_parallel_calls_are_one_content_by_their_tools_names() -> None:
    """As Google wants it: as many answers as there were calls, in one turn."""
    calls = tuple(ToolCallPart(f"c{n}", f"tool_{n}", "{}") for n in range(2))
    results = [Message(Role.TOOL, (ToolResultPart(f"c{n}", (TextPart("ok"),), is_error=n == 1),)) for n in range(2)]
    made = document(Message(Role.ASSISTANT, calls), *results)
    assert made["contents"][1]["parts"] == [
        {"functionResponse": {"id": "c0", "name": "tool_0", "response": {"output": "ok"}}},
        {"functionResponse": {"id": "c1", "name": "tool_1", "response": {"error": "ok"}}},
    ]


@pytest.mark.parametrize(("model", "proof"), [("gemini-3-pro", SKIP), ("google/gemini-2.5-flash", None)])
def test_a_call_without_a_proof_gets_what_google_lets_stand_for_it(model: str, proof: str | None) -> None:
    """For the models that want one, and for the first call of a turn alone; a real one is kept."""
    calls = tuple(ToolCallPart(f"c{n}", "f", "{}") for n in range(2))
    parts = document(Message(Role.ASSISTANT, calls), model=model)["contents"][0]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == [proof, None]
    proven = Message(Role.ASSISTANT, (ToolCallPart("c", "f", "{}", "sig"),))
    assert document(proven, model=model)["contents"][0]["parts"][0]["thoughtSignature"] == "sig"


@pytest.mark.parametrize(
    ("model", "effort", "tokens", "told"),
    [
        ("gemini-3-pro", "xhigh", None, {"thinkingLevel": "HIGH", "includeThoughts": True}),
        ("gemini-3-pro", "none", None, {"thinkingLevel": "MINIMAL", "includeThoughts": True}),
        ("gemini-2.5-pro", "medium", None, {"thinkingBudget": 8_192, "includeThoughts": True}),
        ("gemini-2.5-pro", "none", None, {"thinkingBudget": 0, "includeThoughts": False}),
        ("gemini-3-pro", None, 500, {"thinkingBudget": 500, "includeThoughts": True}),
        ("gemini-3-pro", "odd", None, None),
    ],
)
def test_how_long_to_think_is_told_as_the_model_knows_it(
    model: str, effort: str | None, tokens: int | None, told: object
) -> None:
    """By level, and by count for the older models; who says it is shown the thoughts."""
    conversation = Conversation((), effort=effort, thinking_tokens=tokens)
    body, dropped = asking(a_request(conversation), model)
    assert json.loads(body).get("generationConfig", {}).get("thinkingConfig") == told
    assert dropped == (("effort",) if effort == "odd" else ())


def test_what_has_no_word_here_is_left_out_and_told() -> None:
    """User, one call at a time, strictness, how closely to look, names of files, others' hidden thoughts."""
    parts: tuple[Part, ...] = (
        ImagePart(Link("https://example.org/a.png"), "low"),
        FilePart(Link("https://example.org/a.pdf"), "a.pdf"),
        ThinkingPart("", "secret", is_redacted=True),
    )
    conversation = Conversation(
        (Message(Role.USER, parts),),
        tools=(Tool("f", is_strict=True),),
        calls_in_parallel=False,
        sampling=Sampling(top_k=4),
        unmodelled=("metadata",),
    )
    body, dropped = asking(a_request(conversation, user="ana"), "m")
    wanted = ("metadata", "user", "parallel_tool_calls", "strict", "thinking", "detail", "filename")
    assert sorted(dropped) == sorted(wanted)
    assert b"secret" not in body


def test_a_refusal_is_text_here() -> None:
    """Google's model said it in words."""
    assert document(Message(Role.ASSISTANT, (RefusalPart("No."),)))["contents"][0]["parts"] == [{"text": "No."}]


@pytest.mark.parametrize(
    ("part", "word"),
    [
        (OtherPart("hologram"), "hologram"),
        (FilePart(Upload("file-123")), "another provider"),
        (ToolCallPart("c", "f", "[1]"), "no JSON object"),
        (ToolCallPart("c", "f", "{broken"), "no JSON object"),
        (ToolCallPart("c", "f", '{"a": NaN}'), "no JSON object"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(part: Part, word: str) -> None:
    """Without it the question would be another one."""
    with pytest.raises(InvalidValue, match=word) as fault:
        document(Message(Role.USER, ()), Message(Role.ASSISTANT, (part,)))
    assert (fault.value.field or "").startswith("messages[1]")
