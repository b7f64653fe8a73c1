"""A key in the address: taken out before anybody can write the address down.

Guarantees: what `api_key` holds, and `key` where Google's clients ask, is in no query string that any handler, log line
of ours or access log of the server sees, whether it is read there or not. It is kept beside the request for the routes
that may read it.
"""

from collections.abc import MutableMapping, Sequence
from urllib.parse import unquote_to_bytes

NAMES = frozenset((b"api_key",))
GOOGLE_NAMES = frozenset((b"api_key", b"key"))
GOOGLE_PLACES = ("/v1beta/", "/v1/models/")
KEPT = "tollbar.query_keys"


def hide_keys(scope: MutableMapping[str, object]) -> None:
    """Takes every key out of a request's query string; `hidden_keys` has them then."""
    query = scope.get("query_string")
    if not isinstance(query, bytes) or not query:
        return
    names = GOOGLE_NAMES if str(scope.get("path", "")).startswith(GOOGLE_PLACES) else NAMES
    kept: list[bytes] = []
    taken: list[str] = []
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        if _read(name) in names:
            taken.append(_read(value).decode("utf-8", "replace"))
        else:
            kept.append(pair)
    if taken:
        # In place: the server that made the scope writes its access log from it.
        scope["query_string"] = b"&".join(kept)
        scope[KEPT] = tuple(taken)


def hidden_keys(scope: object) -> Sequence[str]:
    """The keys that were in the address."""
    return scope.get(KEPT, ()) if isinstance(scope, MutableMapping) else ()


def _read(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" ")).strip()
