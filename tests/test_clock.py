"""The machine's clock."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.counters.clock import ManualClock
from tollbar.clock import ShiftedClock, SystemClock
from tollbar.ports import Clock


def test_now_is_the_present_moment_in_utc() -> None:
    """The wall clock is aware, in UTC, and agrees with the system's."""
    clock: Clock = SystemClock()
    now = clock.now()
    assert now.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - now) < timedelta(seconds=5)


@pytest.mark.anyio
async def test_sleeping_moves_the_monotonic_clock() -> None:
    """After a sleep at least that much time has passed, and never less than none."""
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0.02)
    assert clock.monotonic() - before >= 0.015


def test_a_shifted_clock_tells_another_machine_s_time() -> None:
    """The time of day is off by what it was told; durations are its own."""
    own = ManualClock()
    clock = ShiftedClock(own)
    assert (clock.now(), clock.monotonic()) == (own.now(), own.monotonic())
    clock.shift(timedelta(seconds=-90))
    assert clock.now() == own.now() - timedelta(seconds=90)
    assert clock.monotonic() == own.monotonic()
