"""Turns what the validator found into sentences: the place, the key as it was written, what is wrong, what to do."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from tollbar.settings.describe import find_field, find_section, kind_at, kind_of, show
from tollbar.settings.faults import Fault, nearest, suggest

PlaceOf = Callable[[tuple[str, ...]], tuple[str, str]]

_ABSENT = {"missing": "is missing", "extra_forbidden": "is no setting"}
_SHAPES = {
    "model_type": "must be a block of keys",
    "model_attributes_type": "must be a block of keys",
    "mapping_type": "must be a block of keys",
    "tuple_type": "must be a list",
}
_BOUNDS = {"greater_than_equal": ("ge", "or more"), "less_than_equal": ("le", "or less")}
_QUOTED_AT_MOST = 60


def explain(invalid: ValidationError, place_of: PlaceOf) -> list[Fault]:
    """One fault for each thing that the validator refused, in the order of the settings."""
    faults = (_fault(error, place_of) for error in invalid.errors(include_url=False))
    return list(dict.fromkeys(faults))


def _fault(error: Mapping[str, Any], place_of: PlaceOf) -> Fault:
    location = tuple(str(part) for part in error["loc"] if part != "[key]")
    place, key = place_of(location)
    return Fault(place, key, _wrong(error, location), _remedy(error, location))


def _wrong(error: Mapping[str, Any], location: tuple[str, ...]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _ABSENT:
        return _ABSENT[kind]
    if kind in _SHAPES:
        return _quoted(error, location, _SHAPES[kind])
    if kind == "value_error":
        return _quoted(error, location, str(context["error"]))
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return _quoted(error, location, f"must be {show(context[bound])} {words}")
    expected = kind_at(location)
    return _quoted(error, location, f"must be {_with_article(expected)}" if expected else error["msg"].lower())


def _with_article(kind: str) -> str:
    return (
        f"a {kind}" if kind.startswith(("number", "whole number", "path", "rate", "secret", "block", "list")) else kind
    )


def _quoted(error: Mapping[str, Any], location: tuple[str, ...], complaint: str) -> str:
    """The complaint with the value that was found, unless that might be a secret or is too large to show."""
    field = find_field(location)
    value = error.get("input")
    if not isinstance(value, str | int | float) or (field is not None and kind_of(field) == "secret"):
        return complaint
    text = repr(value) if len(str(value)) <= _QUOTED_AT_MOST else f"{str(value)[:_QUOTED_AT_MOST]!r}…"
    return f"is {text} but {complaint}" if complaint.startswith("must") else f"{text} {complaint}"


def _remedy(error: Mapping[str, Any], location: tuple[str, ...]) -> str:
    if error["type"] == "extra_forbidden":
        section = find_section(location[:-1])
        return suggest(location[-1], section.model_fields) if section else ""
    field = find_field(location)
    if field is None or error["type"] == "value_error":
        return ""
    if error["type"] == "literal_error" and isinstance(error.get("input"), str):
        near = nearest(error["input"], [word.strip("`") for word in kind_of(field).split(" or ")])
        if near:
            return f"Did you mean {near}?"
    default = None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
    example = f" The default is {show(default)}." if isinstance(default, str | int | float) and default != "" else ""
    return f"{field.description}{example}" if field.description else ""
