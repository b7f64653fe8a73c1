"""What the API document says of OpenAI's Responses and of its older completions: the fields that people use.

Data for the document alone: calls are read by `wire/openai_responses` and `wire/openai_text`.
Reference: the Responses and Completions APIs of OpenAI.
"""

from collections.abc import Mapping

from tollbar.domain import errors
from tollbar.edge.operation import ANSWERED, CALL, CREDENTIAL, READING, Operation

Schema = dict[str, object]

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_OPEN: Schema = {"type": "object"}
_MOST: Schema = {"type": "integer", "minimum": 1}


def _object(description: str, properties: Mapping[str, object], *required: str) -> Schema:
    """An object that may hold further fields, as every object of these dialects may."""
    made: Schema = {"type": "object", "description": description, "properties": dict(properties)}
    return {**made, "required": list(required), "additionalProperties": True}


def _list(items: Schema, **more: object) -> Schema:
    return {"type": "array", "items": items, **more}


SCHEMAS: Mapping[str, Schema] = {
    "ResponseRequest": _object(
        "A request for a response. To a provider with this API of its own, fields that are not listed go as they are.",
        {
            "model": {**_TEXT, "minLength": 1, "description": "A name that `GET /v1/models` lists, or `vendor/model`."},
            "input": {
                "description": "A text, or a list of items: messages, reasoning, function calls and their outputs.",
                "anyOf": [_TEXT, _list(_OPEN, maxItems=10_000)],
            },
            "instructions": {**_TEXT, "description": "What a system message says."},
            "stream": {**_FLAG, "default": False, "description": "Send the answer as it is made, as events."},
            "max_output_tokens": {**_MOST, "description": "The most tokens of the answer, thoughts included."},
            "tools": _list(_OPEN, maxItems=512, description="Functions; built-in tools where the provider has them."),
            "tool_choice": {"description": "`none`, `auto`, `required`, or one function."},
            "parallel_tool_calls": {**_FLAG, "description": "Whether several tools may be called at once."},
            "text": {**_OPEN, "description": "`format`: text, or JSON of a schema."},
            "reasoning": {**_OPEN, "description": "`effort`: how long a reasoning model may think."},
            "temperature": {"type": "number", "minimum": 0, "maximum": 2},
            "top_p": {"type": "number", "minimum": 0, "maximum": 1},
            "metadata": {**_OPEN, "description": "Repeated in the answer."},
            "previous_response_id": {**_TEXT, "description": "A response of the same key to go on from."},
            "store": {**_FLAG, "default": True, "description": "Whether the response is kept."},
            "user": {**_TEXT, "description": "Who is behind the call, in your own words; kept in its record."},
        },
        "model",
        "input",
    ),
    "ResponseObject": _object(
        "A whole answer.",
        {
            "id": _TEXT,
            "object": _TEXT,
            "status": {**_TEXT, "description": "`completed`, or `incomplete` with the reason."},
            "model": _TEXT,
            "output": _list(_OPEN, description="Messages, reasoning and function calls, in order."),
            "usage": {"anyOf": [_OPEN, {"type": "null"}]},
        },
        "output",
    ),
    "ResponseTokenCount": _object(
        "A count.", {"object": _TEXT, "input_tokens": {"type": "integer", "minimum": 0}}, "object", "input_tokens"
    ),
    "RemovedResponse": _object(
        "What was forgotten.", {"id": _TEXT, "object": _TEXT, "deleted": _FLAG}, "id", "object", "deleted"
    ),
    "ResponseItems": _object(
        "A page of items.", {"object": _TEXT, "data": _list(_OPEN), "has_more": _FLAG}, "object", "data", "has_more"
    ),
    "TextRequest": _object(
        "A request to go on from a text. Fields that are not listed go to the provider as they are.",
        {
            "model": {**_TEXT, "minLength": 1, "description": "A name that `GET /v1/models` lists, or `vendor/model`."},
            "prompt": {"description": "A text, a list of texts, or tokens.", "anyOf": [_TEXT, _list({})]},
            "stream": {**_FLAG, "default": False},
            "max_tokens": {**_MOST, "default": 16, "description": "The most tokens of each choice."},
            "n": {**_MOST, "maximum": 128, "default": 1, "description": "How many choices for each prompt."},
            "best_of": {**_MOST, "maximum": 128, "description": "How many are made, of which the best come back."},
            "echo": {**_FLAG, "description": "Repeat the prompt."},
            "suffix": {**_TEXT, "description": "What comes after the text that is to be made."},
            "stop": {"anyOf": [_TEXT, _list(_TEXT)]},
            "temperature": {"type": "number", "minimum": 0, "maximum": 2},
            "user": {**_TEXT, "description": "Who is behind the call, in your own words; kept in its record."},
        },
        "model",
        "prompt",
    ),
    "TextCompletion": _object(
        "A whole answer.",
        {
            "id": _TEXT,
            "object": _TEXT,
            "model": _TEXT,
            "choices": _list(_object("One answer.", {"index": {"type": "integer"}, "text": _TEXT}, "text")),
            "usage": {"anyOf": [{"$ref": "#/components/schemas/ChatUsage"}, {"type": "null"}]},
        },
        "choices",
    ),
}

_RESPONSE_STREAM = """\
event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"tollbar keys"}

event: response.completed
data: {"type":"response.completed","response":{"id":"resp_8f2c","status":"completed"}}

"""
_TEXT_STREAM = """\
data: {"id":"cmpl-8f2c","choices":[{"index":0,"text":"tollbar keys","finish_reason":null}]}

data: [DONE]

"""


def _samples(path: str, field: str, call: str, answer: str) -> list[dict[str, str]]:
    """How to make a call in several languages; `call` is its name in the Python SDK."""
    body = f'{{"model": "tollbar-guide", "{field}": "How do I create a key?"}}'
    script = call.replace("input_tokens", "inputTokens")
    return [
        {
            "lang": "Shell",
            "label": "curl",
            "source": f"""\
curl http://127.0.0.1:8000{path} \\
  -H "Authorization: Bearer $TOLLBAR_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{body}'
""",
        },
        {
            "lang": "Python",
            "label": "openai (Python)",
            "source": f"""\
from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8000/v1", api_key=TOLLBAR_KEY)
answer = client.{call}(model="tollbar-guide", {field}="How do I create a key?")
print(answer.{answer})
""",
        },
        {
            "lang": "JavaScript",
            "label": "openai (JavaScript)",
            "source": f"""\
import OpenAI from "openai";

const client = new OpenAI({{ baseURL: "http://127.0.0.1:8000/v1", apiKey: process.env.TOLLBAR_KEY }});
const answer = await client.{script}({{ model: "tollbar-guide", {field}: "How do I create a key?" }});
console.log(answer.{answer});
""",
        },
    ]


_QUESTION = {"summary": "A question", "value": {"model": "tollbar-guide", "input": "How do I create a key?"}}
_RESPONSE = Operation(
    tag="Calls",
    summary="Response",
    description=(
        "OpenAI's Responses. A provider that has them is sent the body as it came, with the model's name replaced; for "
        "any other it is translated: functions, images, files and reasoning are carried, built-in tools "
        "refused by name. A response is kept for its key unless `store` is false: `previous_response_id` goes on from "
        "it, whatever model answers next. With `stream: true` it is `text/event-stream`; a failure after the "
        "first event is told by `response.failed` and `error`."
    ),
    body="ResponseRequest",
    body_examples={
        "plain": _QUESTION,
        "stream": {
            "summary": "As a stream",
            "value": {"model": "tollbar-guide", "input": "How do I create a key?", "stream": True},
        },
    },
    answer="ResponseObject",
    example={
        "id": "resp_8f2c",
        "object": "response",
        "status": "completed",
        "model": "tollbar-guide",
        "output": [
            {
                "id": "msg_8f2c_0",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "tollbar keys create --name ana", "annotations": []}],
            }
        ],
        "usage": {"input_tokens": 9, "output_tokens": 12, "total_tokens": 21},
    },
    errors=(*CALL, errors.UnknownResponse),
    headers=ANSWERED,
    streams={"text/event-stream": _RESPONSE_STREAM},
    samples=_samples("/v1/responses", "input", "responses.create", "output_text"),
)
_COUNT = Operation(
    tag="Calls",
    summary="Count the tokens of a response's input",
    description=(
        "Free, but counted by the limits of rates. No provider is asked: for OpenAI's models since GPT-4o the words "
        "are counted here, as OpenAI documents it; for others the tokens are estimated from the length of the text. "
        "`x-tollbar-counted-by` says which."
    ),
    body="ResponseRequest",
    body_examples={"plain": _QUESTION},
    answer="ResponseTokenCount",
    example={"object": "response.input_tokens", "input_tokens": 13},
    errors=(*READING, *CREDENTIAL, errors.UnknownModel, errors.UnknownResponse),
    headers=("x-tollbar-counted-by",),
    samples=_samples("/v1/responses/input_tokens", "input", "responses.input_tokens.count", "input_tokens"),
)
_COMPLETION = Operation(
    tag="Calls",
    summary="Text completion",
    description=(
        "OpenAI's older completions: a text to go on from. A provider that still has them is sent the body as it came; "
        "any other gets the prompt as a chat of one message, and what a chat cannot do (`suffix`, `echo`, `logprobs`, "
        "tokens, several prompts) is refused by name."
    ),
    body="TextRequest",
    body_examples={"plain": {"summary": "A text", "value": {"model": "tollbar-guide", "prompt": "Keys are made by"}}},
    answer="TextCompletion",
    example={
        "id": "cmpl-8f2c",
        "object": "text_completion",
        "created": 1_795_190_400,
        "model": "tollbar-guide",
        "choices": [{"index": 0, "text": " tollbar keys create", "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9},
    },
    errors=CALL,
    headers=ANSWERED,
    streams={"text/event-stream": _TEXT_STREAM},
    samples=_samples("/v1/completions", "prompt", "completions.create", "choices[0].text"),
)

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("POST", "/v1/responses"): _RESPONSE,
    ("POST", "/responses"): _RESPONSE,
    ("POST", "/v1/responses/input_tokens"): _COUNT,
    ("POST", "/responses/input_tokens"): _COUNT,
    ("POST", "/v1/completions"): _COMPLETION,
    ("POST", "/completions"): _COMPLETION,
}
