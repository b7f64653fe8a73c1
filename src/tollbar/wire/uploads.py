"""What a request names that lies at a provider: files by their ids, and places that only the provider's account opens.

All keys share that account, so the gateway asks whose each is. Guarantee: whatever of this a provider would read is
found, however the body spells it: a member that is escaped or given twice is found, too. A body is read for it only
where its bytes show a mark of it.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tollbar.domain.errors import InvalidJson

TYPED = b'"type"'
"""What the bytes of a body show that holds more than texts; only Google's parts do not say what they are."""
ID = b'"file_id'
"""What the bytes of a body show that names files by their ids."""
MARKS = (ID, b'"gs:', b'"s3:', b"googleapis.com")
"""The same, and what those show that hold the address of a place which is not open to all."""
STORED = re.compile(
    r"(?:gs|s3)://.*|files/.*|https?://[^/]*generativelanguage\.googleapis\.com(?::\d*)?/.*", re.IGNORECASE | re.DOTALL
)
_IDS = frozenset({"file_id", "file_ids", "vector_store_ids", "fileSearchStoreNames", "file_search_store_names"})
_ADDRESSES = frozenset({"url", "image_url", "file_url", "file_data", "fileUri", "file_uri"})
_ESCAPED = re.compile(rb"\\u00[4-7]")
"""A letter or a dash below that need not be escaped: some writers do so with others, and none with these."""


class Words(NamedTuple):
    """What a dialect has for its callers' own words, or for what a model told: members, and types of blocks.

    What looks like the name of a file there is none to a provider.
    """

    members: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()


class _Object(tuple[tuple[str, Any], ...]):
    """A JSON object as its pairs: a dictionary would show one of two that have the same name."""

    __slots__ = ()


def uploads_in(raw: bytes, marks: Sequence[bytes], words: Words) -> tuple[str, ...]:
    """What a body names, each once; nothing is read of one that has none of the `marks`.

    Raises InvalidJson: what we cannot read, a provider might.
    """
    if not (marks and any(mark in raw for mark in marks)) and not _hides(raw):
        return ()
    try:
        document = json.loads(raw, object_pairs_hook=_Object)
    except (ValueError, RecursionError):
        raise InvalidJson("The body names files, and cannot be read whole.") from None
    return tuple(dict.fromkeys(_named(document, words)))


def _hides(raw: bytes) -> bool:
    """Whether something may be escaped that has no need to be, such as the name of a member."""
    return b"\\" in raw and b"\\u00" in raw and _ESCAPED.search(raw) is not None


def _is_told(found: _Object, words: Words) -> bool:
    kinds = [kind for name, kind in found if name == "type"]
    return bool(kinds) and all(isinstance(kind, str) and kind in words.types for kind in kinds)


def _named(value: Any, words: Words) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _named(item, words)
    if not isinstance(value, _Object) or _is_told(value, words):
        return
    for name, inner in value:
        if name in words.members:
            continue
        if name in _IDS:
            yield from (one for one in (inner if isinstance(inner, list) else [inner]) if isinstance(one, str))
        elif isinstance(inner, str):
            if name in _ADDRESSES and STORED.fullmatch(inner):
                yield inner
            continue
        yield from _named(inner, words)
