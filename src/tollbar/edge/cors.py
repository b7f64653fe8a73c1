"""Which pages of other sites may have their visitors' browsers call (the CORS protocol of the Fetch standard).

Guarantees: only addresses that a key for calls opens are ever open; administration, metrics and the handing out of
keys never are, whoever asks. Credentials of the browser's own (cookies) are never allowed: a page has to bring a key.
Without an `Origin` header a request passes untouched; where nothing is open, this layer is not there at all.
"""

import re

from tollbar.edge.line import Headers, Message, Receive, Send
from tollbar.edge.middleware import AccessLog, Application, Scope
from tollbar.edge.origins import Origins
from tollbar.edge.routes import CALLS, PAGES, Access, pattern_of
from tollbar.edge.telemetry import Memory

PREFLIGHT_SECONDS = 600
EXPOSED = (
    "x-request-id",
    *(f"x-ratelimit-{what}-{unit}" for unit in ("requests", "tokens") for what in ("limit", "remaining", "reset")),
    *("retry-after", "x-should-retry", "x-process-time", "x-memory-used", "x-memory-delta"),
    *(
        "x-tollbar-target",
        "x-tollbar-replayed",
        "x-tollbar-clamped",
        "x-tollbar-queue-position",
        "x-tollbar-queue-seconds",
    ),
)
"""The headers of ours that a page may read; by itself a browser shows it only a few."""
LONGEST_LIST = 4_000
_NAMES = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:[ \t]*,[ \t]*[A-Za-z0-9!#$%&'*+.^_`|~-]+)*")
_OPEN = tuple((pattern_of(row.path), row.method) for row in (*CALLS, *PAGES) if row.access is Access.KEY)


class Cors:
    """Tells browsers that pages of these origins may call, and answers their preflights."""

    def __init__(self, application: Application, origins: Origins, memory: Memory) -> None:
        self._application = application
        self._preflight = AccessLog(self._permit, memory)
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection event."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        headers: Headers = scope["headers"]  # type: ignore[assignment]
        origin = next((value for name, value in headers if name == b"origin"), None)
        if origin is None or not (self._origins.allow(origin) and open_methods(str(scope["path"]))):
            await self._application(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await self._preflight(scope, receive, send)
        else:
            await self._application(scope, receive, self._telling(origin, send))

    def _telling(self, origin: bytes, send: Send) -> Send:
        """A `send` that adds to the answer's head what the browser needs in order to show it to the page."""
        permission = [*self._origin_headers(origin), (b"access-control-expose-headers", ", ".join(EXPOSED).encode())]

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *permission]  # type: ignore[misc]
            await send(message)

        return sending

    async def _permit(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a preflight. Any header may be sent along: which of them count is decided where they are read."""
        headers = dict(scope["headers"])  # type: ignore[call-overload]
        wanted = headers.get(b"access-control-request-headers", b"")
        permission = [
            *self._origin_headers(headers[b"origin"]),
            (b"access-control-allow-methods", ", ".join(open_methods(str(scope["path"]))).encode()),
            (b"access-control-max-age", str(PREFLIGHT_SECONDS).encode()),
            (b"vary", b"access-control-request-headers"),
        ]
        if len(wanted) <= LONGEST_LIST and _NAMES.fullmatch(wanted):
            permission.append((b"access-control-allow-headers", wanted))
        await send({"type": "http.response.start", "status": 204, "headers": permission})
        await send({"type": "http.response.body", "body": b""})

    def _origin_headers(self, origin: bytes) -> Headers:
        if self._origins.is_any:
            return [(b"access-control-allow-origin", b"*")]
        return [(b"access-control-allow-origin", origin), (b"vary", b"origin")]


def open_methods(path: str) -> list[str]:
    """The methods that a page may use on an address; none where it may not be called."""
    return list(dict.fromkeys(method for pattern, method in _OPEN if pattern.match(path)))
