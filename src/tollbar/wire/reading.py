"""Typed reads from the raw members of a body, with the path of the fault in the error."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from tollbar.domain.errors import InvalidType, InvalidValue, MissingField
from tollbar.wire.body import Body, items

T = TypeVar("T")

_NAMES = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    float: "a number",
    list: "an array",
    dict: "an object",
}
MOST_DIGITS = 20
"""More than any number in a body may have: beyond it, reading one costs more than its length."""
MOST_EXACT = 2**53
"""From here on a number with a fraction has no exact value (IEEE 754)."""
_FIRST_BYTES = {list: b"[", dict: b"{"}


def head(body: Body, kinds: Mapping[str, type]) -> dict[str, Any]:
    """The members named by `kinds` that are present and not null, each of its kind; lists and objects stay raw bytes.

    Raises InvalidType, or InvalidValue for broken text.
    """
    found: dict[str, Any] = {}
    for name, (start, end) in body.spans.items():
        kind = kinds.get(name)
        if kind is None:
            continue
        raw = body.raw[start:end]
        if raw == b"null":
            continue
        found[name] = _raw(name, raw, kind) if kind in _FIRST_BYTES else _decoded(name, raw, kind)
    return found


def member(body: Body, name: str, kind: type[T]) -> T | None:
    """A member as a kind of value, None where it is absent or null; raises InvalidType naming it.

    Each half of a surrogate pair, legal in JSON but no text to search or store, is read as U+FFFD.
    """
    raw = body.value(name)
    if raw is None or raw == b"null":
        return None
    try:
        try:
            return msgspec.json.decode(raw, type=kind)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            return msgspec.json.decode(mended(raw), type=kind)
    except msgspec.ValidationError as fault:
        raise InvalidType(f"{name!r} cannot be read: {fault}.", field=name) from None


def demand(body: Body, *names: str) -> None:
    """Raises MissingField for the first of the members that is absent or null."""
    for name in names:
        if body.value(name) in (None, b"null"):
            raise MissingField(f"The field {name!r} is missing.", field=name)


def bounded(found: Mapping[str, Any], name: str, lowest: int, highest: int) -> int | None:
    """A whole number within bounds, or None when it is absent; raises InvalidValue."""
    value = found.get(name)
    if value is None or lowest <= value <= highest:
        return value
    details = {"min": lowest, "max": highest, "received": value}
    raise InvalidValue(f"{name!r} must be from {lowest} to {highest}.", field=name, details=details)


def check_count(found: Mapping[str, Any], name: str, highest: int) -> int:
    """How many items an array has (0 when absent); raises InvalidValue when too many."""
    raw = found.get(name)
    size = 0 if raw is None else items(raw)
    if size > highest:
        details = {"max": highest, "received": size}
        raise InvalidValue(
            f"{name!r} has {size} items, and at most {highest} are accepted.", field=name, details=details
        )
    return size


def mended(raw: bytes) -> bytes:
    """The same JSON with each half of a surrogate pair, legal there but no text to search or store, as U+FFFD."""
    text = json.dumps(json.loads(raw), ensure_ascii=False)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _raw(name: str, raw: bytes, kind: type) -> bytes:
    if not raw.startswith(_FIRST_BYTES[kind]):
        raise _wrong_type(name, kind)
    return raw


def _decoded(name: str, raw: bytes, kind: type) -> object:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as fault:
        whole = _whole(raw) if kind is int else None
        if whole is not None:
            return whole
        # The body was valid JSON as a whole: all that can be wrong but the type is a lone surrogate.
        if kind is str and not isinstance(fault, msgspec.ValidationError):
            raise InvalidValue(f"{name!r} holds half of a surrogate pair.", field=name) from None
        raise _wrong_type(name, kind) from None


def _whole(raw: bytes) -> int | None:
    """A number that is whole though it is written with a fraction or an exponent, `200.0`; None for anything else."""
    try:
        number = msgspec.json.decode(raw, type=float)
    except msgspec.DecodeError:
        return None
    return int(number) if number.is_integer() and abs(number) < MOST_EXACT else None


def _wrong_type(name: str, kind: type) -> InvalidType:
    return InvalidType(f"{name!r} must be {_NAMES[kind]}.", field=name)
