"""JSON in and out of the control plane.

Guarantees: only `application/json` is read (a form, which other sites may post, never is), within a size of its own and
the bounds that hold for calls: UTF-8, depth, digits, no field twice. Unknown fields are refused by name. A fault names
its field. Answers keep decimals exact and are never cached.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, TypeVar

import msgspec
from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from tollbar.domain.errors import InvalidType, InvalidValue, MissingField, PayloadTooLarge, RequestError
from tollbar.edge.receiving import read_body
from tollbar.wire.body import scan

MAX_BODY_BYTES = 1024 * 1024
MOST_FAULTS = 20
MAX_PATH = 100

NOT_KEPT = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
"""Headers of what nobody on the way may keep, or take for something else than it says."""

Shape = TypeVar("Shape", bound=BaseModel)

_ENCODE = msgspec.json.Encoder(decimal_format="number").encode


async def read(request: Request, shape: type[Shape]) -> Shape:
    """The body as a `shape`; raises RequestError naming the field at fault. No body at all is an empty object."""
    raw = await read_raw(request)
    if not raw:
        raw = b"{}"
    else:
        _check_type(request.scope["headers"])
    scan(raw)
    try:
        return shape.model_validate(json.loads(raw, parse_float=Decimal))
    except ValidationError as fault:
        raise fault_in(fault.errors(include_url=False, include_input=False), list(shape.model_fields)) from None


async def read_raw(request: Request) -> bytes:
    """The body as it is, of whatever type; raises PayloadTooLarge."""
    headers: list[tuple[bytes, bytes]] = request.scope["headers"]
    try:
        raw = await read_body(headers, request.receive, MAX_BODY_BYTES)
    except PayloadTooLarge:
        raise _too_large() from None
    if len(raw) > MAX_BODY_BYTES:
        raise _too_large()
    return raw


def answer(value: BaseModel | Mapping[str, object], status: int = 200) -> Response:
    """A JSON answer; decimals are written as exact numbers, moments in UTC as RFC 3339."""
    content = value.model_dump() if isinstance(value, BaseModel) else value
    return document(_ENCODE(content), status)


def document(raw: bytes, status: int = 200) -> Response:
    """A JSON answer that is written already."""
    return Response(raw, status, NOT_KEPT, media_type="application/json")


def fault_in(faults: Sequence[Mapping[str, Any]], known: Sequence[str] = ()) -> RequestError:
    """The first of pydantic's faults as an error of ours: missing, then type, then value; all in its details."""
    errors = sorted((_error(fault, known) for fault in faults), key=lambda error: _ORDER.index(type(error)))
    if not errors:
        return InvalidValue("The request is not acceptable.")
    told = [{"field": error.field, "message": error.message} for error in errors[:MOST_FAULTS]]
    first = errors[0]
    return type(first)(first.message, hint=first.hint, field=first.field, details={"faults": told})


_ORDER: tuple[type[RequestError], ...] = (MissingField, InvalidType, InvalidValue)


def _error(fault: Mapping[str, Any], known: Sequence[str]) -> RequestError:
    kind = str(fault["type"])
    field = _path(fault["loc"])
    _, _, should = str(fault["msg"]).rpartition(" should ")
    match kind:
        case "missing":
            return MissingField(f"The field {field!r} is missing.", field=field)
        case "extra_forbidden":
            near = get_close_matches(field, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(known)}."
            return InvalidValue(f"The field {field!r} is not known here.", field=field, hint=hint)
        case "decimal_type" | "decimal_parsing":
            return InvalidType(f"{field!r} must be a number.", field=field)
        case _ if not field:
            return InvalidType("The body must be an object.")
        case _ if kind.endswith(("_type", "_parsing")):
            return InvalidType(f"{field!r} must {should}.", field=field)
        case _:
            return InvalidValue(f"{field!r} must {should}.", field=field)


def _path(place: Sequence[str | int]) -> str:
    """`allowances[0].amount`, as people write it."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")[:MAX_PATH]


def _check_type(headers: Sequence[tuple[bytes, bytes]]) -> None:
    kinds = [value.partition(b";")[0].strip().lower() for name, value in headers if name == b"content-type"]
    if kinds == [b"application/json"]:
        return
    sent = repr(kinds[0][:100].decode("latin-1")) if kinds else "nothing"
    raise InvalidValue(f"The Content-Type must be 'application/json', and was {sent}.", field="content-type")


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is larger than {MAX_BODY_BYTES} bytes.", details={"max": MAX_BODY_BYTES})
