"""Times as the store keeps them, whole microseconds since 1970 in UTC, and the periods of allowances.

Periods are whole hours, days, weeks from Monday and months in UTC; an allowance that never resets has one that has no
end.
"""

from datetime import UTC, datetime, timedelta

from tollbar.domain.identity import Reset

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000


def microseconds(moment: datetime) -> int:
    """The moment as the store keeps it."""
    return (moment - EPOCH) // MICROSECOND


def moment(stored: int) -> datetime:
    """The moment that was stored."""
    return EPOCH + stored * MICROSECOND


def maybe_microseconds(value: datetime | None) -> int | None:
    """The same for a moment that may not be."""
    return None if value is None else microseconds(value)


def maybe_moment(stored: int | None) -> datetime | None:
    """The same for a moment that may not be."""
    return None if stored is None else moment(stored)


def period(reset: Reset, now: int) -> tuple[int, int | None]:
    """Where the period that contains `now` starts and ends, in stored microseconds; the end is not part of it."""
    at = moment(now)
    match reset:
        case Reset.NEVER:
            return 0, None
        case Reset.HOUR:
            start = at.replace(minute=0, second=0, microsecond=0)
            end = start + timedelta(hours=1)
        case Reset.DAY:
            start = _midnight(at)
            end = start + timedelta(days=1)
        case Reset.WEEK:
            start = _midnight(at) - timedelta(days=at.weekday())
            end = start + timedelta(weeks=1)
        case Reset.MONTH:
            start = _midnight(at).replace(day=1)
            end = (start + timedelta(days=31)).replace(day=1)
    return microseconds(start), microseconds(end)


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
