"""The settings as a table: every field with its dotted name, type, default, unit, environment names and text.

Read from the declarations alone, so that the loader, the documentation, the JSON schema and the messages cannot differ.
"""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tollbar.settings.fields import Rate, Section
from tollbar.settings.secret import Secret
from tollbar.settings.values import Declared, Settings

EACH = "NAME"
PLANNED = "planned: has no effect yet"
_TYPE_WORDS = {bool: "true or false", int: "whole number", float: "number", Decimal: "number", str: "text"}


@dataclass(frozen=True, slots=True)
class Row:
    """One setting. `location` holds `NAME` where an entry of the user's own stands."""

    location: tuple[str, ...]
    kind: str
    default: str
    unit: str
    environment: tuple[str, ...]
    text: str
    is_planned: bool

    @property
    def name(self) -> str:
        """The dotted name."""
        return ".".join(self.location)


@dataclass(frozen=True, slots=True)
class Block:
    """A section of the table: its dotted name (empty for the top), what it is for, and its settings."""

    name: str
    text: str
    rows: tuple[Row, ...]
    is_planned: bool


def blocks() -> tuple[Block, ...]:
    """Every section, the top level first, in the order of declaration."""
    return tuple(_blocks(Declared, (), "What stands at the top level of the file."))


def rows() -> tuple[Row, ...]:
    """Every setting of every section."""
    return tuple(row for block in blocks() for row in block.rows)


def environment_names() -> dict[str, tuple[str, ...]]:
    """Where each environment name goes, in the order in which several names of one setting are tried."""
    return {name: row.location for row in rows() for name in row.environment}


def find_section(location: tuple[str, ...]) -> type[Section] | None:
    """The section that stands at a location of a settings file; None where none does, or where any name may stand."""
    section: type[Section] | None = Declared
    remaining = list(location)
    while section is not None and remaining:
        field = section.model_fields.get(remaining.pop(0))
        if field is None:
            return None
        section = _section_of(field)
        if section is not None and _is_mapping(field):
            if not remaining:
                return None
            remaining.pop(0)
    return section


def find_field(location: tuple[str, ...]) -> FieldInfo | None:
    """The declaration of the setting at a location, or of the one that what stands there is a part of."""
    if not location:
        return None
    section = find_section(location[:-1])
    if section is not None:
        return section.model_fields.get(location[-1])
    above = find_field(location[:-1])
    return above if above is not None and _section_of(above) is None else None


def planned_part(location: tuple[str, ...]) -> tuple[str, ...] | None:
    """The part of a location that is declared as planned, which is the setting or a section around it; else None."""
    beginnings = (location[:length] for length in range(1, len(location) + 1))
    return next((part for part in beginnings if (field := find_field(part)) and _extra(field).get("planned")), None)


def kind_of(field: FieldInfo) -> str:
    """The type of a field in words."""
    return _kind(field.annotation, field)


def kind_at(location: tuple[str, ...]) -> str | None:
    """The same of what stands at a location, which may be a part of a list, or an entry; None where nothing may."""
    field, depth = find_field(location), 0
    while field is not None and find_section(location[:-1]) is None:
        location, depth = location[:-1], depth + 1
    annotation = None if field is None else field.annotation
    for _ in range(depth):
        annotation = _inner(annotation)
    return None if field is None else _kind(annotation, field)


@dataclass(frozen=True, slots=True)
class Effective:
    """A setting in force: its dotted name, its value with secrets masked, and where it came from."""

    name: str
    value: str
    origin: str


def effective(settings: Settings) -> tuple[Effective, ...]:
    """Every setting in force, in the order of declaration; of entries such as models, what they say themselves."""
    found = [*_effective(settings, Declared, (), settings.origins, is_entry=False)]
    found += [Effective(name, str(secret), settings.origins[name]) for name, secret in settings.secrets.items()]
    return tuple(found)


def show(value: Any) -> str:
    """A setting's value as people read it. Secrets, and passwords within addresses, are masked."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case Secret() | Rate() | Path() | Decimal() | int():
            return str(value)
        case float():
            return f"{value:g}"
        case str():
            return mask_password(value) if value else "empty"
        case tuple() | list():
            return ", ".join(show(item) for item in value) if value else "none"
        case Mapping():
            return ", ".join(value) if value else "none"
    return str(value)


def mask_password(text: str) -> str:
    """An address with the password that it may carry hidden."""
    head, separator, tail = text.partition("://")
    if not separator or "@" not in tail:
        return text
    return f"{head}://***@{tail.rpartition('@')[2]}"


def _effective(
    section: Section,
    declaration: type[Section],
    location: tuple[str, ...],
    origins: Mapping[str, str],
    *,
    is_entry: bool,
) -> Iterator[Effective]:
    for name, field in declaration.model_fields.items():
        value, here = getattr(section, name), (*location, name)
        if is_entry and name not in section.model_fields_set:
            continue
        match value:
            case Section():
                yield from _effective(value, type(value), here, origins, is_entry=is_entry)
            case Mapping() if _section_of(field) is not None:
                for key, entry in value.items():
                    yield from _effective(entry, type(entry), (*here, key), origins, is_entry=True)
            case Mapping() if value:
                for key, entry in value.items():
                    dotted_name = ".".join((*here, key))
                    yield Effective(dotted_name, show(entry), origins.get(dotted_name) or origins[".".join(here)])
            case _:
                dotted_name = ".".join(here)
                short_form = origins.get(".".join(location)) if is_entry else None
                shown = f"{show(value)} ({PLANNED})" if planned_part(here) else show(value)
                yield Effective(dotted_name, shown, origins.get(dotted_name) or short_form or "default")


def _blocks(section: type[Section], location: tuple[str, ...], text: str) -> Iterator[Block]:
    plain: list[Row] = []
    inner: list[tuple[type[Section], tuple[str, ...], str]] = []
    for name, field in section.model_fields.items():
        child, here = _section_of(field), (*location, name)
        description = field.description or ""
        if child is None or (name == "timeouts" and location):  # the overrides repeat the general time-outs
            plain.append(_row(here, field))
        else:
            inner.append((child, (*here, EACH) if _is_mapping(field) else here, description))
    yield Block(".".join(location), text, tuple(plain), planned_part(location) is not None)
    for child, here, description in inner:
        yield from _blocks(child, here, description)


def _row(location: tuple[str, ...], field: FieldInfo) -> Row:
    extra = _extra(field)
    environment = extra.get("environment")
    return Row(
        location=location,
        kind=kind_of(field),
        default="required" if field.is_required() else show(_default(field)),
        unit=str(extra.get("unit", "")),
        environment=tuple(str(name) for name in environment) if isinstance(environment, list) else (),
        text=field.description or "",
        is_planned=planned_part(location) is not None,
    )


def _extra(field: FieldInfo) -> Mapping[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def _default(field: FieldInfo) -> Any:
    value = field.get_default(call_default_factory=True, validated_data={})
    return None if isinstance(value, BaseModel) else value


def _section_of(field: FieldInfo) -> type[Section] | None:
    return next(
        (part for part in _parts(field.annotation) if isinstance(part, type) and issubclass(part, Section)), None
    )


def _is_mapping(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is not None and issubclass(get_origin(field.annotation) or object, Mapping)


def _inner(annotation: Any) -> Any:
    """What a list or a block of names holds."""
    if hasattr(annotation, "__metadata__"):
        return _inner(get_args(annotation)[0])
    arguments = [argument for argument in get_args(annotation) if argument not in (type(None), ...)]
    return arguments[-1] if get_origin(annotation) not in (Union, types.UnionType) else _inner(arguments[0])


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)


def _kind(annotation: Any, field: FieldInfo | None = None) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{argument}`" for argument in arguments)
    if origin in (Union, types.UnionType):
        return next(_kind(argument) for argument in arguments if argument is not type(None))
    if origin is tuple:
        return f"list of {_kind(arguments[0])}s"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"block of names, each with a {_kind(arguments[1])}"
    if hasattr(annotation, "__metadata__"):
        return _kind(arguments[0])
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return "block"
    return {Secret: "secret", Rate: "rate", Path: "path", **_TYPE_WORDS}.get(annotation, "text")
