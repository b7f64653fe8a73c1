"""Fields come from a body or from the address; faults are told in their order."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from tollbar.domain.errors import GatewayError, InvalidJson, InvalidType, InvalidValue, MissingField
from tollbar.wire.dialect import Incoming
from tollbar.wire.simple.fields import MAX_PARAMETERS, check_number, check_text, fields_of

KINDS: Mapping[str, type] = {"prompt": str, "tokens": int, "heat": float, "stream": bool}


def given(body: object = None, query: str = "", from_query: bool = False) -> dict[str, Any]:
    """The fields of a request."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return fields_of(Incoming(raw, query=query.encode()), KINDS, "prompt", from_query)


def test_a_body_gives_what_is_known_and_not_null() -> None:
    """Unknown fields are passed over."""
    body = {"prompt": "Hi", "tokens": 5, "heat": 1, "stream": True, "other": [1], "x": None}
    assert given(body) == {"prompt": "Hi", "tokens": 5, "heat": 1.0, "stream": True}
    assert given({"prompt": "Hi", "tokens": None}) == {"prompt": "Hi"}


@pytest.mark.parametrize(
    ("body", "kind", "field"),
    [
        (b"", InvalidJson, None),
        (b"{", InvalidJson, None),
        (b'{"prompt": "\xff"}', InvalidJson, None),
        (b'{"prompt": ' + b"[" * 99 + b"]" * 99 + b"}", InvalidJson, None),
        (b'{"tokens": ' + b"9" * 99 + b"}", InvalidJson, None),
        (b"[]", InvalidType, None),
        ({"tokens": "many"}, MissingField, "prompt"),
        ({"prompt": None}, MissingField, "prompt"),
        ({"prompt": 5}, InvalidType, "prompt"),
        ({"prompt": "", "tokens": "many"}, InvalidType, "tokens"),
        ({"prompt": "x", "tokens": 1.5}, InvalidType, "tokens"),
        ({"prompt": "x", "tokens": True}, InvalidType, "tokens"),
        ({"prompt": "x", "heat": "1"}, InvalidType, "heat"),
        ({"prompt": "x", "stream": "yes"}, InvalidType, "stream"),
        (b'{"prompt": "x", "prompt": "y"}', InvalidValue, "prompt"),
        (b'{"prompt": "a\\ud800"}', InvalidValue, "prompt"),
    ],
)
def test_a_fault_in_the_body_names_its_field(body: object, kind: type[GatewayError], field: str | None) -> None:
    """JSON before what is missing, that before a type."""
    with pytest.raises(kind) as fault:
        given(body)
    assert fault.value.field == field


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("1", True), ("YES", True), ("on", True), ("false", False), ("0", False)]
)
def test_stream_in_the_address_goes_before_the_body(text: str, value: bool) -> None:
    """In any of the words that a framework would have taken for it."""
    assert given({"prompt": "x", "stream": not value}, f"stream={text}")["stream"] is value


@pytest.mark.parametrize("text", ["", "maybe", "2", "truetrue"])
def test_stream_is_true_or_false(text: str) -> None:
    """Any other word is a fault of type."""
    with pytest.raises(InvalidType) as fault:
        given({"prompt": "x"}, f"stream={text}")
    assert fault.value.field == "stream"


def test_an_address_can_say_it_all() -> None:
    """Where it may, and where there is no body; what it says is decoded."""
    query = urlencode({"prompt": "Grüße & more", "tokens": "200", "stream": "true", "api_key": "x"})
    expected = {"prompt": "Grüße & more", "tokens": 200, "stream": True}
    assert given(b"", query, from_query=True) == expected
    assert given(b" \n", query, from_query=True) == expected
    assert given({"prompt": "body"}, query, from_query=True) == {"prompt": "body", "stream": True}
    with pytest.raises(InvalidJson):
        given(b"", query)


@pytest.mark.parametrize(
    ("query", "kind", "field"),
    [
        ("", MissingField, "prompt"),
        ("tokens=5", MissingField, "prompt"),
        ("prompt=x&tokens=many", InvalidType, "tokens"),
        ("prompt=x&tokens=1.5", InvalidType, "tokens"),
        ("prompt=x&tokens=" + "9" * 5_000, InvalidType, "tokens"),
        ("prompt=x&prompt=y", InvalidValue, "prompt"),
        ("&".join(f"p{number}=1" for number in range(MAX_PARAMETERS + 1)), InvalidValue, None),
    ],
)
def test_a_fault_in_the_address_names_its_field(query: str, kind: type[GatewayError], field: str | None) -> None:
    """The same faults in the same order."""
    with pytest.raises(kind) as fault:
        given(b"", query, from_query=True)
    assert fault.value.field == field


@pytest.mark.parametrize(("text", "received"), [("", 0), (" \n\t", 0), ("x" * 11, 11), (" " * 11, 0)])
def test_a_text_says_something_within_its_length(text: str, received: int) -> None:
    """Characters are counted, not bytes; the bounds are in the details."""
    assert check_text({"prompt": "é" * 10}, "prompt", 10) == "é" * 10
    with pytest.raises(InvalidValue) as fault:
        check_text({"prompt": text}, "prompt", 10)
    assert (fault.value.field, fault.value.details) == ("prompt", {"min": 1, "max": 10, "received": received})


def test_a_number_is_within_its_bounds() -> None:
    """Both included; absent is fine."""
    assert [check_number({"heat": value}, "heat", 0, 2) for value in (0, 2, 0.5)] == [0, 2, 0.5]
    assert check_number({}, "heat", 0, 2) is None
    for value in (-0.001, 2.001, 3.5):
        with pytest.raises(InvalidValue) as fault:
            check_number({"heat": value}, "heat", 0, 2)
        assert fault.value.details == {"min": 0, "max": 2, "received": value}
        assert fault.value.message == "'heat' must be between 0 and 2."
