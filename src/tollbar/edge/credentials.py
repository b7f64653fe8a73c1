"""Where a key may be: in one of five headers and, where a setting lets it, in the address of `/response` or Google's.

The same key in two places is fine, two keys are not.
"""

from collections.abc import Sequence

from tollbar.domain.errors import InvalidKey
from tollbar.domain.identity import Credential

BEARER = b"bearer "
PLACES = (b"x-api-key", b"x_api_key", b"api-key", b"x-goog-api-key")
_OTHERS = frozenset(PLACES)

GOOGLE_PLACE = "/v1beta/"
"""Where Google's clients ask, some of which send `?key=`."""


def may_be_in_address(path: str) -> bool:
    """Whether a key in the address may count: at `/response`, by the callers of the first system, and at Google's."""
    return path == "/response" or path.startswith(GOOGLE_PLACE)


def credential_in(headers: Sequence[tuple[bytes, bytes]], in_query: Sequence[str] = ()) -> Credential | None:
    """The credential that came with a request, None when none did; raises InvalidKey when it is ambiguous."""
    fields = dict(headers)
    if len(fields) != len(headers):
        _refuse_twice(headers)
    found = _bearer(fields.get(b"authorization"))
    for place in () if _OTHERS.isdisjoint(fields) else PLACES:
        value = fields.get(place)
        text = value.strip().decode("latin-1") if value is not None else ""
        if not text:
            continue
        if found is not None and found.text != text:
            raise InvalidKey(f"The request carries two different keys: in {found.place} and in {place.decode()}.")
        found = found or Credential(text, place.decode())
    for text in in_query:
        if found is not None and found.text != text:
            raise InvalidKey(f"The request carries two different keys: in {found.place} and in its address.")
        found = found or (Credential(text, "query") if text else None)
    return found


def _bearer(value: bytes | None) -> Credential | None:
    if value is None:
        return None
    if value[:7].lower() != BEARER:
        raise InvalidKey("The Authorization header is not of the form 'Bearer KEY'.")
    text = value[7:].strip().decode("latin-1")
    return Credential(text, "authorization") if text else None


def _refuse_twice(headers: Sequence[tuple[bytes, bytes]]) -> None:
    """A header that carries a key may come once: whoever reads the other one would see another caller."""
    names = [name for name, _ in headers]
    for name in (b"authorization", *PLACES):
        if names.count(name) > 1:
            raise InvalidKey(f"The request carries two {name.decode().title()} headers.", hint="Send exactly one.")
