"""Typed reads name the member that is at fault."""

import pytest

from tollbar.domain.errors import InvalidType, InvalidValue, MissingField, RequestError
from tollbar.wire.body import Body, scan
from tollbar.wire.reading import bounded, check_count, demand, head


def a_body() -> Body:
    """A body with one member of each kind."""
    return scan(
        rb'{"s":"x","i":7,"w":7.0,"e":7e2,"huge":1e300,"b":true,"f":1.5,"l":[1,2,3],"o":{},"n":null,"half":"\ud800","big":99999999999999999999}'
    )


@pytest.mark.parametrize(
    ("name", "kind", "value"),
    [
        ("s", str, "x"),
        ("i", int, 7),
        ("b", bool, True),
        ("f", float, 1.5),
        ("i", float, 7.0),
        ("big", int, 10**20 - 1),
        ("w", int, 7),
        ("e", int, 700),
    ],
)
def test_a_member_of_its_kind_is_read(name: str, kind: type[object], value: object) -> None:
    """The value comes as that kind, exactly."""
    found = head(a_body(), {name: kind})
    assert found == {name: value}
    assert type(found[name]) is kind


@pytest.mark.parametrize(("name", "kind", "raw"), [("l", list, b"[1,2,3]"), ("o", dict, b"{}")])
def test_lists_and_objects_stay_as_they_came(name: str, kind: type[object], raw: bytes) -> None:
    """What nobody reads is never parsed."""
    assert head(a_body(), {name: kind}) == {name: raw}


@pytest.mark.parametrize("name", ["n", "absent"])
def test_a_member_that_is_absent_or_null_is_not_found(name: str) -> None:
    """Null says no more than silence does."""
    found = head(a_body(), {name: str})
    assert found == {}
    assert bounded(found, name, 1, 2) is None
    assert check_count(found, name, 0) == 0
    with pytest.raises(MissingField) as fault:
        demand(a_body(), "s", name)
    assert fault.value.field == name


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("i", str, "a string"),
        ("b", int, "a whole number"),
        ("f", int, "a whole number"),
        ("huge", int, "a whole number"),
        ("s", int, "a whole number"),
        ("i", bool, "true or false"),
        ("s", float, "a number"),
        ("o", list, "an array"),
        ("s", list, "an array"),
        ("l", dict, "an object"),
        ("half", int, "a whole number"),
    ],
)
def test_a_member_of_another_kind_is_refused_by_name(name: str, kind: type[object], words: str) -> None:
    """No value is bent into a kind that it is not, and the fault says which it should be."""
    with pytest.raises(InvalidType, match=f"'{name}' must be {words}") as fault:
        head(a_body(), {"n": str, name: kind, "absent": int})
    assert fault.value.field == name


def test_half_a_surrogate_pair_is_no_text_that_we_keep() -> None:
    """What we write down ourselves has to be text that can be stored."""
    with pytest.raises(InvalidValue, match="half of a surrogate pair") as fault:
        head(a_body(), {"half": str})
    assert fault.value.field == "half"


@pytest.mark.parametrize(("lowest", "highest", "fits"), [(7, 7, True), (1, 6, False), (8, 9, False), (0, 10, True)])
def test_bounds_are_within_reach(lowest: int, highest: int, fits: bool) -> None:
    """Both bounds are allowed values; beyond them the fault tells the range and what came."""
    found = head(a_body(), {"i": int})
    if fits:
        assert bounded(found, "i", lowest, highest) == 7
        return
    with pytest.raises(InvalidValue) as fault:
        bounded(found, "i", lowest, highest)
    assert (fault.value.field, fault.value.details) == ("i", {"min": lowest, "max": highest, "received": 7})


def test_items_are_counted_up_to_their_limit() -> None:
    """Exactly the limit passes; one more is refused with both figures."""
    found = head(a_body(), {"l": list})
    assert check_count(found, "l", 3) == 3
    with pytest.raises(InvalidValue) as fault:
        check_count(found, "l", 2)
    assert (fault.value.field, fault.value.details) == ("l", {"max": 2, "received": 3})


def test_the_first_missing_member_is_told() -> None:
    """In the order in which they are demanded."""
    with pytest.raises(RequestError) as fault:
        demand(a_body(), "s", "second", "third")
    assert fault.value.field == "second"
