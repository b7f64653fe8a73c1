"""The fields of a simple request: from a JSON body or, where an address takes them so, from its query.

Of several faults the first is told in the order JSON, missing, type, value. Fields that nobody here knows are passed
over, as the systems did whose clients call these addresses.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from tollbar.domain.errors import InvalidType, InvalidValue, MissingField
from tollbar.wire import reading
from tollbar.wire.body import scan
from tollbar.wire.dialect import Incoming

MAX_PARAMETERS = 100
# What FastAPI, behind which these addresses stood before, takes for a boolean in a query.
_WORDS = {
    **dict.fromkeys(("true", "1", "on", "t", "yes", "y"), True),
    **dict.fromkeys(("false", "0", "off", "f", "no", "n"), False),
}

Kinds = Mapping[str, type]


def fields_of(incoming: Incoming, kinds: Kinds, required: str, from_query: bool) -> dict[str, Any]:
    """The values that a request gives, each of its kind, `stream` from its query included.

    Raises InvalidJson, MissingField, InvalidType, or InvalidValue for what is given twice or is no text.
    """
    parameters = _parameters(incoming.query)
    if from_query and not incoming.body.strip():
        if required not in parameters:
            raise MissingField(f"The field {required!r} is missing.", field=required)
        return {name: _typed(name, parameters[name], kind) for name, kind in kinds.items() if name in parameters}
    body = scan(incoming.body)
    reading.demand(body, required)
    found = reading.head(body, kinds)
    if "stream" in parameters:
        found["stream"] = _typed("stream", parameters["stream"], bool)
    return found


def check_text(found: Mapping[str, Any], name: str, most: int) -> str:
    """A text that says something, within its length; raises InvalidValue."""
    text: str = found[name]
    size = len(text) if text.strip() else 0
    if 1 <= size <= most:
        return text
    details = {"min": 1, "max": most, "received": size}
    wrong = f"must not be longer than {most} characters" if size else "must not be empty"
    raise InvalidValue(f"{name!r} {wrong}.", field=name, details=details)


def check_number(found: Mapping[str, Any], name: str, lowest: float, highest: float) -> float | None:
    """A number within its bounds, None when it is absent; raises InvalidValue."""
    value: float | None = found.get(name)
    if value is None or lowest <= value <= highest:
        return value
    details = {"min": lowest, "max": highest, "received": value}
    raise InvalidValue(f"{name!r} must be between {lowest} and {highest}.", field=name, details=details)


def _parameters(query: bytes) -> dict[str, str]:
    if not query:
        return {}
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise InvalidValue(f"The address has more than {MAX_PARAMETERS} parameters.") from None
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)[:64]
        raise InvalidValue(f"The parameter {twice!r} is given twice.", field=twice)
    return parameters


def _typed(name: str, text: str, kind: type) -> object:
    """A parameter's text as a value of its kind; raises InvalidType."""
    if kind is str:
        return text
    if kind is bool:
        value = _WORDS.get(text.lower())
        if value is not None:
            return value
        raise InvalidType(f"{name!r} must be true or false.", field=name)
    if text.removeprefix("-").isdecimal() and len(text) <= reading.MOST_DIGITS:
        return int(text)
    raise InvalidType(f"{name!r} must be a whole number.", field=name)
