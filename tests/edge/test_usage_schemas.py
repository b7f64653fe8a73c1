"""The shapes of usage."""

from datetime import date
from decimal import Decimal

from tests.storage.making import DOLLAR, a_line
from tollbar.domain.records import DayUsage
from tollbar.edge.usage_schemas import SettledView, UsageView


def test_days_are_summed_up_exactly() -> None:
    """Dollars to the nano-dollar."""
    days = [DayUsage(date(2026, 11, day), "m", 2, 3, 4, 5, DOLLAR + day, 1) for day in (2, 1)]
    told = UsageView.of(date(2026, 11, 1), None, days, ())
    assert (told.total.calls, told.total.dollars, told.total.unpriced_calls) == (4, Decimal("2.000000003"), 2)
    assert [(day.day.day, day.dollars) for day in told.days] == [
        (2, Decimal("1.000000002")),
        (1, Decimal("1.000000001")),
    ]


def test_an_unknown_price_is_null() -> None:
    """Not nothing."""
    assert SettledView.of(a_line(cost_nano_dollars=None)).dollars is None
    assert SettledView.of(a_line()).dollars == Decimal("0.2")
