"""When an allowance runs out."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tollbar.domain.identity import Allowance, AllowanceId
from tollbar.domain.money import Unit
from tollbar.domain.pace import per_day, runs_out_at
from tollbar.domain.records import Spending

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SPENT = Spending(date(2026, 11, 18), credits=50, cost_nano_dollars=10**9, tokens=500)
"""In two days and a half."""


def an_allowance(left: int, unit: Unit = Unit.CREDITS, resets_in: timedelta | None = None) -> Allowance:
    """One of which so much is left."""
    return Allowance(AllowanceId(1, unit), left, 0, 0, resets_at=None if resets_in is None else NOW + resets_in)


@pytest.mark.parametrize(
    ("allowance", "spending", "expected"),
    [
        (an_allowance(20), SPENT, timedelta(days=1)),
        (an_allowance(2 * 10**9, Unit.DOLLARS), SPENT, timedelta(days=5)),
        (an_allowance(100, Unit.TOKENS), SPENT, timedelta(hours=12)),
        (an_allowance(20, resets_in=timedelta(days=2)), SPENT, timedelta(days=1)),
        (an_allowance(20, resets_in=timedelta(hours=24)), SPENT, None),
        (an_allowance(0), None, timedelta()),
        (an_allowance(-5), SPENT, timedelta()),
        (an_allowance(20), None, None),
        (an_allowance(20, Unit.USES), SPENT, None),
        (an_allowance(10**18), SPENT, None),
    ],
)
def test_what_is_left_lasts_as_long_as_the_pace_says(
    allowance: Allowance, spending: Spending | None, expected: timedelta | None
) -> None:
    """Unless it begins anew before, or nothing is spent; what is used up ends now."""
    assert runs_out_at(allowance, spending, NOW) == (None if expected is None else NOW + expected)


def test_what_began_a_moment_ago_counts_as_an_hour() -> None:
    """So that one call right after midnight is no pace of thousands."""
    midnight = datetime(2026, 11, 18, tzinfo=UTC)
    assert per_day(Unit.CREDITS, SPENT, midnight) == 50 * 24
    assert [per_day(unit, None, NOW) for unit in Unit] == [0, 0, 0, 0]
    assert per_day(Unit.CREDITS, SPENT, NOW) == 20
