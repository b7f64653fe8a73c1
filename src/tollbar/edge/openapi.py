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

from tollbar.domain.errors import GatewayError, InternalError
from tollbar.edge import prose
from tollbar.edge.chat_schemas import CODE_SAMPLES, STREAM_EXAMPLE
from tollbar.edge.chat_schemas import SCHEMAS as CHAT_SCHEMAS
from tollbar.edge.headers import error_headers
from tollbar.edge.operations import CREDENTIAL, JSON, OPERATIONS, SAMPLES, Operation
from tollbar.edge.routes import CALLS, PAGES, Access, CallRoute, PageRoute
from tollbar.wire.openai_chat.errors import encode_error

Document = dict[str, Any]

_ENCODE = msgspec.json.Encoder(decimal_format="number", enc_hook=BaseModel.model_dump).encode

_PARAMETER = re.compile(r"\{(\w+)(?::path)?\}")


@cache
def written(version: str) -> bytes:
    """The document as it is served; made once."""
    return _ENCODE(_whole(version))


def document(version: str) -> Document:
    """The document, as JSON values."""
    made: Document = json.loads(written(version))
    return made


def public_path(path: str) -> str:
    """An address as the document writes it: parameters without their kind."""
    return _PARAMETER.sub(r"{\1}", path)


def errors_of(row: CallRoute | PageRoute) -> list[type[GatewayError]]:
    """Every error that a row's caller can be told, by status: its own, those of its access, and a fault of ours."""
    entry = OPERATIONS[row.method, row.path]
    access = () if row.access is Access.PUBLIC else CREDENTIAL
    return sorted(dict.fromkeys((*entry.errors, *access, InternalError)), key=lambda error: error.status)


def _whole(version: str) -> Document:
    paths: Document = {}
    for row in (*CALLS, *PAGES):
        paths.setdefault(public_path(row.path), {})[row.method.lower()] = _operation(row)
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
        "responses": {str(entry.status): _success(entry), **_failures(errors_of(row))},
    }
    parameters = [prose.PARAMETERS[name] for name in _PARAMETER.findall(row.path)]
    if row.method == "PATCH":
        parameters.append(prose.PARAMETERS["if-match"])
    if parameters:
        told["parameters"] = parameters
    if entry.body is not None:
        told["requestBody"] = {
            "required": entry.body == "ChatRequest" or bool(_required(entry.body)),
            "content": {JSON: {"schema": _reference(entry.body), "examples": entry.body_examples}},
        }
    if isinstance(row, CallRoute):
        told["x-codeSamples"] = CODE_SAMPLES
    return told


def _success(entry: Operation) -> Document:
    content: Document = {}
    if entry.answer is not None:
        content["schema"] = _reference(entry.answer)
    if entry.example is not None:
        content["example"] = entry.example
    told: Document = {
        "description": "Done." if entry.status == 200 else "Made.",
        "headers": _headers(*prose.EVERYWHERE, *entry.headers),
        "content": {entry.answer_type: content},
    }
    if entry.answer == "ChatCompletion":
        told["headers"] |= _headers(*prose.RATE_HEADERS)
        told["content"]["text/event-stream"] = {"schema": {"type": "string"}, "example": STREAM_EXAMPLE}
    return told


def _failures(kinds: Iterable[type[GatewayError]]) -> Document:
    """The answers that tell of errors: one for each status, with an example of each error that has it."""
    by_status: dict[int, list[type[GatewayError]]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(kind)
    return {str(status): _failure(same) for status, same in by_status.items()}


def _failure(kinds: list[type[GatewayError]]) -> Document:
    examples: Document = {}
    headers = [*prose.EVERYWHERE]
    for kind in kinds:
        sample = SAMPLES[kind]
        _, body = encode_error(sample, prose.REQUEST_ID)
        summary = (inspect.getdoc(kind) or "").partition("\n")[0]
        examples[kind.__name__] = {"summary": summary, "value": json.loads(body)}
        headers += [name.decode() for name, _ in error_headers(sample)]
    codes = ", ".join(dict.fromkeys(f"`{kind.code}`" for kind in kinds))
    return {
        "description": codes,
        "headers": _headers(*dict.fromkeys(headers)),
        "content": {JSON: {"schema": {"$ref": "#/components/schemas/Error"}, "examples": examples}},
    }


def _headers(*names: str) -> Document:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _reference(shape: type[BaseModel] | str) -> Document:
    return {"$ref": f"#/components/schemas/{shape if isinstance(shape, str) else shape.__name__}"}


def _required(shape: type[BaseModel] | str) -> list[str]:
    """The fields that a body must have: without any, the body itself may be left out."""
    if isinstance(shape, str):
        return []
    return [name for name, field in shape.model_fields.items() if field.is_required()]


def _schemas() -> Document:
    asked = {entry.body for entry in OPERATIONS.values() if isinstance(entry.body, type)}
    told = {entry.answer for entry in OPERATIONS.values() if isinstance(entry.answer, type)}
    shapes: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((shape, "validation") for shape in sorted(asked, key=lambda shape: shape.__name__)),
        *((shape, "serialization") for shape in sorted(told, key=lambda shape: shape.__name__)),
    ]
    _, made = models_json_schema(shapes, ref_template="#/components/schemas/{model}")
    return {**CHAT_SCHEMAS, **made["$defs"], **prose.SCHEMAS}


def _identifier(row: CallRoute | PageRoute) -> str:
    """`postV1ChatCompletions`: unique, and a name in the languages that clients are generated for."""
    words = re.findall(r"[A-Za-z0-9]+", public_path(row.path)) or ["landing"]
    return row.method.lower() + "".join(word[:1].upper() + word[1:] for word in words)
