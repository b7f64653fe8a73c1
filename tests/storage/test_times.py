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


@pytest.mark.parametrize(
    ("reset", "zone", "at", "start", "end"),
    [
        (Reset.DAY, "Europe/Berlin", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),  # 23 hours
        (Reset.DAY, "Europe/Berlin", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),  # 25 hours
        (Reset.DAY, "America/New_York", "2026-01-05T03:00", "2026-01-04T05:00", "2026-01-05T05:00"),
        (Reset.WEEK, "Asia/Tokyo", "2026-01-04T16:00", "2026-01-04T15:00", "2026-01-11T15:00"),
        (Reset.MONTH, "Asia/Kolkata", "2026-01-31T19:00", "2026-01-31T18:30", "2026-02-28T18:30"),
        (Reset.HOUR, "Asia/Kolkata", "2026-01-01T00:10", "2025-12-31T23:30", "2026-01-01T00:30"),
    ],
)
def test_periods_begin_where_people_are(reset: Reset, zone: str, at: str, start: str, end: str) -> None:
    """At their midnight, whatever their clocks were set to meanwhile."""
    now, first, after = (microseconds(datetime.fromisoformat(f"{text}+00:00")) for text in (at, start, end))
    assert period(reset, now, zone) == (first, after)


@given(
    at=st.integers(1_577_836_800_000_000, 2_051_222_400_000_000).map(moment),
    reset=st.sampled_from([reset for reset in Reset if reset is not Reset.NEVER]),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca"]),
)
def test_each_moment_is_in_one_period(at: datetime, reset: Reset, zone: str) -> None:
    """The next begins where one ends, in every zone."""
    now = microseconds(at)
    start, end = period(reset, now, zone)
    assert end is not None
    assert start <= now < end
    assert period(reset, end, zone)[0] == end
    assert period(reset, end - 1, zone) == (start, end)
