"""Whether JSON is what Amazon's own client would send or take: `shapes.json` is that client's model of Converse.

It was read from botocore 1.44.8 (`bedrock-runtime`, 2023-09-30), and holds what Tollbar speaks of: names, what must be
there, of which only one may be, and the patterns of texts. Bounds of numbers are not looked at.

    faults("ConverseRequest", body)     # [] where all is well
"""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SHAPES = json.loads((Path(__file__).parent / "shapes.json").read_text(encoding="utf-8"))
_PLAIN: dict[str, type | tuple[type, ...]] = {"boolean": bool, "integer": int, "float": (int, float), "string": str}


def faults(shape: str, value: Any) -> list[str]:
    """What is wrong with a value, by its place."""
    return list(_faults(shape, value, shape))


def _faults(name: str, value: Any, place: str) -> Iterator[str]:
    shape = SHAPES[name]
    match shape["type"]:
        case "structure" | "union":
            yield from _of_structure(shape, value, place)
        case "list" if isinstance(value, list):
            for index, one in enumerate(value):
                yield from _faults(shape["of"], one, f"{place}[{index}]")
        case "map" if isinstance(value, dict):
            for key, one in value.items():
                yield from _faults(shape["of"], one, f"{place}.{key}")
        case "blob" if isinstance(value, str):
            if not base64.b64decode(value, validate=True):
                yield f"{place} is empty"
        case "any":
            return
        case kind if kind in _PLAIN and isinstance(value, _PLAIN[kind]):
            if kind == "string" and (fault := _of_text(shape, value)):
                yield f"{place} {fault}"
        case kind:
            yield f"{place} is no {kind}"


def _of_structure(shape: dict[str, Any], value: Any, place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place} is no object"
        return
    yield from (f"{place}.{name} is unknown" for name in value.keys() - shape["members"].keys())
    yield from (f"{place}.{name} is missing" for name in set(shape.get("required", ())) - value.keys())
    if shape["type"] == "union" and len(value) != 1:
        yield f"{place} must have one member"
    for name, one in value.items():
        if name in shape["members"]:
            yield from _faults(shape["members"][name], one, f"{place}.{name}")


def _of_text(shape: dict[str, Any], value: str) -> str:
    if "enum" in shape and value not in shape["enum"]:
        return f"is {value!r}"
    if "pattern" in shape and not re.fullmatch(shape["pattern"], value):
        return f"is {value!r}, which does not fit"
    return (
        "is too short"
        if len(value) < shape.get("min", 0)
        else "is too long"
        if len(value) > shape.get("max", 1e9)
        else ""
    )
