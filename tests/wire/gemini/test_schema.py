"""Google's schemas are read as JSON Schema."""

import json

import pytest

from tollbar.domain.errors import InvalidValue
from tollbar.wire.gemini.schema import json_schema, lower_types


def test_types_bounds_and_nulls_are_those_of_json_schema() -> None:
    """However deep, in either spelling; properties may have any name."""
    told = {
        "type": "OBJECT",
        "properties": {
            "min_items": {"type": "ARRAY", "items": {"type": "STRING", "nullable": True}, "min_items": "1"},
            "type": {"anyOf": [{"type": "INTEGER"}, {"type": "NUMBER"}], "nullable": True},
            "kind": {"type": "STRING", "enum": ["a"], "nullable": True, "example": "a", "format": "enum"},
            "any": {"type": "TYPE_UNSPECIFIED", "additional_properties": {"type": "BOOLEAN"}},
        },
        "required": ["type"],
        "propertyOrdering": ["type"],
        "defs": {"x": {"ref": "#/$defs/x"}},
    }
    assert json.loads(json_schema(json.dumps(told), "p")) == {
        "type": "object",
        "properties": {
            "min_items": {"type": "array", "items": {"type": ["string", "null"]}, "minItems": 1},
            "type": {"anyOf": [{"anyOf": [{"type": "integer"}, {"type": "number"}]}, {"type": "null"}]},
            "kind": {"type": ["string", "null"], "enum": ["a", None], "examples": ["a"], "format": "enum"},
            "any": {"additionalProperties": {"type": "boolean"}},
        },
        "required": ["type"],
        "$defs": {"x": {"$ref": "#/$defs/x"}},
    }


@pytest.mark.parametrize(
    "text", ["[]", "5", '{"properties": []}', '{"anyOf": 5}', '{"items": "x"}', '{"minItems": {}}']
)
def test_what_is_no_schema_is_refused_by_its_path(text: str) -> None:
    """Nothing else is raised."""
    with pytest.raises(InvalidValue, match="tools"):
        json_schema(text, "tools[0]")


def test_googles_capitals_in_a_json_schema_are_lowered() -> None:
    """Where they are types, and nowhere else; any other schema stays as it was, down to its spaces."""
    kept = '{"type": "object", "properties": {"a": {"enum": ["B"]}}}'
    assert lower_types(kept) == kept
    told = {
        "type": "OBJECT",
        "properties": {"type": {"type": "STRING"}, "enum": {"anyOf": [{"type": "INTEGER"}], "default": {"type": "A"}}},
        "enum": ["OBJECT"],
    }
    lowered = {
        "type": "object",
        "properties": {"type": {"type": "string"}, "enum": {"anyOf": [{"type": "integer"}], "default": {"type": "A"}}},
        "enum": ["OBJECT"],
    }
    assert json.loads(lower_types(json.dumps(told))) == lowered
