"""The headers that Anthropic's clients look for."""

from datetime import UTC, datetime

from tollbar.domain.limits import Limit, Measure, Room
from tollbar.wire.anthropic.headers import limit_headers

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def test_the_id_is_told_where_there_are_no_limits() -> None:
    """Under the name by which the SDK finds it."""
    assert limit_headers("req-1", (), NOW) == [(b"request-id", b"req-1")]


def test_the_limit_nearest_to_its_end_is_told_with_a_moment() -> None:
    """Rounded up to the second; concurrency has no header."""
    rooms = [
        _room(Measure.REQUESTS, 100, 50, 1.5),
        _room(Measure.REQUESTS, 10, 1, 59.2),
        _room(Measure.TOKENS, 1_000, -5, 3),
        _room(Measure.CONCURRENCY, 5, 1, 0),
    ]
    assert dict(limit_headers("r", rooms, NOW)) == {
        b"request-id": b"r",
        b"anthropic-ratelimit-requests-limit": b"10",
        b"anthropic-ratelimit-requests-remaining": b"1",
        b"anthropic-ratelimit-requests-reset": b"2026-11-29T12:01:00Z",
        b"anthropic-ratelimit-tokens-limit": b"1000",
        b"anthropic-ratelimit-tokens-remaining": b"0",
        b"anthropic-ratelimit-tokens-reset": b"2026-11-29T12:00:03Z",
    }


def _room(measure: Measure, amount: int, remaining: int, seconds: float) -> Room:
    return Room("key:a", Limit(measure, amount, 60), remaining, seconds)
