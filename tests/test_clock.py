"""The machine's clock."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.storage.making import StepClock
from tollbar.clock import ShiftedClock, SystemClock
from tollbar.ports.clock import Clock


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
    """The time of day goes on from what it was told, and no setting of the own clock moves it."""
    own = StepClock()
    clock = ShiftedClock(own)
    assert (clock.now(), clock.monotonic()) == (own.now(), own.monotonic())
    there = own.now() - timedelta(seconds=90)
    clock.set(there)
    assert clock.now() == there
    own.step_seconds = 86_400.0
    own.advance(7.0)
    assert clock.now() == there + timedelta(seconds=7)
    assert clock.monotonic() == own.monotonic()
