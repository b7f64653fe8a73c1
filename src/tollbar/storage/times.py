"""Times as the store keeps them, whole microseconds since 1970 in UTC, and the periods of allowances.

Periods are whole hours, days, weeks from Monday and months in the allowance's time zone; an allowance that never resets
has one that has no end.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from tollbar.domain.identity import Reset

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
UTC_NAME = "UTC"
"""The zone that needs no table of zones."""


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


def period(reset: Reset, now: int, zone: str = UTC_NAME) -> tuple[int, int | None]:
    """Where the period that contains `now` starts and ends, in stored microseconds; the end is not part of it.

    A day is from midnight to midnight there, so it may have 23 or 25 hours. Raises ValueError for an unknown zone.
    """
    if reset is Reset.NEVER:
        return 0, None
    at = moment(now).astimezone(UTC if zone == UTC_NAME else ZoneInfo(zone))
    match reset:
        case Reset.HOUR:
            start = moment(now) - timedelta(minutes=at.minute, seconds=at.second, microseconds=at.microsecond)
            return microseconds(start), microseconds(start + timedelta(hours=1))
        case Reset.DAY:
            first, after = at.date(), at.date() + timedelta(days=1)
        case Reset.WEEK:
            first = at.date() - timedelta(days=at.weekday())
            after = first + timedelta(weeks=1)
        case Reset.MONTH:
            first = at.date().replace(day=1)
            after = (first + timedelta(days=31)).replace(day=1)
    return _midnight(first, at.tzinfo), _midnight(after, at.tzinfo)


def _midnight(day: date, zone: tzinfo | None) -> int:
    return microseconds(datetime.combine(day, time(), zone).astimezone(UTC))
