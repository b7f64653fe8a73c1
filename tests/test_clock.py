"""The machine's clock."""

from datetime import UTC, datetime, timedelta

import pytest

from tollbar.clock import SystemClock
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
