"""Typed reads from the raw members of a body, with the path of the fault in the error."""

from collections.abc import Mapping
from typing import TypeVar

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
_FIRST_BYTES = {list: b"[", dict: b"{"}


def demand(body: Body, *names: str) -> None:
    """Raises MissingField for the first of the members that is absent or null."""
    for name in names:
        if body.value(name) in (None, b"null"):
            raise MissingField(f"The field {name!r} is missing.", field=name)


def check_types(body: Body, kinds: Mapping[str, type]) -> None:
    """Raises InvalidType for the first member that is not of its kind; lists and objects are not looked into."""
    for name, kind in kinds.items():
        raw = body.value(name)
        if raw is None or raw == b"null":
            continue
        if kind in _FIRST_BYTES:
            if not raw.startswith(_FIRST_BYTES[kind]):
                raise _wrong_type(name, kind)
        else:
            optional(body, name, kind)


def optional(body: Body, name: str, kind: type[T]) -> T | None:
    """A plain member's value, None when it is absent or null; raises InvalidType, or InvalidValue for broken text."""
    raw = body.value(name)
    if raw is None or raw == b"null":
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as fault:
        # The body was valid JSON as a whole: all that can be wrong but the type is a lone surrogate.
        if kind is str and not isinstance(fault, msgspec.ValidationError):
            raise InvalidValue(f"{name!r} holds half of a surrogate pair.", field=name) from None
        raise _wrong_type(name, kind) from None


def required(body: Body, name: str, kind: type[T]) -> T:
    """A member's value; raises MissingField when it is absent or null, and what `optional` raises."""
    value = optional(body, name, kind)
    if value is None:
        raise MissingField(f"The field {name!r} is missing.", field=name, hint=f"Send {name!r} as {_NAMES[kind]}.")
    return value


def bounded(body: Body, name: str, lowest: int, highest: int) -> int | None:
    """A whole number within bounds, or None when it is absent; raises InvalidType or InvalidValue."""
    value = optional(body, name, int)
    if value is None or lowest <= value <= highest:
        return value
    details = {"min": lowest, "max": highest, "received": value}
    raise InvalidValue(f"{name!r} must be from {lowest} to {highest}.", field=name, details=details)


def count(body: Body, name: str, highest: int) -> int:
    """How many items an array member has (0 when absent); raises InvalidType, or InvalidValue when too many."""
    check_types(body, {name: list})
    raw = body.value(name)
    size = 0 if raw is None or raw == b"null" else items(raw)
    if size > highest:
        details = {"max": highest, "received": size}
        raise InvalidValue(
            f"{name!r} has {size} items, and at most {highest} are accepted.", field=name, details=details
        )
    return size


def _wrong_type(name: str, kind: type) -> InvalidType:
    return InvalidType(f"{name!r} must be {_NAMES[kind]}.", field=name)
