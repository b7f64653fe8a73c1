"""JSON in and out: faults as errors of ours, amounts to the last digit."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tollbar.domain.errors import InvalidType, InvalidValue, MissingField, RequestError
from tollbar.edge.bodies import answer, fault_in


class Part(BaseModel):
    """A part of a shape."""

    model_config = ConfigDict(strict=True, extra="forbid")
    amount: int = Field(ge=0)


class Whole(BaseModel):
    """A shape with something of every kind."""

    model_config = ConfigDict(strict=True, extra="forbid")
    name: str = Field(min_length=2)
    parts: list[Part] = []


def fault_of(document: object) -> RequestError:
    """The error that a document leads to."""
    with pytest.raises(ValidationError) as caught:
        Whole.model_validate(document)
    return fault_in(caught.value.errors(), list(Whole.model_fields))


@pytest.mark.parametrize(
    ("document", "kind", "field", "message"),
    [
        ({}, MissingField, "name", "The field 'name' is missing."),
        ({"name": 3}, InvalidType, "name", "'name' must be a valid string."),
        ({"name": "a"}, InvalidValue, "name", "'name' must have at least 2 characters."),
        ({"name": "ab", "parts": {}}, InvalidType, "parts", "'parts' must be a valid list."),
        ({"name": "ab", "parts": [{}]}, MissingField, "parts[0].amount", "The field 'parts[0].amount' is missing."),
        (
            {"name": "ab", "parts": [{"amount": -1}]},
            InvalidValue,
            "parts[0].amount",
            "'parts[0].amount' must be greater than or equal to 0.",
        ),
        ({"name": "ab", "nmae": 1}, InvalidValue, "nmae", "The field 'nmae' is not known here."),
        ([], InvalidType, None, "The body must be an object."),
    ],
)
def test_a_fault_names_its_path(document: object, kind: type[RequestError], field: str | None, message: str) -> None:
    """What is wrong and where, as people write paths."""
    error = fault_of(document)
    assert (type(error), error.field, error.message) == (kind, field, message)


def test_of_several_faults_the_most_basic_comes_first_and_all_are_told() -> None:
    """Missing before wrong type before wrong value."""
    error = fault_of({"parts": [{"amount": "x"}, {"amount": -1}], "more": 1})
    assert type(error) is MissingField
    told = error.details["faults"]
    assert isinstance(told, list)
    assert [fault["field"] for fault in told] == ["name", "parts[0].amount", "parts[1].amount", "more"]


def test_a_flood_of_faults_is_cut() -> None:
    """At most twenty are told, and long names in part."""
    error = fault_of({"name": "ab", **{f"x{number}" + "y" * 500: 1 for number in range(100)}})
    told = error.details["faults"]
    assert isinstance(told, list)
    assert len(told) == 20
    assert len(str(error.field)) == 100


def test_no_fault_is_an_error_all_the_same() -> None:
    """Somebody refused the request without a reason."""
    assert type(fault_in([])) is InvalidValue


@given(st.integers(min_value=-(10**18), max_value=10**18), st.integers(min_value=0, max_value=9))
def test_decimals_are_written_to_the_last_digit(digits: int, places: int) -> None:
    """Whatever its size, the number that is read back is the number that was meant."""
    amount = Decimal(digits).scaleb(-places)
    body = answer({"amount": amount}).body
    assert Decimal(bytes(body).decode().removeprefix('{"amount":').removesuffix("}")) == amount


def test_moments_are_written_as_rfc_3339() -> None:
    """RFC 3339: with Z in UTC, with the offset elsewhere."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert answer({"at": moment}).body == b'{"at":"2026-01-01T00:00:00Z"}'
    elsewhere = answer({"at": moment.astimezone(timezone(timedelta(hours=1)))})
    assert elsewhere.body == b'{"at":"2026-01-01T01:00:00+01:00"}'


def test_an_answer_is_not_kept_and_not_guessed_at() -> None:
    """No cache, no sniffing, and its own status."""
    response = answer(Part(amount=1), 201)
    assert (response.status_code, response.body) == (201, b'{"amount":1}')
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-type"] == "application/json"
