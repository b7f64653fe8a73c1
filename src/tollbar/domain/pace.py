"""When an allowance runs out, if it is spent as it was of late."""

from datetime import UTC, datetime, time, timedelta

from tollbar.domain.identity import Allowance
from tollbar.domain.money import Unit
from tollbar.domain.records import Spending

DAYS = 7
"""The pace is that of so many days, the present one included, or of those since the first on which something was."""
SHORTEST = timedelta(hours=1)
"""What began a moment ago has no pace yet: it counts as this long."""
LONGEST = timedelta(days=3_650)


def per_day(unit: Unit, spending: Spending | None, now: datetime) -> int:
    """What is spent in a day at this pace; 0 when nothing is, or where it is not known."""
    used = _used(unit, spending)
    return 0 if spending is None else int(used * timedelta(days=1) / _elapsed(spending, now))


def runs_out_at(allowance: Allowance, spending: Spending | None, now: datetime) -> datetime | None:
    """When nothing is left of an allowance at this pace; None when that is never, or not before it begins anew."""
    if allowance.left <= 0:
        return now
    used = _used(allowance.id.unit, spending)
    if spending is None or not used:
        return None
    elapsed = _elapsed(spending, now)
    if allowance.left > used * (LONGEST / elapsed):
        return None
    end = now + elapsed * (allowance.left / used)
    return None if allowance.resets_at is not None and end >= allowance.resets_at else end


def _used(unit: Unit, spending: Spending | None) -> int:
    if spending is None:
        return 0
    figures = {
        Unit.CREDITS: spending.credits,
        Unit.DOLLARS: spending.cost_nano_dollars,
        Unit.TOKENS: spending.tokens,
    }
    return figures.get(unit, 0)


def _elapsed(spending: Spending, now: datetime) -> timedelta:
    return max(SHORTEST, now - datetime.combine(spending.first_day, time(), UTC))
