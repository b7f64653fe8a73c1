"""The headers that our answers carry beside the content: the request's id, how limits stand, whether to try again."""

import math
from collections.abc import Sequence
from http import HTTPStatus

from tollbar.domain.catalogue import Target
from tollbar.domain.errors import CallUnderWay, GatewayError, Overloaded, RateLimited, UpstreamBusy
from tollbar.domain.limits import Measure, Room
from tollbar.domain.place import Place
from tollbar.edge.telemetry import Memory
from tollbar.gateway.visit import Visit

OVERLOADED_RETRY_SECONDS = 1
LONGEST_RETRY_SECONDS = 61
"""A minute's window has room again within so many seconds. Who would have to wait for a day's is told not to try."""


_REQUESTS, _TOKENS = (
    tuple(f"x-ratelimit-{what}-{measure.value}".encode() for what in ("limit", "remaining", "reset"))
    for measure in (Measure.REQUESTS, Measure.TOKENS)
)


def limit_headers(rooms: Sequence[Room]) -> list[tuple[bytes, bytes]]:
    """`x-ratelimit-*` for requests and tokens, each from the limit that is nearest to its end."""
    requests: Room | None = None
    tokens: Room | None = None
    for room in rooms:
        measure = room.limit.measure
        if measure is Measure.REQUESTS:
            requests = room if requests is None else _nearer(room, requests)
        elif measure is Measure.TOKENS:
            tokens = room if tokens is None else _nearer(room, tokens)
    headers: list[tuple[bytes, bytes]] = []
    if requests is not None:
        headers += zip(_REQUESTS, _figures(requests), strict=True)
    if tokens is not None:
        headers += zip(_TOKENS, _figures(tokens), strict=True)
    return headers


def _nearer(room: Room, other: Room) -> Room:
    return room if room.remaining * other.limit.amount < other.remaining * room.limit.amount else other


def _figures(room: Room) -> tuple[bytes, bytes, bytes]:
    _, limit, remaining, reset_seconds = room
    return b"%d" % limit.amount, b"%d" % (max(0, remaining)), b"%ds" % math.ceil(reset_seconds)


def place_headers(place: Place) -> list[tuple[bytes, bytes]]:
    """Where a call stood before a local model when it came, 0 for no wait, and how long that was expected to take."""
    return [
        (b"x-tollbar-queue-position", b"%d" % place.position),
        (b"x-tollbar-queue-seconds", b"%.1f" % place.seconds),
    ]


def dropped_header(fields: Sequence[str]) -> tuple[bytes, bytes]:
    """What the provider's dialect had no word for, so that the answer was made without it."""
    return b"x-tollbar-dropped", ", ".join(fields).encode("ascii", "replace")


STREAMED = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))
"""What every stream says to whoever passes it on: not to keep it."""


def target_header(target: Target) -> tuple[bytes, bytes]:
    """Which target answered: with fallbacks that is not always the first of the model's."""
    return b"x-tollbar-target", target.name.encode("ascii", "replace")


def call_headers(
    request_id: str, dropped: Sequence[str], rooms: Sequence[Room], visit: Visit | None
) -> list[tuple[bytes, bytes]]:
    """What a call's answer tells beside its content: its id, what of the request was lost, limits, where it stood in a
    queue, and the length to which the answer was lowered.
    """
    told = [(b"x-request-id", request_id.encode()), *limit_headers(rooms)]
    if dropped:
        told.append(dropped_header(dropped))
    if visit is not None and visit.place is not None:
        told += place_headers(visit.place)
    if visit is not None and visit.clamped is not None:
        told.append((b"x-tollbar-clamped", b"max_tokens=%d" % visit.clamped))
    return told


def process_headers(memory: Memory, began: float, now: float) -> list[tuple[bytes, bytes]]:
    """`x-process-time` and the memory of the process, for every answer; both moments in seconds of one steady clock.

    The time is that from the request's arrival until its answer begins: seconds, to the microsecond.
    """
    return [(b"x-process-time", b"%.6f" % (now - began)), *memory.headers(now)]


def error_headers(error: GatewayError) -> list[tuple[bytes, bytes]]:
    """`WWW-Authenticate` with a 401, `Retry-After` where waiting helps, `x-should-retry: false` where it cannot."""
    headers: list[tuple[bytes, bytes]] = []
    if isinstance(error, RateLimited):
        headers.append((b"retry-after", str(max(1, math.ceil(error.retry_after_seconds))).encode()))
    elif isinstance(error, UpstreamBusy) and error.retry_after_seconds:
        headers.append((b"retry-after", str(math.ceil(error.retry_after_seconds)).encode()))
    elif isinstance(error, Overloaded | CallUnderWay):
        headers.append((b"retry-after", str(OVERLOADED_RETRY_SECONDS).encode()))
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))  # RFC 9110, section 11.6.1: a 401 names a scheme
    if not error.may_retry or (isinstance(error, RateLimited) and error.retry_after_seconds > LONGEST_RETRY_SECONDS):
        headers.append((b"x-should-retry", b"false"))
    return headers
