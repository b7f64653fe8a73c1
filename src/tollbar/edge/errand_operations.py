"""What the API document says of vectors and of what is passed on as it is. Data for the document alone."""

from collections.abc import Mapping
from typing import NamedTuple

from tollbar.edge.operation import CALL, JSON, Operation

Schema = dict[str, object]
FORM = "multipart/form-data"


def _object(description: str, properties: Mapping[str, object], *required: str) -> Schema:
    shape: Schema = {"type": "object", "description": description, "properties": dict(properties)}
    return {**shape, "required": list(required), "additionalProperties": True}


_MODEL = {"type": "string", "minLength": 1, "description": "A name that `GET /v1/models` lists, or `vendor/model`."}
_INPUT = {
    "description": "A text, or an array of them: one call, whatever their number.",
    "anyOf": [{"type": "string"}, {"type": "array", "items": {}, "maxItems": 10_000}],
}
_CONTENT = _object("The text.", {"parts": {"type": "array", "items": {"type": "object"}}}, "parts")
_ANSWER = _object("The answer, as the provider wrote it.", {})

SCHEMAS: Mapping[str, Schema] = {
    "EmbeddingRequest": _object(
        "Texts whose vectors are wanted.",
        {
            "model": _MODEL,
            "input": _INPUT,
            "dimensions": {"type": ["integer", "null"], "description": "How long a vector shall be."},
            "encoding_format": {"type": ["string", "null"], "description": "`float`, or `base64` of 32-bit floats."},
        },
        "model",
        "input",
    ),
    "EmbeddingAnswer": _object("A vector for each text, in their order.", {"data": {"type": "array"}}, "data"),
    "OllamaEmbedRequest": _object(
        "Texts whose vectors are wanted.", {"model": _MODEL, "input": _INPUT}, "model", "input"
    ),
    "OllamaEmbedAnswer": _object("A vector for each text.", {"embeddings": {"type": "array"}}, "embeddings"),
    "OllamaEmbeddingsRequest": _object(
        "A text whose vector is wanted.", {"model": _MODEL, "prompt": {"type": "string"}}, "model", "prompt"
    ),
    "OllamaEmbeddingsAnswer": _object("Its vector.", {"embedding": {"type": "array"}}, "embedding"),
    "GeminiEmbedRequest": _object(
        "A text whose vector is wanted.",
        {"content": _CONTENT, "outputDimensionality": {"type": "integer", "description": "How long it shall be."}},
        "content",
    ),
    "GeminiEmbedAnswer": _object("Its vector.", {"embedding": {"type": "object"}}, "embedding"),
    "GeminiBatchEmbedRequest": _object(
        "Texts whose vectors are wanted: one call, whatever their number.",
        {
            "requests": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/GeminiEmbedRequest"},
                "minItems": 1,
                "maxItems": 10_000,
            }
        },
        "requests",
    ),
    "GeminiBatchEmbedAnswer": _object("A vector for each text.", {"embeddings": {"type": "array"}}, "embeddings"),
    "ForwardedRequest": _object("What the provider takes; only the model is read here.", {"model": _MODEL}, "model"),
    "ForwardedAnswer": _ANSWER,
}


class _Forwarded(NamedTuple):
    """What there is to say of one address that passes on."""

    path: str
    summary: str
    example: Mapping[str, object]
    python: str
    body_type: str = JSON
    answer_type: str = JSON


_FORWARDED = (
    _Forwarded(
        "/moderations", "Moderation", {"input": "I like you."}, 'client.moderations.create(input="I like you.", {0})'
    ),
    _Forwarded(
        "/images/generations", "A picture", {"prompt": "A gate"}, 'client.images.generate(prompt="A gate", {0})'
    ),
    _Forwarded(
        "/images/edits",
        "A changed picture",
        {"prompt": "A gate"},
        'client.images.edit(image=open("a.png", "rb"), prompt="A gate", {0})',
        FORM,
    ),
    _Forwarded(
        "/audio/speech",
        "Speech",
        {"input": "Hello", "voice": "alloy"},
        'client.audio.speech.create(input="Hello", voice="alloy", {0})',
        answer_type="audio/mpeg",
    ),
    _Forwarded(
        "/audio/transcriptions",
        "What is said",
        {"file": "(a file)"},
        'client.audio.transcriptions.create(file=open("a.mp3", "rb"), {0})',
        FORM,
    ),
    _Forwarded(
        "/audio/translations",
        "What is said, in English",
        {"file": "(a file)"},
        'client.audio.translations.create(file=open("a.mp3", "rb"), {0})',
        FORM,
    ),
    _Forwarded(
        "/rerank",
        "Texts by how well they fit",
        {"query": "gate", "documents": ["a gate", "a wall"]},
        'client.post("/rerank", cast_to=object, body={{"query": "gate", "documents": ["a"], "model": "jina/m"}})',
    ),
)
_CURL = 'curl http://127.0.0.1:8000{path} -H "Authorization: Bearer $TOLLBAR_KEY" {data}\n'
_PYTHON = """\
from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8000/v1", api_key=TOLLBAR_KEY)
answer = {call}
"""
_JAVASCRIPT = """\
const answer = await fetch("http://127.0.0.1:8000{path}", {{
  method: "POST",
  headers: {{ Authorization: `Bearer ${{process.env.TOLLBAR_KEY}}`, {kind} }},
  body,
}});
"""


def _samples(path: str, call: str, body_type: str = JSON) -> tuple[Mapping[str, str], ...]:
    data = '-F "model=vendor/model" -F "file=@a.mp3"' if body_type == FORM else "-d @request.json"
    kind = "" if body_type == FORM else '"Content-Type": "application/json"'
    return (
        {"lang": "Shell", "label": "curl", "source": _CURL.format(path=path, data=data)},
        {"lang": "Python", "label": "openai (Python)", "source": _PYTHON.format(call=call)},
        {"lang": "JavaScript", "label": "fetch", "source": _JAVASCRIPT.format(path=path, kind=kind)},
    )


def _passed(told: _Forwarded) -> Operation:
    return Operation(
        tag="Calls",
        summary=told.summary,
        description="Passed on to a provider that has this address, with the model's name replaced; the answer comes "
        "back as it is. One call, in requests and credits; tokens as far as the answer tells them. Not streamed.",
        body="ForwardedRequest",
        body_type=told.body_type,
        body_examples={"usual": {"summary": told.summary, "value": {"model": "openai/gpt-4o-mini", **told.example}}},
        answer="ForwardedAnswer" if told.answer_type == JSON else None,
        answer_type=told.answer_type,
        example={} if told.answer_type == JSON else None,
        errors=CALL,
        headers=("x-tollbar-target",),
        samples=_samples(f"/v1{told.path}", told.python.format('model="vendor/model"'), told.body_type),
    )


def _vectors(path: str, shape: str, example: Mapping[str, object], asked: Mapping[str, object]) -> Operation:
    owner = "Ollama" if path.startswith("/api") else "Google" if ":" in path else None
    return Operation(
        tag="Calls",
        summary="Vectors of texts" if owner is None else f"Vectors, as {owner} has it",
        description="A provider of the caller's own shape is sent the body as it came; for any other it is translated.",
        body=f"{shape}Request",
        body_examples={"text": {"summary": "One text", "value": asked}},
        answer=f"{shape}Answer",
        example=example,
        errors=CALL,
        headers=("x-tollbar-target",),
        samples=_samples(path, _CREATE_GOOGLE if owner == "Google" else _CREATE),
    )


_CREATE = 'client.embeddings.create(model="ollama/nomic-embed-text", input="Hello")'
_CREATE_GOOGLE = 'client.embeddings.create(model="gemini/gemini-embedding-001", input="Hello")'
_VECTOR = [0.5, -0.25]
_DATA = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": _VECTOR}], "model": "m"}
_MODEL_AND = {"model": "ollama/nomic-embed-text"}
_ASKED = {"content": {"parts": [{"text": "Hello"}]}}
_SHAPES: Mapping[str, tuple[str, Mapping[str, object], Mapping[str, object]]] = {
    "/v1/embeddings": ("Embedding", _DATA, {**_MODEL_AND, "input": "Hello"}),
    "/embeddings": ("Embedding", _DATA, {**_MODEL_AND, "input": "Hello"}),
    "/api/embed": ("OllamaEmbed", {"model": "m", "embeddings": [_VECTOR]}, {**_MODEL_AND, "input": "Hello"}),
    "/api/embeddings": ("OllamaEmbeddings", {"embedding": _VECTOR}, {**_MODEL_AND, "prompt": "Hello"}),
    **{
        f"{base}/models/{{model:path}}:{method}": shape
        for base in ("/v1beta", "/v1")
        for method, shape in (
            ("embedContent", ("GeminiEmbed", {"embedding": {"values": _VECTOR}}, _ASKED)),
            (
                "batchEmbedContents",
                ("GeminiBatchEmbed", {"embeddings": [{"values": _VECTOR}]}, {"requests": [_ASKED]}),
            ),
        )
    },
}
"""The addresses of vectors: the schema, an answer and a question of each."""
OPERATIONS: Mapping[tuple[str, str], Operation] = {
    **{("POST", path): _vectors(path, *shape) for path, shape in _SHAPES.items()},
    **{("POST", f"/v1{told.path}"): _passed(told) for told in _FORWARDED},
}
