"""What the API document says of Anthropic's addresses: the fields that people use, and that all others pass.

Data for the document alone: calls are read by `wire/anthropic`, which forwards what it does not know.
Reference: the Messages API of Anthropic.
"""

from collections.abc import Mapping

from tollbar.domain.errors import UnknownModel, UpstreamRejected
from tollbar.edge.operation import ANSWERED, CALL, CREDENTIAL, READING, Operation

Schema = dict[str, object]


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


def _object(description: str, properties: Mapping[str, object], required: tuple[str, ...] = ()) -> Schema:
    """An object that may hold further fields, as every object of this dialect may."""
    schema: Schema = {"type": "object", "description": description, "properties": dict(properties)}
    return {**schema, "required": list(required), "additionalProperties": True} if required else schema


_BLOCKS: Schema = {
    "description": "Text, or a list of blocks: text, image, document, tool_use, tool_result, thinking.",
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": _object("A block.", {"type": _text("Its kind.")}, ("type",))},
    ],
}
_MESSAGE = _object("One turn.", {"role": _text("`user` or `assistant`."), "content": _BLOCKS}, ("role", "content"))
_ASKED: Schema = {
    "model": {"type": "string", "minLength": 1, "description": "A name that `GET /v1/models` lists."},
    "messages": {"type": "array", "maxItems": 10_000, "items": {"$ref": "#/components/schemas/AnthropicMessage"}},
    "system": {**_BLOCKS, "description": "The system prompt, as text or as blocks of text."},
    "tools": {
        "type": "array",
        "maxItems": 512,
        "items": _object("A tool.", {"name": _text("Its name."), "input_schema": {"type": "object"}}, ("name",)),
    },
    "thinking": _object("Whether and how long to think.", {"type": _text("`enabled`, `adaptive` or `disabled`.")}),
    "output_config": _object("How hard to try, and a JSON schema for the answer.", {"effort": _text("A word.")}),
    "output_format": _object("The older place of the JSON schema.", {"type": _text("`json_schema`.")}),
    "metadata": _object("Who asks.", {"user_id": _text("The caller's own name of its user; kept in the log.")}),
}

SCHEMAS: Mapping[str, Mapping[str, object]] = {
    "AnthropicMessage": _MESSAGE,
    "MessagesRequest": _object(
        "A request for a message. Fields that are not listed go to a provider of the same dialect as they are; no "
        "top-level field may come twice.",
        {
            **_ASKED,
            "max_tokens": {
                "type": "integer",
                "minimum": 0,
                "maximum": 100_000_000,
                "description": "The most tokens of the answer; also what an allowance must hold.",
            },
            "stream": {"type": "boolean", "default": False, "description": "Send the answer as it is made, as events."},
        },
        ("model", "max_tokens", "messages"),
    ),
    "CountTokensRequest": _object("A request whose tokens are counted.", _ASKED, ("model", "messages")),
    "MessageAnswer": _object(
        "The answer: its blocks, why it ended, and what it used.",
        {
            "id": _text("The answer's id."),
            "type": _text("`message`."),
            "role": _text("`assistant`."),
            "model": _text("The model that answered."),
            "content": {"type": "array", "items": {"type": "object"}},
            "stop_reason": {"type": ["string", "null"], "description": "`end_turn`, `max_tokens`, `tool_use`, …"},
            "stop_sequence": {"type": ["string", "null"], "description": "The caller's own word that ended it."},
            "usage": _object("Tokens; what was cached is counted apart.", {"input_tokens": {"type": "integer"}}),
        },
        ("id", "type", "role", "content"),
    ),
    "TokenCount": _object("A count.", {"input_tokens": {"type": "integer", "minimum": 0}}, ("input_tokens",)),
    "AnthropicError": {
        "type": "object",
        "description": "A failure, in Anthropic's shape.",
        "required": ["type", "error", "request_id"],
        "properties": {
            "type": {"type": "string", "enum": ["error"]},
            "error": {
                "type": "object",
                "required": ["type", "message"],
                "properties": {
                    "type": {"type": "string", "description": "The kind of failure, as Anthropic names it."},
                    "message": {"type": "string", "maxLength": 500, "description": "For people, with the remedy."},
                },
            },
            "request_id": {"type": "string"},
        },
    },
}

_QUESTION = {"role": "user", "content": "What is a token bucket?"}
REQUEST_EXAMPLES: Mapping[str, Mapping[str, object]] = {
    "question": {
        "summary": "A question",
        "value": {"model": "tollbar-guide", "max_tokens": 200, "messages": [_QUESTION]},
    },
    "stream": {
        "summary": "An answer as it is made",
        "value": {"model": "tollbar-guide", "max_tokens": 200, "messages": [_QUESTION], "stream": True},
    },
}
COUNT_EXAMPLES: Mapping[str, Mapping[str, object]] = {
    "question": {"summary": "A question", "value": {"model": "tollbar-guide", "messages": [_QUESTION]}}
}
MESSAGE_EXAMPLE: Mapping[str, object] = {
    "id": "msg_req_5f0c8e1b9a7d4c3e2f1a0b9c",
    "type": "message",
    "role": "assistant",
    "model": "tollbar-guide",
    "content": [{"type": "text", "text": "A counter that refills at a steady rate.", "citations": None}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 14,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 10,
    },
}
STREAM_EXAMPLE = """\
event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"A counter"}}

event: message_stop
data: {"type":"message_stop"}

"""


def _samples(path: str, method: str, told: str, length: str) -> tuple[Mapping[str, str], ...]:
    """How to ask one address in several languages: the SDK's method, what of its answer to print, the length."""
    asked = '{"role": "user", "content": "How do I create a key?"}'
    asked_there = asked.replace('"role"', "role").replace('"content"', "content")
    shell = f"""\
curl http://127.0.0.1:8000{path} \\
  -H "x-api-key: $TOLLBAR_KEY" -H "anthropic-version: 2023-06-01" -H "Content-Type: application/json" \\
  -d '{{"model": "tollbar-guide", {f'"max_tokens": {length}, ' if length else ""}"messages": [{asked}]}}'
"""
    python = f"""\
from anthropic import Anthropic

client = Anthropic(base_url="http://127.0.0.1:8000", api_key=TOLLBAR_KEY)
answer = client.messages.{method}(
    model="tollbar-guide",{f"{chr(10)}    max_tokens={length}," if length else ""}
    messages=[{asked}],
)
print(answer.{told})
"""
    javascript = f"""\
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({{ baseURL: "http://127.0.0.1:8000", apiKey: process.env.TOLLBAR_KEY }});
const answer = await client.messages.{method.replace("_t", "T")}({{
  model: "tollbar-guide",{f"{chr(10)}  max_tokens: {length}," if length else ""}
  messages: [{asked_there}],
}});
console.log(answer.{told});
"""
    labels = (("Shell", "curl", shell), ("Python", "anthropic (Python)", python))
    labels += (("JavaScript", "anthropic (JavaScript)", javascript),)
    return tuple({"lang": lang, "label": label, "source": source} for lang, label, source in labels)


_MESSAGES = Operation(
    tag="Calls",
    summary="Message",
    description=(
        "Anthropic's Messages. To a provider of this dialect the body goes as it came, with the model's name replaced, "
        "and `anthropic-version` and `anthropic-beta` go along; the answer comes back untouched. For any other the "
        "request is translated: what its dialect has no word for is named in `x-tollbar-dropped`, and content that it "
        "cannot carry is refused. A failure after the first byte of a stream is `event: error`."
    ),
    body="MessagesRequest",
    body_examples=REQUEST_EXAMPLES,
    answer="MessageAnswer",
    example=MESSAGE_EXAMPLE,
    errors=CALL,
    headers=(*ANSWERED, "request-id"),
    streams={"text/event-stream": STREAM_EXAMPLE},
    samples=_samples("/v1/messages", "create", "content", "200"),
)
_COUNT = Operation(
    tag="Calls",
    summary="Count the tokens of a message",
    description=(
        "Free, but counted by the limits of rates. A provider of this dialect counts by itself; for OpenAI's models "
        "since GPT-4o the words are counted here, as OpenAI documents it; else the tokens are estimated from the "
        "length of the text. `x-tollbar-counted-by` says which."
    ),
    body="CountTokensRequest",
    body_examples=COUNT_EXAMPLES,
    answer="TokenCount",
    example={"input_tokens": 14},
    errors=(*READING, *CREDENTIAL, UnknownModel, UpstreamRejected),
    headers=("x-tollbar-counted-by", "request-id"),
    samples=_samples("/v1/messages/count_tokens", "count_tokens", "input_tokens", ""),
)

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("POST", "/v1/messages"): _MESSAGES,
    ("POST", "/messages"): _MESSAGES,
    ("POST", "/v1/messages/count_tokens"): _COUNT,
    ("POST", "/messages/count_tokens"): _COUNT,
}
