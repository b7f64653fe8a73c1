"""Numbers and pages that a query asks for."""

import pytest

from tollbar.domain.errors import InvalidValue
from tollbar.edge.paging import number_in, page_of

ITEMS = [{"id": name} for name in "abc"]


def test_a_number_is_the_usual_one_unless_it_is_asked_for() -> None:
    """From 1 to the most."""
    assert [number_in(query, "n", 5, 9) for query in ({}, {"n": "1"}, {"n": "9"})] == [5, 1, 9]


@pytest.mark.parametrize("text", ["0", "10", "-1", "", "x", "1.0", "²", "1" * 30])
def test_what_is_no_such_number_is_refused_by_name(text: str) -> None:
    """However it is wrong."""
    with pytest.raises(InvalidValue, match="'n' must be a whole number from 1 to 9") as fault:
        number_in({"n": text}, "n", 5, 9)
    assert fault.value.field == "n"


@pytest.mark.parametrize(
    ("query", "names", "has_more"),
    [
        ({}, "ab", True),
        ({"limit": "3"}, "abc", False),
        ({"after": "a", "limit": "1"}, "b", True),
        ({"after": "b"}, "c", False),
        ({"after": "c"}, "", False),
        ({"after": ""}, "ab", True),
    ],
)
def test_a_page_begins_behind_an_item_and_has_so_many(query: dict[str, str], names: str, has_more: bool) -> None:
    """It tells its first and last, and whether there are more."""
    first, last = (names[0], names[-1]) if names else (None, None)
    data = [{"id": name} for name in names]
    told = {"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": has_more}
    assert page_of(ITEMS, query, 2, 9) == told


def test_an_item_that_is_not_there_is_refused() -> None:
    """Else a page would begin anew, and a client go round for ever."""
    with pytest.raises(InvalidValue) as fault:
        page_of(ITEMS, {"after": "z"}, 2, 9)
    assert fault.value.field == "after"
