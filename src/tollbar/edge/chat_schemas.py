"""What the API document says of OpenAI's chat completions: the fields that people use, and that all others pass.

Data for the document alone: calls are read by `wire/openai_chat`, which forwards what it does not know.
Reference: the Chat Completions API of OpenAI.
"""

from collections.abc import Mapping

Schema = dict[str, object]


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _array(items: Schema, **more: object) -> Schema:
    return {"type": "array", "items": items, **more}


def _text(description: str = "", **more: object) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def _count(description: str, least: int = 0, **more: object) -> Schema:
    return {"type": "integer", "minimum": least, "description": description, **more}


def _object(description: str, properties: Mapping[str, object], required: tuple[str, ...] = ()) -> Schema:
    """An object that may hold further fields, as every object of this dialect may."""
    schema: Schema = {"type": "object", "description": description, "properties": dict(properties)}
    return {**schema, "required": list(required), "additionalProperties": True} if required else schema


_FUNCTION_CALL = _object("The function and its arguments.", {"name": _text(), "arguments": _text("JSON, as text.")})
_TOOL_CALL = _object("A call of a tool.", {"id": _text(), "type": _text(), "function": _FUNCTION_CALL})

_MESSAGE = _object(
    "One turn of the conversation.",
    {
        "role": _text("Who speaks: `system`, `developer`, `user`, `assistant` or `tool`."),
        "content": {
            "description": "Text, or a list of parts: text, image, audio, file. Null where tools are called.",
            "anyOf": [_text(), _array(_ref("ContentPart")), {"type": "null"}],
        },
        "name": _text("Tells apart several who have one role."),
        "tool_calls": _array(_ref("ToolCall"), description="The tools that the assistant called."),
        "tool_call_id": _text("Which call a message of role `tool` answers."),
    },
    required=("role",),
)

_CONTENT_PART = _object(
    "A part of a message; other kinds pass as they are.",
    {
        "type": _text("`text`, `image_url`, `input_audio`, `file`, …"),
        "text": _text("Of a part of type `text`."),
        "image_url": _object("Of a part of type `image_url`.", {"url": _text("An address, or data in base64.")}),
    },
    required=("type",),
)

_REQUEST = _object(
    "A request for a completion. Fields that are not listed go to the provider as they are; no top-level field may "
    "come twice.",
    {
        "model": _text("A name that `GET /v1/models` lists, or `vendor/model`.", minLength=1),
        "messages": _array(_ref("ChatMessage"), maxItems=10_000),
        "stream": {"type": "boolean", "default": False, "description": "Send the answer as it is made, as events."},
        "stream_options": _object(
            "For streams only.",
            {"include_usage": {"type": "boolean", "description": "End the stream with an event that tells the usage."}},
        ),
        "max_completion_tokens": _count("The most tokens of each choice; also what an allowance must hold.", 1),
        "max_tokens": _count("The same, by its older name.", 1),
        "n": _count("How many choices. One call costs one credit price, whatever `n`.", 1, maximum=128, default=1),
        "temperature": {"type": "number", "minimum": 0, "maximum": 2, "description": "How freely words are chosen."},
        "top_p": {"type": "number", "minimum": 0, "maximum": 1, "description": "The same, by probability mass."},
        "stop": {"anyOf": [_text(), _array(_text())], "description": "Where to stop."},
        "tools": _array(_object("A tool.", {"type": _text(), "function": {"type": "object"}}), maxItems=512),
        "functions": _array({"type": "object"}, description="The older form of `tools`.", deprecated=True),
        "tool_choice": {"description": "`none`, `auto`, `required`, or one tool."},
        "parallel_tool_calls": {"type": "boolean", "description": "Whether several tools may be called at once."},
        "response_format": _object("Text, JSON, or JSON of a schema.", {"type": _text()}, required=("type",)),
        "logprobs": {"type": "boolean", "description": "Tell the log probability of each token."},
        "seed": {"type": "integer", "description": "For answers that repeat, where the provider can."},
        "reasoning_effort": _text("How long a reasoning model may think."),
        "user": _text("Who is behind the call, in your own words; kept in the request's record."),
        "safety_identifier": _text("The same by OpenAI's newer name, where there is no `user`."),
    },
    required=("model", "messages"),
)

_USAGE = _object(
    "What the call consumed.",
    {
        "prompt_tokens": _count("Of the prompt, cached ones included."),
        "completion_tokens": _count("Of the answer, reasoning included."),
        "total_tokens": _count("Both."),
        "prompt_tokens_details": _object("Parts of the prompt.", {"cached_tokens": _count("Read from a cache.")}),
        "completion_tokens_details": _object("Parts of the answer.", {"reasoning_tokens": _count("Not said.")}),
    },
    required=("prompt_tokens", "completion_tokens", "total_tokens"),
)

_FINISH = {
    "description": "Why the choice ended: `stop`, `length`, `tool_calls`, `content_filter`; null while it goes on.",
    "anyOf": [_text(), {"type": "null"}],
}

_COMPLETION = _object(
    "A whole answer, as the provider wrote it.",
    {
        "id": _text(),
        "object": _text(),
        "created": {"type": "integer", "description": "Unix seconds."},
        "model": _text("The model that answered, in the provider's words."),
        "choices": _array(
            _object(
                "One answer.",
                {"index": {"type": "integer"}, "message": _ref("ChatMessage"), "finish_reason": _FINISH},
                required=("index", "message"),
            )
        ),
        "usage": _ref("ChatUsage"),
    },
    required=("choices",),
)

_CHUNK = _object(
    "One event of a stream (`data: {…}`). The stream ends with `data: [DONE]`; a failure after the first event is "
    '`data: {"error": {…}}`, and no `[DONE]` follows.',
    {
        "id": _text(),
        "object": _text(),
        "created": {"type": "integer"},
        "model": _text(),
        "choices": _array(
            _object(
                "What one choice adds.",
                {"index": {"type": "integer"}, "delta": _ref("ChatMessage"), "finish_reason": _FINISH},
            ),
            description="Empty in the event that tells the usage.",
        ),
        "usage": {"anyOf": [_ref("ChatUsage"), {"type": "null"}]},
    },
)

SCHEMAS: Mapping[str, Schema] = {
    "ChatRequest": _REQUEST,
    "ChatMessage": _MESSAGE,
    "ContentPart": _CONTENT_PART,
    "ToolCall": _TOOL_CALL,
    "ChatCompletion": _COMPLETION,
    "ChatCompletionChunk": _CHUNK,
    "ChatUsage": _USAGE,
}

REQUEST_EXAMPLES: Mapping[str, Mapping[str, object]] = {
    "plain": {
        "summary": "A question",
        "value": {
            "model": "tollbar-guide",
            "messages": [{"role": "user", "content": "How do I create a key?"}],
        },
    },
    "stream": {
        "summary": "As a stream, with its usage",
        "value": {
            "model": "tollbar-guide",
            "messages": [{"role": "user", "content": "How do I create a key?"}],
            "stream": True,
            "stream_options": {"include_usage": True},
        },
    },
    "tools": {
        "summary": "With a tool",
        "value": {
            "model": "openai/gpt-4o-mini",
            "messages": [{"role": "user", "content": "How warm is it in Oslo?"}],
            "tools": [
                {
                    "type": "function",
                    "function": {
                        "name": "weather",
                        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
                    },
                }
            ],
        },
    },
}

COMPLETION_EXAMPLE: Mapping[str, object] = {
    "id": "chatcmpl-8f2c",
    "object": "chat.completion",
    "created": 1_795_190_400,
    "model": "tollbar-guide",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "tollbar keys create --name ana"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21},
}

STREAM_EXAMPLE = """\
data: {"id":"chatcmpl-8f2c","choices":[{"index":0,"delta":{"content":"tollbar keys"},"finish_reason":null}]}

data: {"id":"chatcmpl-8f2c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: [DONE]

"""

CODE_SAMPLES = (
    {
        "lang": "Shell",
        "label": "curl",
        "source": """\
curl http://127.0.0.1:8000/v1/chat/completions \\
  -H "Authorization: Bearer $TOLLBAR_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "tollbar-guide", "messages": [{"role": "user", "content": "How do I create a key?"}]}'
""",
    },
    {
        "lang": "Python",
        "label": "openai (Python)",
        "source": """\
from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8000/v1", api_key=TOLLBAR_KEY)
answer = client.chat.completions.create(
    model="tollbar-guide",
    messages=[{"role": "user", "content": "How do I create a key?"}],
)
print(answer.choices[0].message.content)
""",
    },
    {
        "lang": "JavaScript",
        "label": "openai (JavaScript)",
        "source": """\
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "http://127.0.0.1:8000/v1", apiKey: process.env.TOLLBAR_KEY });
const answer = await client.chat.completions.create({
  model: "tollbar-guide",
  messages: [{ role: "user", content: "How do I create a key?" }],
});
console.log(answer.choices[0].message.content);
""",
    },
)
