"""What the API document says of Google's dialect: the fields that people use, and that all others pass.

Data for the document alone: calls are read by `wire/gemini`, which forwards what it does not know. Reference: the
Gemini API, `models.generateContent`.
"""

from collections.abc import Mapping

from tollbar.domain import errors
from tollbar.edge import gemini_models
from tollbar.edge.operation import ANSWERED, CALL, Operation

Schema = dict[str, object]


def _open(description: str, properties: Mapping[str, object], *required: str) -> Schema:
    """An object that may hold further fields, as every object of this dialect may."""
    schema: Schema = {"type": "object", "description": description, "properties": dict(properties)}
    return {**schema, **({"required": list(required)} if required else {}), "additionalProperties": True}


def _list_of(name: str, description: str = "") -> Schema:
    items = {"$ref": f"#/components/schemas/{name}"}
    return {"type": "array", "items": items, **({"description": description} if description else {})}


_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_CONTENT = _open(
    "One turn of the conversation.",
    {
        "role": {"type": "string", "description": "`user` or `model`."},
        "parts": {
            "type": "array",
            "description": "`text`, `inlineData`, `fileData`, `functionCall`, `functionResponse`.",
            "items": {"type": "object", "properties": {"text": _TEXT}},
        },
    },
)
_REQUEST = _open(
    "A request for content. Fields that are not listed go to a provider of this dialect as they are; both spellings, "
    "`generationConfig` and `generation_config`, are read.",
    {
        "contents": _list_of("GeminiContent"),
        "systemInstruction": {"$ref": "#/components/schemas/GeminiContent"},
        "tools": {"type": "array", "items": {"type": "object"}, "maxItems": 512},
        "toolConfig": {"type": "object"},
        "generationConfig": _open(
            "How to answer.",
            {
                "maxOutputTokens": {"type": "integer", "minimum": 1, "description": "Also what allowances must hold."},
                "candidateCount": {"type": "integer", "minimum": 1, "maximum": 128, "default": 1},
                "temperature": {"type": "number"},
                "responseMimeType": _TEXT,
                "thinkingConfig": {"type": "object"},
            },
        ),
        "safetySettings": {"type": "array", "items": {"type": "object"}},
    },
    "contents",
)
_USAGE = _open(
    "What the call consumed.",
    dict.fromkeys(("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount"), _COUNT),
)
_CANDIDATE = _open(
    "One answer.",
    {
        "content": {"$ref": "#/components/schemas/GeminiContent"},
        "index": {"type": "integer"},
        "finishReason": {"type": "string", "description": "`STOP`, `MAX_TOKENS`, `SAFETY`, …"},
    },
)
_RESPONSE = _open(
    "An answer, or a piece of a streamed one.",
    {
        "candidates": _list_of("GeminiCandidate"),
        "usageMetadata": {"$ref": "#/components/schemas/GeminiUsage"},
        "modelVersion": _TEXT,
        "responseId": _TEXT,
    },
)
_ERROR: Schema = {
    "type": "object",
    "description": "A failure, in Google's shape.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "status", "details"],
            "properties": {
                "code": {"type": "integer", "description": "The HTTP status, once more."},
                "message": {"type": "string", "maxLength": 500, "description": "For people, with the remedy."},
                "status": {"type": "string", "description": "Google's word for it, such as `INVALID_ARGUMENT`."},
                "details": {
                    "type": "array",
                    "items": {"type": "object"},
                    "description": "The `reason`, the request's id, the field at fault, how long to wait.",
                },
            },
        }
    },
}

SCHEMAS: Mapping[str, Schema] = {
    "GeminiRequest": _REQUEST,
    "GeminiContent": _CONTENT,
    "GeminiCandidate": _CANDIDATE,
    "GeminiUsage": _USAGE,
    "GeminiResponse": _RESPONSE,
    "GeminiStream": _list_of("GeminiResponse", "The pieces of a streamed answer, in order."),
    "GeminiCount": _open("The tokens of a request.", {"totalTokens": _COUNT}, "totalTokens"),
    "GoogleError": _ERROR,
}

_ASKED = {"role": "user", "parts": [{"text": "How do I create a key?"}]}
_EXAMPLES: Mapping[str, Mapping[str, object]] = {
    "plain": {"summary": "A question", "value": {"contents": [_ASKED]}},
    "instructed": {
        "summary": "With an instruction and a bound",
        "value": {
            "contents": [_ASKED],
            "systemInstruction": {"parts": [{"text": "Answer in ten words."}]},
            "generationConfig": {"maxOutputTokens": 200},
        },
    },
}
_SAID = {
    "content": {"parts": [{"text": "tollbar keys create --name ana"}], "role": "model"},
    "index": 0,
    "finishReason": "STOP",
}
_ANSWER: Mapping[str, object] = {
    "candidates": [_SAID],
    "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 12, "totalTokenCount": 21},
    "modelVersion": "tollbar-guide",
}
_SAMPLES = (
    {
        "lang": "Shell",
        "label": "curl",
        "source": """\
curl http://127.0.0.1:8000/v1beta/models/tollbar-guide:generateContent \\
  -H "x-goog-api-key: $TOLLBAR_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"contents": [{"parts": [{"text": "How do I create a key?"}]}]}'
""",
    },
    {
        "lang": "Python",
        "label": "google-genai (Python)",
        "source": """\
from google import genai

client = genai.Client(api_key=TOLLBAR_KEY, http_options={"base_url": "http://127.0.0.1:8000"})
answer = client.models.generate_content(model="tollbar-guide", contents="How do I create a key?")
print(answer.text)
""",
    },
    {
        "lang": "JavaScript",
        "label": "@google/genai (JavaScript)",
        "source": """\
import { GoogleGenAI } from "@google/genai";

const client = new GoogleGenAI({
  apiKey: process.env.TOLLBAR_KEY,
  httpOptions: { baseUrl: "http://127.0.0.1:8000" },
});
const answer = await client.models.generateContent({ model: "tollbar-guide", contents: "How do I create a key?" });
console.log(answer.text);
""",
    },
)

GENERATE = Operation(
    tag="Calls",
    summary="Generate content",
    description=(
        "Google's `generateContent`. A provider of the same dialect gets the body as it came; for all others it is "
        "translated. What cannot be carried is refused by name; what is only a knob is left out and named by "
        "`x-tollbar-dropped`."
    ),
    body="GeminiRequest",
    body_examples=_EXAMPLES,
    answer="GeminiResponse",
    example=_ANSWER,
    errors=CALL,
    headers=ANSWERED,
    samples=_SAMPLES,
)
STREAM = Operation(
    tag="Calls",
    summary="Generate content, streamed",
    description=(
        "The same as it is made: events with `alt=sse`, else one JSON array. A failure after the first piece is told "
        "in the stream, as an object with `error`, bare between events and as the array's last item."
    ),
    body="GeminiRequest",
    body_examples=_EXAMPLES,
    answer="GeminiStream",
    example=[_ANSWER],
    errors=CALL,
    headers=ANSWERED,
    streams={"text/event-stream": 'data: {"candidates":[{"content":{"parts":[{"text":"tollbar"}]}}]}\n\n'},
    samples=_SAMPLES,
    parameters=("alt",),
)
COUNT = Operation(
    tag="Calls",
    summary="Count tokens, as Google does",
    description=(
        "How many tokens a request has. Free, counted in the rates. A provider of this dialect is asked; for OpenAI's "
        "models since GPT-4o the words are counted here; for all others it is the estimate by which calls are "
        "admitted. `x-tollbar-counted-by` says which."
    ),
    body="GeminiRequest",
    body_examples=_EXAMPLES,
    answer="GeminiCount",
    example={"totalTokens": 9},
    errors=CALL,
    samples=_SAMPLES,
)

_MODEL = gemini_models.view("tollbar-guide", "tollbar", 8_192)
_METHODS = {"generateContent": GENERATE, "streamGenerateContent": STREAM, "countTokens": COUNT}

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    **{
        ("POST", f"{version}/models/{{model:path}}:{method}"): operation
        for version in ("/v1beta", "/v1")
        for method, operation in _METHODS.items()
    },
    ("GET", "/v1beta/models"): Operation(
        tag="Models",
        summary="The models of a key, in Google's shape",
        answer=gemini_models.GeminiModelList,
        example={"models": [_MODEL.model_dump(by_alias=True)]},
    ),
    ("GET", "/v1beta/models/{model:path}"): Operation(
        tag="Models",
        summary="One model, in Google's shape",
        answer=gemini_models.GeminiModel,
        example=_MODEL.model_dump(by_alias=True),
        errors=(errors.UnknownModel,),
    ),
}
