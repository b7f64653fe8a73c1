"""Google's own way to write a schema, a subset of OpenAPI 3.0, as the JSON Schema that everybody else reads."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tollbar.domain.errors import InvalidValue
from tollbar.wire.gemini.members import camel

_COUNTS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_LISTS = frozenset({"anyOf", "prefixItems"})
_NAMED = {"properties": "properties", "defs": "$defs", "$defs": "$defs"}
_RENAMED = {"ref": "$ref", "example": "examples"}
_CAPITALS = re.compile(r'"type"\s*:\s*"[A-Z]')
_VALUES = frozenset({"const", "default", "enum", "examples"})
_LEFT_OUT = frozenset({"nullable", "propertyOrdering"})


def json_schema(text: str, path: str) -> str:
    """The schema in some JSON text, as JSON text; raises InvalidValue naming the path."""
    try:
        return json.dumps(_schema(json.loads(text)), ensure_ascii=False, separators=(",", ":"))
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise InvalidValue(f"{path!r} is no schema.", field=path) from None


def lower_types(text: str) -> str:
    """JSON Schema in whose types Google's capitals have slipped, as Gemini CLI's have, in its own letters."""
    if _CAPITALS.search(text) is None:
        return text
    return json.dumps(_lowered(json.loads(text)), ensure_ascii=False, separators=(",", ":"))


def _lowered(value: Any) -> Any:
    if isinstance(value, list):
        return [_lowered(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    told: dict[str, Any] = {}
    for name, inner in value.items():
        if name in _NAMED and isinstance(inner, dict):
            told[name] = {key: _lowered(one) for key, one in inner.items()}
        elif name == "type" and isinstance(inner, str):
            told[name] = inner.lower()
        else:
            told[name] = inner if name in _VALUES else _lowered(inner)
    return told


def _schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, value in schema.items():
        usual = camel(name)
        if usual in _NAMED:
            told[_NAMED[usual]] = {key: _schema(inner) for key, inner in value.items()}
        elif usual in _LISTS:
            told[usual] = [_schema(inner) for inner in value]
        elif usual == "items" or (usual == "additionalProperties" and isinstance(value, dict)):
            told[usual] = _schema(value)
        elif usual == "type" and isinstance(value, str):
            if value != "TYPE_UNSPECIFIED":
                told["type"] = value.lower()
        elif usual in _COUNTS:
            told[usual] = int(value)  # Google writes 64-bit numbers as strings
        elif usual not in _LEFT_OUT:
            told[_RENAMED.get(usual, usual)] = [value] if usual == "example" else value
    return _nullable(told) if schema.get("nullable") is True else told


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if "type" in schema:
        enum = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
        return {**schema, **enum, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
