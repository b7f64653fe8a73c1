"""The OpenAPI document of the whole surface: one operation for each row of the route table, made on first request.

Guarantees: every address, with what it takes, what it answers, each error with an example, and the headers; the
schemas of the control plane are those that its code checks and writes with. Made of tables alone: `routes.py` says
what there is, `operations.py` what to say of it.
"""

import inspect
import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from tollbar.domain.errors import GatewayError, InternalError, RateLimited
from tollbar.edge import prose
from tollbar.edge.anthropic_operations import SCHEMAS as ANTHROPIC_SCHEMAS
from tollbar.edge.chat_schemas import SCHEMAS as CHAT_SCHEMAS
from tollbar.edge.errand_operations import SCHEMAS as ERRAND_SCHEMAS
from tollbar.edge.error_samples import SAMPLES
from tollbar.edge.file_operations import SCHEMAS as FILE_SCHEMAS
from tollbar.edge.gemini_schemas import SCHEMAS as GEMINI_SCHEMAS
from tollbar.edge.headers import error_headers
from tollbar.edge.ollama_operations import SCHEMAS as OLLAMA_SCHEMAS
from tollbar.edge.operation import CREDENTIAL, JSON, Operation
from tollbar.edge.operations import OPERATIONS
from tollbar.edge.parameters import PARAMETERS
from tollbar.edge.responses_operations import SCHEMAS as RESPONSES_SCHEMAS
from tollbar.edge.routes import CALLS, PAGES, PARAMETER, Access, CallRoute, PageRoute, public_path
from tollbar.edge.shapes import ErrorShape, shape_of
from tollbar.edge.simple_operations import SCHEMAS as SIMPLE_SCHEMAS

Document = dict[str, Any]

DESCRIPTIONS = {200: "Done.", 201: "Made.", 202: "Begun."}

_ENCODE = msgspec.json.Encoder(decimal_format="number", enc_hook=BaseModel.model_dump).encode


@cache
def written(version: str) -> bytes:
    """The document as it is served; made once."""
    return _ENCODE(_whole(version))


def document(version: str) -> Document:
    """The document, as JSON values."""
    made: Document = json.loads(written(version))
    return made


def errors_of(row: CallRoute | PageRoute) -> list[type[GatewayError]]:
    """Every error that a row's caller can be told, by status: its own, those of its access, and a fault of ours."""
    entry = OPERATIONS[row.method, row.path]
    access = (RateLimited,) if row.access is Access.PUBLIC else CREDENTIAL
    status_of = shape_of(row.path).status_of
    return sorted(dict.fromkeys((*entry.errors, *access, InternalError)), key=lambda error: status_of(SAMPLES[error]))


def _whole(version: str) -> Document:
    paths: Document = {}
    told: set[str] = set()
    for row in (*CALLS, *PAGES):
        path, operation = public_path(row.path), _operation(row)
        if operation["summary"] in told:  # what is served at several addresses is told apart in the list at the side
            operation["summary"] += f" ({path})"
        told.add(operation["summary"])
        paths.setdefault(path, {})[row.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tollbar API",
            "version": version,
            "summary": prose.SUMMARY,
            "description": prose.DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "tags": [{"name": name, "description": text} for name, text in prose.TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": prose.SECURITY_SCHEMES,
            "headers": prose.HEADERS,
        },
    }


def _operation(row: CallRoute | PageRoute) -> Document:
    entry = OPERATIONS[row.method, row.path]
    described = entry.description or (inspect.getdoc(row.handler) if isinstance(row, PageRoute) else "")
    told: Document = {
        "tags": [entry.tag],
        "summary": entry.summary,
        "description": described,
        "operationId": _identifier(row),
        "security": prose.SECURITY[row.access.value],
        "x-access": row.access.value,
        "responses": {str(entry.status): _success(row, entry), **_failures(errors_of(row), shape_of(row.path))},
    }
    parameters = [PARAMETERS[name] for name in (*PARAMETER.findall(row.path), *entry.parameters)]
    if row.method == "PATCH":
        parameters.append(PARAMETERS["if-match"])
    if parameters:
        told["parameters"] = parameters
    if entry.body is not None:
        told["requestBody"] = {
            "required": _is_required(entry.body),
            "content": {entry.body_type: {"schema": _reference(entry.body), "examples": entry.body_examples}},
        }
    if entry.samples:
        told["x-codeSamples"] = entry.samples
    return told


def _success(row: CallRoute | PageRoute, entry: Operation) -> Document:
    content: Document = {}
    if entry.answer is not None:
        content["schema"] = _reference(entry.answer)
    if entry.example is not None:
        content["example"] = entry.example
    told: Document = {
        "description": DESCRIPTIONS[entry.status],
        "headers": _headers(*prose.EVERYWHERE, *entry.headers),
        "content": {entry.answer_type: content},
    }
    if row.access not in (Access.ADMIN, Access.MACHINE):  # whom no limit of an address or a route concerns
        told["headers"] |= _headers(*prose.RATE_HEADERS)
    for kind, example in entry.streams.items():
        # Readers differ in what a schema of events describes, the stream or each event of it: this one fits both.
        schema = {"description": "Server-sent events."} if kind == "text/event-stream" else {"type": "string"}
        told["content"][kind] = {"schema": schema, "example": example}
    return told


def _failures(kinds: Iterable[type[GatewayError]], shape: ErrorShape) -> Document:
    """The answers that tell of errors: one for each status, with an example of each error that has it."""
    by_status: dict[int, list[type[GatewayError]]] = {}
    for kind in kinds:
        by_status.setdefault(shape.status_of(SAMPLES[kind]), []).append(kind)
    return {str(status): _failure(same, shape) for status, same in by_status.items()}


def _failure(kinds: list[type[GatewayError]], shape: ErrorShape) -> Document:
    examples: Document = {}
    headers = [*prose.EVERYWHERE]
    for kind in kinds:
        sample = SAMPLES[kind]
        _, body = shape.encode(sample, prose.REQUEST_ID)
        summary = (inspect.getdoc(kind) or "").partition("\n")[0]
        examples[kind.__name__] = {"summary": summary, "value": json.loads(body)}
        headers += [name.decode() for name, _ in error_headers(sample)]
        headers += prose.RATE_HEADERS if kind is RateLimited else ()
    codes = ", ".join(dict.fromkeys(f"`{shape.code_in(example['value'])}`" for example in examples.values()))
    return {
        "description": codes,
        "headers": _headers(*dict.fromkeys(headers)),
        "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{shape.schema}"}, "examples": examples}},
    }


def _headers(*names: str) -> Document:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _reference(shape: type[BaseModel] | str) -> Document:
    return {"$ref": f"#/components/schemas/{shape if isinstance(shape, str) else shape.__name__}"}


def _is_required(shape: type[BaseModel] | str) -> bool:
    """Whether a body of this shape must be there: not where all its fields may be left out."""
    if isinstance(shape, str):
        return True
    return any(field.is_required() for field in shape.model_fields.values())


def _schemas() -> Document:
    asked = {entry.body for entry in OPERATIONS.values() if isinstance(entry.body, type)}
    told = {entry.answer for entry in OPERATIONS.values() if isinstance(entry.answer, type)}
    shapes: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((shape, "validation") for shape in sorted(asked, key=lambda shape: shape.__name__)),
        *((shape, "serialization") for shape in sorted(told, key=lambda shape: shape.__name__)),
    ]
    _, made = models_json_schema(shapes, ref_template="#/components/schemas/{model}")
    dialects = {**CHAT_SCHEMAS, **RESPONSES_SCHEMAS, **ANTHROPIC_SCHEMAS, **GEMINI_SCHEMAS, **OLLAMA_SCHEMAS}
    return {**dialects, **ERRAND_SCHEMAS, **FILE_SCHEMAS, **SIMPLE_SCHEMAS, **made["$defs"], **prose.SCHEMAS}


def _identifier(row: CallRoute | PageRoute) -> str:
    """`postV1ChatCompletions`: unique, and a name in the languages that clients are generated for."""
    words = re.findall(r"[A-Za-z0-9]+", public_path(row.path)) or ["landing"]
    return row.method.lower() + "".join(word[:1].upper() + word[1:] for word in words)
