"""The conversation in Google's request, as others must hear it."""

import json
from typing import Any

import pytest

from tollbar.domain.conversation import Conversation
from tollbar.domain.errors import InvalidValue
from tollbar.domain.messages import (
    AudioPart,
    FilePart,
    ImagePart,
    Inline,
    Link,
    Message,
    OtherPart,
    Role,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolResultPart,
    Upload,
)
from tollbar.wire.dialect import Incoming
from tollbar.wire.gemini.conversation import arguments_object
from tollbar.wire.gemini.request import decode
from tollbar.wire.gemini.signature import wrapped

UPLOADED = "https://generativelanguage.googleapis.com/v1beta/files/abc"


def read(*contents: object, **fields: Any) -> Conversation:
    """The conversation in a request."""
    body = json.dumps({"contents": contents, **fields}).encode()
    return decode(Incoming(body, name="m"), stream=False).source.expand()


def parts_of(*parts: object, role: str = "user") -> tuple[object, ...]:
    """The parts of the one message with these."""
    (message,) = read({"role": role, "parts": parts}).messages
    return message.parts


def test_parts_in_either_spelling() -> None:
    """Words, pictures, sound, documents, by their bytes or by their address."""
    assert parts_of(
        {"text": "Hi"},
        {"inline_data": {"mime_type": "image/png", "data": "a-_b"}},
        {"inlineData": {"mimeType": "audio/mpeg", "data": "aaaa"}},
        {"inlineData": {"mimeType": "audio/x-wav", "data": "aaaa"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "aaaa", "displayName": "a.pdf"}},
        {"fileData": {"mimeType": "image/png", "fileUri": "https://example.org/a"}},
        {"fileData": {"mimeType": "text/csv", "fileUri": "https://example.org/a"}},
        {"file_data": {"file_uri": UPLOADED}},
    ) == (
        TextPart("Hi"),
        ImagePart(Inline("image/png", "a+/b")),
        AudioPart("aaaa", "mp3"),
        AudioPart("aaaa", "wav"),
        FilePart(Inline("application/pdf", "aaaa"), "a.pdf"),
        ImagePart(Link("https://example.org/a")),
        FilePart(Link("https://example.org/a")),
        FilePart(Upload(UPLOADED)),
    )


def test_instructions_come_first() -> None:
    """Under either name, and as one content whatever its role."""
    said = {"role": "user", "parts": [{"text": "Hi"}]}
    for name in ("systemInstruction", "system_instruction"):
        messages = read(said, **{name: {"role": "system", "parts": {"text": "Be brief."}}}).messages
        assert messages[0] == Message(Role.SYSTEM, (TextPart("Be brief."),))


def test_calls_and_answers_without_ids_find_each_other() -> None:
    """By name, and in order where a tool was called twice."""
    calls = [{"functionCall": {"name": name, "args": {"n": 1}}} for name in ("f", "g", "f")]
    answers = [{"functionResponse": {"name": name, "response": {"output": name}}} for name in ("f", "f", "g", "h")]
    asked, told = read({"role": "model", "parts": calls}, {"role": "function", "parts": answers}).messages
    assert [part.id for part in asked.parts if isinstance(part, ToolCallPart)] == ["call_0", "call_1", "call_2"]
    found = [part.call_id for part in told.parts if isinstance(part, ToolResultPart)]
    assert (told.role, found) == (Role.TOOL, ["call_0", "call_2", "call_1", "h"])


def test_what_a_tool_answered() -> None:
    """Google's keys for an answer and for a failure; anything else whole, and pictures beside it."""
    picture = {"inlineData": {"mimeType": "image/png", "data": "aaaa"}}
    answers = [
        ({"output": "ok"}, (TextPart("ok"),), False),
        ({"output": {"a": 1}}, (TextPart('{"a": 1}'),), False),
        ({"error": "no"}, (TextPart("no"),), True),
        ({"result": 5}, (TextPart('{"result": 5}'),), False),
        ({}, (), False),
    ]
    for response, texts, is_error in answers:
        told = {"id": "c", "name": "f", "response": response, "parts": [picture]}
        expected = ToolResultPart("c", (*texts, ImagePart(Inline("image/png", "aaaa"))), is_error)
        assert parts_of({"functionResponse": told}) == (expected,)
    (result,) = parts_of({"functionResponse": {"id": "c", "name": "f", "parts": [{"inlineData": {"mimeType": "a/b"}}]}})
    assert result == ToolResultPart("c", (OtherPart("functionResponse.parts"),))


def test_answers_and_words_of_one_turn_are_messages_of_their_own() -> None:
    """In their order."""
    answer = {"functionResponse": {"id": "c", "name": "f", "response": {"output": "ok"}}}
    messages = read({"parts": [answer, answer, {"text": "Go on."}]}, {"parts": []}).messages
    assert [(message.role, len(message.parts)) for message in messages] == [
        (Role.TOOL, 2),
        (Role.USER, 1),
        (Role.USER, 0),
    ]


def test_thoughts_and_their_proofs() -> None:
    """Shown, alone, on words, on a call; and those of other providers as they were."""
    assert parts_of(
        {"text": "Hm.", "thought": True, "thoughtSignature": wrapped("sig+/=")},
        {"text": "", "thought": True, "thoughtSignature": wrapped("secret", is_redacted=True)},
        {"text": "", "thoughtSignature": "Z29vZ2xl"},
        {"text": "Hi"},
        {"functionCall": {"id": "c", "name": "f"}, "thoughtSignature": "Z29vZ2xl"},
        role="model",
    ) == (
        ThinkingPart("Hm.", "sig+/="),
        ThinkingPart("", "secret", is_redacted=True),
        ThinkingPart("", "Z29vZ2xl"),
        TextPart("Hi"),
        ToolCallPart("c", "f", "{}", "Z29vZ2xl"),
    )


def test_what_nobody_else_knows_is_kept_by_its_name() -> None:
    """So that it can be refused; how to look at a part is a knob."""
    assert parts_of({"executableCode": {"code": "1"}}, {"hologram": {}}, {"text": "a", "inlineData": {}}) == (
        OtherPart("executableCode"),
        OtherPart("hologram"),
        OtherPart("inlineData"),
    )
    found = read({"parts": [{"text": "a", "videoMetadata": {"fps": 1}, "media_resolution": {}}]})
    assert found.unmodelled == ("contents.parts.mediaResolution", "contents.parts.videoMetadata")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"contents": [{"role": "system", "parts": []}]}, "contents[0].role"),
        ({"cachedContent": "cachedContents/a"}, "cachedContent"),
        ({"tools": [{"functionDeclarations": []}, {"google_search": {}}]}, "tools[1].googleSearch"),
    ],
)
def test_what_cannot_be_said_is_refused_by_its_path(fields: dict[str, Any], field: str) -> None:
    """It would be another question."""
    with pytest.raises(InvalidValue) as fault:
        decode(Incoming(json.dumps({"contents": [], **fields}).encode(), name="m"), stream=False).source.expand()
    assert fault.value.field == field


@pytest.mark.parametrize(
    ("text", "told"), [("", "{}"), ('{ "a" :1}', '{"a":1}'), ("[]", None), ("{", None), ('{"a":NaN}', None)]
)
def test_arguments_are_an_object_or_nothing(text: str, told: str | None) -> None:
    """On one line."""
    assert arguments_object(text) == told
