"""Lists a page at a time, as OpenAI has them: how many, and after which one."""

from collections.abc import Mapping, Sequence
from typing import Any

from tollbar.domain.errors import InvalidValue

LONGEST_NUMBER = 19
Item = Mapping[str, Any]


def number_in(query: Mapping[str, str], name: str, usual: int, most: int) -> int:
    """A whole number from 1 to `most` in a query, `usual` where it has none; raises InvalidValue."""
    text = query.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER and 1 <= int(text) <= most):
        raise InvalidValue(f"{name!r} must be a whole number from 1 to {most}, not {text[:64]!r}.", field=name)
    return int(text)


def page_of(items: Sequence[Item], query: Mapping[str, str], usual: int, most: int) -> dict[str, object]:
    """The items behind the one that `after` names, `limit` of them at the most; raises InvalidValue.

    Each item has an `id`.
    """
    start, after = 0, query.get("after")
    if after:
        start = next((place for place, item in enumerate(items, 1) if item["id"] == after), 0)
        if not start:
            raise InvalidValue("'after' names nothing in this list.", field="after")
    end = start + number_in(query, "limit", usual, most)
    page = items[start:end]
    first, last = (page[0]["id"], page[-1]["id"]) if page else (None, None)
    return {"object": "list", "data": page, "first_id": first, "last_id": last, "has_more": end < len(items)}
