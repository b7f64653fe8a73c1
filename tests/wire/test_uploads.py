"""What a body names that lies at a provider: found however it is spelled, and nowhere but where a provider looks."""

import json
from typing import Any

import pytest

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import InvalidJson
from tollbar.wire import anthropic, forwarded, gemini, openai_chat, openai_responses
from tollbar.wire.dialect import Dialect, Incoming
from tollbar.wire.gemini import embedding
from tollbar.wire.uploads import ID, Words, uploads_in

GOOGLE = "https://generativelanguage.googleapis.com/v1beta/files/f"
RAN = {"type": "bash_code_execution_result", "content": [{"type": "bash_code_execution_output", "file_id": "made"}]}


def chat(*parts: Any, **more: Any) -> tuple[Dialect, dict[str, Any]]:
    """A request of OpenAI's chat."""
    return openai_chat.DIALECT, {"model": "m", "messages": [{"role": "user", "content": list(parts)}], **more}


def responses(*parts: Any, **more: Any) -> tuple[Dialect, dict[str, Any]]:
    """A Responses request."""
    return openai_responses.DIALECT, {"model": "m", "input": [{"role": "user", "content": list(parts)}], **more}


def messages(*blocks: Any, **more: Any) -> tuple[Dialect, dict[str, Any]]:
    """A request of Anthropic's."""
    turns = [{"role": "user", "content": list(blocks)}]
    return anthropic.DIALECT, {"model": "m", "max_tokens": 9, "messages": turns, **more}


def contents(*parts: Any, **more: Any) -> tuple[Dialect, dict[str, Any]]:
    """A request of Google's."""
    return gemini.DIALECT, {"contents": [{"role": "user", "parts": list(parts)}], **more}


CASES = [
    (chat({"type": "file", "file": {"file_id": "f"}}, {"type": "file", "file": {"file_id": "f"}}), ("f",)),
    (chat({"type": "image_url", "image_url": {"url": "gs://bucket/a.png"}}), ("gs://bucket/a.png",)),
    (chat({"type": "image_url", "image_url": {"url": GOOGLE}}), (GOOGLE,)),
    (chat({"type": "image_url", "image_url": {"url": "https://example.com/files/a.png"}}), ()),
    (chat({"type": "text", "text": 'say "file_id": "f"'}, metadata={"file_id": "f"}), ()),
    (responses({"type": "input_file", "file_id": "a"}, {"type": "input_image", "file_id": "b"}), ("a", "b")),
    (
        responses(
            tools=[
                {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["a", "b"]}},
                {"type": "file_search", "vector_store_ids": ["v"]},
                {"type": "function", "name": "f", "parameters": {"properties": {"file_id": {"type": "string"}}}},
            ]
        ),
        ("a", "b", "v"),
    ),
    (responses({"type": "output_text", "text": "", "annotations": [{"type": "file_citation", "file_id": "f"}]}), ()),
    (messages({"type": "document", "source": {"type": "file", "file_id": "f"}}), ("f",)),
    (messages({"type": "container_upload", "file_id": "f"}), ("f",)),
    (messages({"type": "tool_use", "id": "t", "name": "n", "input": {"file_id": "f"}}), ()),
    (messages({"type": "bash_code_execution_tool_result", "tool_use_id": "t", "content": RAN}), ()),
    (contents({"fileData": {"fileUri": GOOGLE}}, {"file_data": {"file_uri": "gs://b/a"}}), (GOOGLE, "gs://b/a")),
    (contents({"fileData": {"fileUri": "https://www.youtube.com/watch?v=1"}}), ()),
    (contents({"functionCall": {"name": "n", "args": {"file_id": "f"}}}), ()),
    (contents(tools=[{"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/s"]}}]), ("fileSearchStores/s",)),
    ((forwarded.dialect("/images/edits"), {"model": "m", "images": [{"file_id": "f"}]}), ("f",)),
    ((embedding.ONE, {"content": {"parts": [{"fileData": {"fileUri": "gs://b/a"}}]}}), ("gs://b/a",)),
]


def decoded(dialect: Dialect, body: bytes) -> CompletionRequest:
    """The request in a body."""
    return dialect.decode(Incoming(body, name="m"))


@pytest.mark.parametrize(("asked", "named"), CASES, ids=[json.dumps(asked[1])[-60:] for asked, _ in CASES])
def test_what_is_named_is_found(asked: tuple[Dialect, dict[str, Any]], named: tuple[str, ...]) -> None:
    """Whatever is the caller's own words, or what a model told, names nothing; every name found is told once."""
    dialect, body = asked
    assert decoded(dialect, json.dumps(body).encode()).uploads == named


@pytest.mark.parametrize(("asked", "named"), [case for case in CASES if case[1]])
def test_no_spelling_hides_a_name(asked: tuple[Dialect, dict[str, Any]], named: tuple[str, ...]) -> None:
    """Neither escapes in all places, nor the escaped slashes of some writers."""
    dialect, body = asked
    plain = json.dumps(body)
    assert decoded(dialect, plain.replace("/", "\\/").encode()).uploads == named
    for word in ("file", "File", "vector_store", "gs:", "generativelanguage"):
        plain = plain.replace(word, "".join(f"\\u{ord(letter):04x}" for letter in word))
    assert decoded(dialect, plain.encode()).uploads == named


def test_of_two_members_of_one_name_both_are_seen() -> None:
    """One provider takes the first, another the last; and a type that is given twice excuses nothing."""
    words = Words(types=frozenset({"told"}))
    assert uploads_in(b'{"a": {"file_id": "f", "file_id": "g"}}', (ID,), words) == ("f", "g")
    assert uploads_in(b'{"type": "told", "type": "file", "file_id": "f"}', (ID,), words) == ("f",)
    assert uploads_in(b'{"type": "told", "file_id": "f"}', (ID,), words) == ()


@pytest.mark.parametrize("body", [b'"file_id', b"\xff" + ID, b"[" * 100_000 + ID, b"\\u0066"])
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    """A provider might read it otherwise."""
    with pytest.raises(InvalidJson, match="names files"):
        uploads_in(body, (ID,), Words())
