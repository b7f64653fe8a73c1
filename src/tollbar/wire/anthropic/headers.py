"""The headers that Anthropic's clients look for beside ours.

Reference: the page on rate limits of the Anthropic API; moments are RFC 3339, and not the seconds left.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from tollbar.domain.limits import Measure, Room

_NAMES = {Measure.REQUESTS: "requests", Measure.TOKENS: "tokens"}


def limit_headers(request_id: str, rooms: Sequence[Room], now: datetime) -> list[tuple[bytes, bytes]]:
    """`request-id`, and `anthropic-ratelimit-*` of the limits that are nearest to their end."""
    headers = [(b"request-id", request_id.encode())]
    nearest: dict[str, Room] = {}
    for room in rooms:
        name = _NAMES.get(room.limit.measure)
        if name is not None and (name not in nearest or _left(room) < _left(nearest[name])):
            nearest[name] = room
    for name, room in nearest.items():
        moment = now + timedelta(seconds=math.ceil(room.reset_seconds))
        figures = {
            "limit": str(room.limit.amount),
            "remaining": str(max(0, room.remaining)),
            "reset": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        headers += [(f"anthropic-ratelimit-{name}-{what}".encode(), told.encode()) for what, told in figures.items()]
    return headers


def _left(room: Room) -> float:
    return room.remaining / room.limit.amount
