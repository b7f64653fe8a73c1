"""What mutations begin with: each dialect's requests as clients write them, and each wire's answers as providers do."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.journeys.test_matrix import PLACES
from tests.journeys.tongues import TONGUES
from tests.journeys.turns import TURNS
from tests.upstream import Entry, FakeUpstream
from tests.upstream_table import SCRIPTS
from tollbar.domain.events import (
    Cited,
    Finished,
    FinishReason,
    Refused,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolArguments,
    ToolCalled,
    UsageSeen,
)
from tollbar.domain.messages import Citation
from tollbar.domain.usage import Usage

Fields = dict[str, Any]

WISHES = ("", "tools", "image", "schema", "thinking")
PATHS = {
    "openai": "/v1/chat/completions",
    "responses": "/v1/responses",
    "completions": "/v1/completions",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/%s:%s",
    "ollama": "/api/chat",
}
"""Where a provider of each wire is asked."""
UNHELPFUL = frozenset({"huge", "stall", "stall-headers", "stall-middle", "redirect", "close", "close-mid-headers"})
EMBEDDINGS: tuple[Fields, ...] = (
    {"model": "m", "input": ["a", "b"], "dimensions": 2, "encoding_format": "base64", "user": "u", "prompt": "c"},
    {"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 2, "taskType": "RETRIEVAL_QUERY"},
    {"requests": [{"model": "models/m", "content": {"parts": [{"text": "a"}]}, "outputDimensionality": 2}]},
)
SIMPLE: Fields = {"prompt": "a", "text": "b", "message": "c", "system_prompt": "d", "tokens": 3, "max_tokens": 4}
OTHERS: Mapping[str, Sequence[Fields]] = {
    "simple": [{**SIMPLE, "temperature": 0.5, "top_p": 1, "stream": True}],
    "generate": [{"model": "m", "prompt": "a", "system": "b", "images": ["iVBORw0KGgo="], "options": {"stop": ["x"]}}],
    "forwarded": [{"model": "m", "input": "a", "query": "q", "documents": ["d"]}],
    "completions": [{"model": "m", "prompt": ["a", "b"], "n": 2, "best_of": 2, "suffix": "", "echo": False}],
}
CITED = (
    Citation("https://example.org/a", "A", "as it says", 0, 2),
    Citation("https://example.org/b"),
    Citation(None, "A book", "a word"),
)
RICH: tuple[StreamEvent, ...] = (
    Started("x", "real"),
    Thinking("Well, "),
    Thinking("now.", signature="proof"),
    Thinking("", signature="hidden", is_redacted=True),
    Text("Hi é💥"),
    *map(Cited, CITED),
    Refused("No."),
    ToolCalled(0, "call_0", "f", signature="p"),
    ToolCalled(1, "call_1", "g"),
    ToolArguments(1, '{"b":'),
    ToolArguments(0, '{"a": "é"}'),
    ToolArguments(1, "2}"),
    UsageSeen(Usage(30, 9, 4, 5, 3, 1, 1)),
    Finished(FinishReason.STOP, stop_sequence="END"),
)
"""An answer that says everything there is to say."""


def questions(wire: str) -> Iterator[bytes]:
    """Requests of a dialect."""
    tongue = TONGUES.get(wire)
    for wish in WISHES if tongue is not None else ():
        for stream in (False, True):
            body = TONGUES[wire].asks("lab/ok", wish, stream)[1]
            yield json.dumps(body).encode()
            if wish == "tools" and wire in TURNS:
                for is_picture in (False, True):
                    said = {PLACES[wire]["said"]: [*body[PLACES[wire]["said"]], *TURNS[wire](is_picture)]}
                    yield json.dumps({**body, **said}).encode()
    for body in OTHERS.get(wire, ()) if wire != "embeddings" else EMBEDDINGS:
        yield json.dumps(body).encode()


def answers(wire: str, stream: bool) -> Iterator[bytes]:
    """What the fake provider says in a wire, in all its scripts but those that say nothing or very much."""
    up = FakeUpstream()
    for name in SCRIPTS:
        if name not in UNHELPFUL:
            method = "streamGenerateContent?alt=sse" if stream else "generateContent"
            path = PATHS[wire] % (name, method) if "%s" in PATHS[wire] else PATHS[wire]
            body = {"model": name, "stream": stream, "stream_options": {"include_usage": True}}
            script = up.choose(Entry("POST", path, {}, json.dumps(body).encode(), 0, 0.0))
            yield b"".join(script.pieces)


def refusals() -> Iterator[bytes]:
    """Bodies of refusals and of answers to errands, in the shapes that there are."""
    told: tuple[Any, ...] = (
        {"error": {"message": "No.", "type": "invalid_request_error", "param": "a", "code": "b"}},
        {"error": "No."},
        {"detail": [{"loc": ["body", "a"], "msg": "No."}]},
        {"type": "error", "error": {"type": "overloaded_error", "message": "No."}},
        [{"error": {"code": 429, "message": "No.", "status": "X", "details": [{"retryDelay": "3.5s"}]}}],
        {"data": [{"index": 0, "embedding": [0.5, 1]}], "model": "m", "usage": {"prompt_tokens": 2, "total_tokens": 2}},
        {"embeddings": [[0.5, 1]], "model": "m", "prompt_eval_count": 2},
        {"embeddings": [{"values": [0.5]}], "usageMetadata": {"promptTokenCount": 2}},
        {"embedding": {"values": [0.5]}},
        {"text": "x", "usage": {"input_tokens": 2, "output_tokens": 3, "input_token_details": {"audio_tokens": 1}}},
    )
    return (json.dumps(one).encode() for one in told)
