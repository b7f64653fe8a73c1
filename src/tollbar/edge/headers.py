"""The headers that our answers carry beside the content: the request's id, how limits stand, whether to try again."""

import math
from collections.abc import Sequence

from tollbar.domain.errors import GatewayError, Overloaded, RateLimited
from tollbar.domain.limits import Measure, Room

OVERLOADED_RETRY_SECONDS = 1


def request_id_header(request_id: str) -> tuple[bytes, bytes]:
    """`x-request-id`: finds the log line."""
    return (b"x-request-id", request_id.encode())


def limit_headers(rooms: Sequence[Room]) -> list[tuple[bytes, bytes]]:
    """`x-ratelimit-*` for requests and tokens, each from the limit that is nearest to its end."""
    headers: list[tuple[bytes, bytes]] = []
    for measure in (Measure.REQUESTS, Measure.TOKENS):
        standing = [room for room in rooms if room.limit.measure is measure]
        if not standing:
            continue
        room = min(standing, key=lambda each: each.remaining / each.limit.amount)
        kind = measure.value.encode()
        headers += [
            (b"x-ratelimit-limit-" + kind, str(room.limit.amount).encode()),
            (b"x-ratelimit-remaining-" + kind, str(max(0, room.remaining)).encode()),
            (b"x-ratelimit-reset-" + kind, f"{math.ceil(room.reset_seconds)}s".encode()),
        ]
    return headers


def error_headers(error: GatewayError) -> list[tuple[bytes, bytes]]:
    """`Retry-After` where waiting helps, and `x-should-retry: false` where the SDKs' own retries cannot help."""
    headers: list[tuple[bytes, bytes]] = []
    if isinstance(error, RateLimited):
        headers.append((b"retry-after", str(max(1, math.ceil(error.retry_after_seconds))).encode()))
    elif isinstance(error, Overloaded):
        headers.append((b"retry-after", str(OVERLOADED_RETRY_SECONDS).encode()))
    if not error.may_retry:
        headers.append((b"x-should-retry", b"false"))
    return headers
