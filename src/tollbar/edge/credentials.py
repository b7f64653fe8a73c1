"""Where a key may be: in one of five headers. The same key in two places is fine, two keys are not."""

from collections.abc import Iterable

from tollbar.domain.errors import InvalidKey
from tollbar.domain.identity import Credential

BEARER = b"bearer "
PLACES = frozenset((b"x-api-key", b"x_api_key", b"api-key", b"x-goog-api-key"))


def credential_in(headers: Iterable[tuple[bytes, bytes]]) -> Credential | None:
    """The credential that came with a request, None when none did; raises InvalidKey when it is ambiguous."""
    found: Credential | None = None
    authorizations = 0
    for name, value in headers:
        if name == b"authorization":
            authorizations += 1
            if authorizations > 1:
                raise InvalidKey("The request carries two Authorization headers.", hint="Send exactly one.")
            if value[:7].lower() != BEARER:
                raise InvalidKey("The Authorization header is not of the form 'Bearer KEY'.")
            value = value[7:]
        elif name not in PLACES:
            continue
        text = value.strip().decode("latin-1")
        if not text:
            continue
        if found is not None and found.text != text:
            raise InvalidKey(f"The request carries two different keys: in {found.place} and in {name.decode()}.")
        found = found or Credential(text, name.decode())
    return found
