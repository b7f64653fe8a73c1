"""What a browser may be made to do by somebody else's page, and must not be.

For addresses where a plain GET changes something or a cookie opens something: a request must name this server by an
address that nobody else can point here, must not come from another site, and must not be a guess at what a person will
open next.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from tollbar.domain.errors import NotAllowed

# A name can be pointed at any address by who owns it; a literal address, or localhost, cannot.
_LITERAL = re.compile(r"(localhost|\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]{2,45}\])(:\d{1,5})?", re.IGNORECASE)


def refuse_foreign(headers: Sequence[tuple[bytes, bytes]], public_url: str | None) -> None:
    """Raises NotAllowed for a request that another site may have caused; `public_url` is how browsers reach us."""
    hosts = [value.decode("latin-1").strip().lower() for name, value in headers if name == b"host"]
    if len(hosts) > 1 or not all(_is_ours(host, public_url) for host in hosts):
        hint = "Use its address in numbers, or set 'server.public_url' to the name it is reached by."
        raise NotAllowed("This gateway is not known by the name in the Host header.", hint=hint)
    fields = {name: value.decode("latin-1").strip().lower() for name, value in headers if name.startswith(b"sec-")}
    if fields.get(b"sec-fetch-site", "none") not in ("none", "same-origin"):
        raise NotAllowed("This address does not answer what another site asks for.", hint="Open it by itself.")
    if "prefetch" in fields.get(b"sec-purpose", ""):
        raise NotAllowed("This address is not there to be fetched ahead of time.", hint="Open it.")


def _is_ours(host: str, public_url: str | None) -> bool:
    if _LITERAL.fullmatch(host):
        return True
    return public_url is not None and host == urlsplit(public_url).netloc.lower()
