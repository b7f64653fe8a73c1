"""What `tollbar smoke` asks at the addresses of the dialects beside OpenAI's, and of what is no conversation.

The rows are of the kind that `probes.py` explains.
"""

from collections.abc import Mapping
from typing import Any

from tollbar.cli.client import Reply
from tollbar.cli.probes import TOO_LARGE, TRUNCATED, UNKNOWN_MODEL, Check, Probe, Who, has, is_error

_QUESTION = "How do I make a key?"
_MESSAGES = {"model": "{model}", "max_tokens": 16, "messages": [{"role": "user", "content": _QUESTION}]}
_INPUT = {"model": "{model}", "input": _QUESTION}
_CONTENTS = {"contents": [{"role": "user", "parts": [{"text": _QUESTION}]}]}
_OLLAMA_CHAT = {"model": "{model}", "messages": [{"role": "user", "content": _QUESTION}]}
_OLLAMA_PROMPT = {"model": "{model}", "prompt": _QUESTION}
_NO_MODEL = (("model", UNKNOWN_MODEL),)
FORWARDED = (
    *("/v1/embeddings", "/embeddings", "/api/embed", "/api/embeddings", "/v1/moderations", "/v1/rerank"),
    *("/v1/images/generations", "/v1/images/edits", "/v1/audio/speech"),
    *("/v1/audio/transcriptions", "/v1/audio/translations"),
    *("/v1beta/models/{model}:embedContent", "/v1beta/models/{model}:batchEmbedContents"),
    *("/v1/models/{model}:embedContent", "/v1/models/{model}:batchEmbedContents"),
)
"""Addresses that are asked only for their refusals: what could answer them costs money, or is not there."""


def says(*words: bytes) -> Check:
    """A stream in which each of these stands."""

    def check(reply: Reply) -> str:
        missing = [word.decode() for word in words if word not in reply.body]
        return f"lacks {', '.join(missing)}" if missing else ""

    return check


def _refusals(path: str, **more: Any) -> tuple[Probe, ...]:
    return (
        Probe("malformed JSON", "POST", path, Who.CALLER, (400,), body=TRUNCATED, check=is_error, **more),
        Probe("a body too large", "POST", path, Who.CALLER, (413,), headers=TOO_LARGE, check=is_error, **more),
    )


def _anthropic(path: str) -> tuple[Probe, ...]:
    unknown = {**_MESSAGES, "model": UNKNOWN_MODEL}
    streamed = {**_MESSAGES, "stream": True}
    return (
        Probe("answers", "POST", path, Who.CALLER, body=_MESSAGES, check=has("content.0.text", "id", "model")),
        Probe("streams", "POST", path, Who.CALLER, body=streamed, check=says(b"text_delta", b"message_stop")),
        Probe("a model that there is not", "POST", path, Who.CALLER, (404,), body=unknown, check=is_error),
        *_refusals(path),
        Probe("counts", "POST", f"{path}/count_tokens", Who.CALLER, body=_MESSAGES, check=has("input_tokens")),
        *_refusals(f"{path}/count_tokens"),
    )


def _counted(path: str) -> tuple[Probe, ...]:
    return Probe("counts", "POST", path, Who.CALLER, body=_INPUT, check=has("input_tokens")), *_refusals(path)


def _gemini(version: str) -> tuple[Probe, ...]:
    whole, stream, count = (
        f"/{version}/models/{{model}}:{method}"
        for method in ("generateContent", "streamGenerateContent", "countTokens")
    )
    answered = has("candidates.0.content.parts.0.text")
    return (
        Probe("answers", "POST", whole, Who.CALLER, body=_CONTENTS, check=answered),
        Probe("a model that there is not", "POST", whole, Who.CALLER, (404,), body=_CONTENTS, given=_NO_MODEL,
              check=is_error),
        Probe("streams", "POST", stream, Who.CALLER, query="?alt=sse", body=_CONTENTS,
              check=says(b"data: ", b"finishReason")),
        Probe("counts", "POST", count, Who.CALLER, body=_CONTENTS, check=has("totalTokens")),
        *(refusal for path in (whole, stream, count) for refusal in _refusals(path)),
    )  # fmt: skip


def _ollama(path: str, body: Mapping[str, object], field: str) -> tuple[Probe, ...]:
    unknown = {**body, "model": UNKNOWN_MODEL}
    return (
        Probe("streams", "POST", path, Who.CALLER, body=body, check=says(b'"done":false', b'"done":true')),
        Probe("answers", "POST", path, Who.CALLER, body={**body, "stream": False}, check=has(field, "model")),
        Probe("a model that there is not", "POST", path, Who.CALLER, (404,), body=unknown, check=is_error),
        *_refusals(path),
    )


def _kept(prefix: str) -> tuple[Probe, ...]:
    """What is kept for a key: asked for where it is not. Whether there are files at all, depends on the providers."""
    unknown = (("response_id", "resp_none"), ("file_id", "file-none"))
    places = [("GET", "responses/{response_id}"), ("DELETE", "responses/{response_id}")]
    places += [
        ("GET", "responses/{response_id}/input_items"),
        ("GET", "files/{file_id}"),
        ("DELETE", "files/{file_id}"),
    ]
    places += [("GET", "files/{file_id}/content")]
    return (
        *(
            Probe("what is not there", method, f"{prefix}/{path}", Who.CALLER, (404,), given=unknown, check=is_error)
            for method, path in places
        ),
        Probe("lists files", "GET", f"{prefix}/files", Who.CALLER, (200, 404)),
        Probe("a file that is none", "POST", f"{prefix}/files", Who.CALLER, (400, 404), body={}, check=is_error),
    )


DIALECT_PROBES = (
    *_anthropic("/v1/messages"),
    *_anthropic("/messages"),
    *_counted("/v1/responses/input_tokens"),
    *_counted("/responses/input_tokens"),
    *_gemini("v1beta"),
    *_gemini("v1"),
    Probe("lists models", "GET", "/v1beta/models", Who.CALLER, check=has("models.0.name")),
    Probe("shows a model", "GET", "/v1beta/models/{model}", Who.CALLER, check=has("name")),
    *_kept("/v1"),
    *_kept(""),
    *_ollama("/api/chat", _OLLAMA_CHAT, "message.content"),
    *_ollama("/api/generate", _OLLAMA_PROMPT, "response"),
    Probe("its version", "GET", "/api/version", check=has("version")),
    Probe("lists models", "GET", "/api/tags", Who.CALLER, check=has("models.0.name")),
    Probe("what is loaded", "GET", "/api/ps", Who.CALLER, check=lambda reply: "" if reply.json() else "is empty"),
    Probe("shows a model", "POST", "/api/show", Who.CALLER, body={"model": "{model}"}, check=has("details")),
    *(refusal for path in FORWARDED for refusal in _refusals(path)),
)
