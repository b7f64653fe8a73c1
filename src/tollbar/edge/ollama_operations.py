"""What the API document says of Ollama's endpoints. Data for the document alone; the code that reads is in `wire`."""

from collections.abc import Mapping

from tollbar.domain.errors import UnknownModel
from tollbar.edge.operation import CALL, READING, Operation

Schema = dict[str, object]
NDJSON = "application/x-ndjson"


def _object(description: str, properties: Mapping[str, object], *required: str) -> Schema:
    shape: Schema = {"type": "object", "description": description, "properties": dict(properties)}
    return {**shape, "required": list(required), "additionalProperties": True}


def _text(description: str, **more: object) -> Schema:
    return {"type": "string", "description": description, **more}


def _maybe(kind: str, description: str, **more: object) -> Schema:
    """What may be null, which is as if it were not there."""
    return {"type": [kind, "null"], "description": description, **more}


_PICTURES = _maybe("array", "Pictures as base64.", items={"type": "string"})
_OPTIONS = _object(
    "How to answer: `num_predict` (the most tokens), `temperature`, `top_k`, `top_p`, `seed`, `stop`, and what else "
    "Ollama knows; only Ollama itself is told the rest.",
    {"num_predict": _maybe("integer", "The most tokens of the answer.", minimum=1, maximum=100_000_000)},
) | {"type": ["object", "null"]}
_SHARED: Mapping[str, object] = {
    "model": _text("A name that `GET /api/tags` lists, or `vendor/model`.", minLength=1),
    "stream": _maybe("boolean", "Send the answer as lines, as it is made.", default=True),
    "format": {"description": '`"json"`, or a JSON schema that the answer must fit.'},
    "think": {"description": "Whether to think first: `true`, `false`, `low`, `medium` or `high`."},
    "options": _OPTIONS,
}
_MESSAGE = _object(
    "One turn.",
    {
        "role": _text("`system`, `user`, `assistant` or `tool`."),
        "content": _maybe("string", "The words."),
        "thinking": _maybe("string", "What the model thought."),
        "images": _PICTURES,
        "tool_calls": _maybe("array", "The tools that were called.", items={"type": "object"}),
        "tool_name": _maybe("string", "Which tool a message of role `tool` comes from."),
    },
    "role",
)
_ENDING: Mapping[str, object] = {
    "model": _text("The model that answered."),
    "created_at": _text("When."),
    "done": {"type": "boolean", "description": "Whether this is the end."},
    "done_reason": _text("Why it ended: `stop` or `length`."),
    "total_duration": {"type": "integer", "description": "Nanoseconds since the request came."},
    "prompt_eval_count": {"type": "integer", "description": "Tokens of the prompt."},
    "eval_count": {"type": "integer", "description": "Tokens of the answer."},
}
_MODEL = _object(
    "A model that can be called.",
    {"name": _text("Its name."), "model": _text("The same."), "modified_at": _text("When this server started.")},
    "name",
    "model",
)

SCHEMAS: Mapping[str, Schema] = {
    "OllamaChatRequest": _object(
        "A request for the next turn of a chat.",
        {
            **_SHARED,
            "messages": {"type": "array", "items": _MESSAGE, "maxItems": 10_000},
            "tools": _maybe("array", "What the model may call.", items={"type": "object"}, maxItems=512),
        },
        "model",
        "messages",
    ),
    "OllamaGenerateRequest": _object(
        "A request for a text.",
        {
            **_SHARED,
            "prompt": _maybe("string", "What to answer."),
            "system": _maybe("string", "How to answer."),
            "images": _PICTURES,
        },
        "model",
    ),
    "OllamaChatAnswer": _object("A whole answer.", {**_ENDING, "message": _MESSAGE}, "message", "done"),
    "OllamaGenerateAnswer": _object("A whole text.", {**_ENDING, "response": _text("The text.")}, "response", "done"),
    "OllamaModels": _object("Models.", {"models": {"type": "array", "items": _MODEL}}, "models"),
    "OllamaModel": _object(
        "What a model can do.",
        {
            "capabilities": {"type": "array", "items": _text("`completion`, `tools`, `vision`.")},
            "model_info": {"type": "object", "description": "Its context length, where that is known."},
            "details": {"type": "object", "description": "Its family."},
        },
        "capabilities",
        "model_info",
        "details",
    ),
    "OllamaNamed": _object(
        "Which model; its older name `name` is read where this one is missing.",
        {"model": _text("Its name.", minLength=1)},
        "model",
    ),
    "OllamaVersion": _object("A version.", {"version": _text("Of Ollama's API.")}, "version"),
}

_DONE = {"done": True, "done_reason": "stop", "total_duration": 812_000_000, "prompt_eval_count": 9, "eval_count": 4}
_HEAD = {"model": "tollbar-guide", "created_at": "2026-11-20T09:30:00Z"}
_CHAT = {"model": "tollbar-guide", "messages": [{"role": "user", "content": "How do I create a key?"}]}
_PROMPT = {"model": "tollbar-guide", "prompt": "How do I create a key?"}
_CURL = """\
curl http://127.0.0.1:8000/api/{what} -H "Authorization: Bearer $TOLLBAR_KEY" \\
  -d '{body}'
"""
_PYTHON = """\
from ollama import Client

client = Client(host="http://127.0.0.1:8000", headers={{"Authorization": "Bearer " + TOLLBAR_KEY}})
{call}
"""
_JAVASCRIPT = """\
import {{ Ollama }} from "ollama";

const headers = {{ Authorization: `Bearer ${{process.env.TOLLBAR_KEY}}` }};
const client = new Ollama({{ host: "http://127.0.0.1:8000", headers }});
{call}
"""


def _samples(what: str, body: str, python: str, javascript: str) -> tuple[Mapping[str, str], ...]:
    return (
        {"lang": "Shell", "label": "curl", "source": _CURL.format(what=what, body=body)},
        {"lang": "Python", "label": "ollama (Python)", "source": _PYTHON.format(call=python)},
        {"lang": "JavaScript", "label": "ollama (JavaScript)", "source": _JAVASCRIPT.format(call=javascript)},
    )


_STREAMED = (
    "Streamed as `application/x-ndjson` unless `stream` is false: each line is a document, the last one with "
    '`"done": true`, the counts of tokens and the durations that were measured. A failure after the first line is a '
    "line with `error`, and no `done` follows. A provider that is an Ollama itself is sent the body as it came."
)

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("POST", "/api/chat"): Operation(
        tag="Calls",
        summary="Chat, as Ollama has it",
        description=_STREAMED,
        body="OllamaChatRequest",
        body_examples={
            "stream": {"summary": "As a stream", "value": _CHAT},
            "plain": {"summary": "As one document", "value": {**_CHAT, "stream": False}},
        },
        answer="OllamaChatAnswer",
        example={**_HEAD, "message": {"role": "assistant", "content": "tollbar keys create --name ana"}, **_DONE},
        errors=CALL,
        headers=("x-tollbar-target",),
        streams={NDJSON: '{"model":"tollbar-guide","message":{"role":"assistant","content":"Hi"},"done":false}\n'},
        samples=_samples(
            "chat",
            '{"model": "tollbar-guide", "messages": [{"role": "user", "content": "Hello"}]}',
            'answer = client.chat("tollbar-guide", [{"role": "user", "content": "How do I create a key?"}])',
            'await client.chat({ model: "tollbar-guide", messages: [{ role: "user", content: "Hello" }] });',
        ),
    ),
    ("POST", "/api/generate"): Operation(
        tag="Calls",
        summary="A text for a prompt, as Ollama has it",
        description=_STREAMED,
        body="OllamaGenerateRequest",
        body_examples={
            "stream": {"summary": "As a stream", "value": _PROMPT},
            "plain": {"summary": "As one document", "value": {**_PROMPT, "stream": False}},
        },
        answer="OllamaGenerateAnswer",
        example={**_HEAD, "response": "tollbar keys create --name ana", **_DONE},
        errors=CALL,
        headers=("x-tollbar-target",),
        streams={NDJSON: '{"model":"tollbar-guide","response":"Hi","done":false}\n'},
        samples=_samples(
            "generate",
            '{"model": "tollbar-guide", "prompt": "Hello"}',
            'answer = client.generate("tollbar-guide", "How do I create a key?")',
            'await client.generate({ model: "tollbar-guide", prompt: "Hello" });',
        ),
    ),
    ("GET", "/api/version"): Operation(
        tag="Models", summary="The version of Ollama's API", answer="OllamaVersion", example={"version": "0.12.6"}
    ),
    ("GET", "/api/tags"): Operation(
        tag="Models",
        summary="The models of a key, as Ollama has it",
        answer="OllamaModels",
        example={"models": [{"name": "tollbar-guide", "model": "tollbar-guide"}]},
    ),
    ("GET", "/api/ps"): Operation(
        tag="Models", summary="The models in memory: none", answer="OllamaModels", example={"models": []}
    ),
    ("POST", "/api/show"): Operation(
        tag="Models",
        summary="One model, as Ollama has it",
        body="OllamaNamed",
        body_examples={"name": {"summary": "By its name", "value": {"model": "tollbar-guide"}}},
        answer="OllamaModel",
        example={"capabilities": ["completion", "tools"], "model_info": {}, "details": {"family": "tollbar"}},
        errors=(*READING, UnknownModel),
    ),
}
