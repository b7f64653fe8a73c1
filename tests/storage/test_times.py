"""Stored times, and the periods of allowances."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.identity import Reset
from tollbar.storage.times import maybe_microseconds, maybe_moment, microseconds, moment, period

MOMENTS = st.integers(-10 * 365 * 86_400_000_000, 200 * 365 * 86_400_000_000).map(moment)


@given(MOMENTS)
def test_a_moment_survives_storage(value: datetime) -> None:
    """To the microsecond, whatever the moment."""
    assert moment(microseconds(value)) == value


def test_other_time_zones_are_stored_in_utc() -> None:
    """The same moment is the same number, wherever it was named."""
    there = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert microseconds(there) == microseconds(datetime(2026, 1, 1, tzinfo=UTC)) == 1_767_225_600_000_000


def test_no_moment_is_no_number() -> None:
    """What is None stays None, both ways."""
    assert (maybe_microseconds(None), maybe_moment(None)) == (None, None)
    assert maybe_moment(maybe_microseconds(moment(5))) == moment(5)


@pytest.mark.parametrize(
    ("reset", "start", "end"),
    [
        (Reset.HOUR, "2024-02-29 23:00", "2024-03-01 00:00"),
        (Reset.DAY, "2024-02-29 00:00", "2024-03-01 00:00"),
        (Reset.WEEK, "2024-02-26 00:00", "2024-03-04 00:00"),
        (Reset.MONTH, "2024-02-01 00:00", "2024-03-01 00:00"),
    ],
)
def test_periods_are_whole_in_utc(reset: Reset, start: str, end: str) -> None:
    """The last half hour of a leap day is in the period that one expects."""
    now = microseconds(datetime(2024, 2, 29, 23, 30, tzinfo=UTC))
    expected = [microseconds(datetime.fromisoformat(text).replace(tzinfo=UTC)) for text in (start, end)]
    assert list(period(reset, now)) == expected


def test_what_never_resets_has_one_period() -> None:
    """It has no end."""
    assert period(Reset.NEVER, 5) == period(Reset.NEVER, 10**15) == (0, None)


@given(MOMENTS, st.sampled_from([reset for reset in Reset if reset is not Reset.NEVER]))
def test_periods_follow_each_other_without_a_gap(value: datetime, reset: Reset) -> None:
    """A moment lies in its period, and the period's end is the next one's start."""
    now = microseconds(value)
    start, end = period(reset, now)
    assert end is not None
    assert start <= now < end
    assert period(reset, end)[0] == end
    assert period(reset, end - 1) == (start, end)
