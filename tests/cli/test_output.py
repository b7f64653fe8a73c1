"""How amounts, times and tables are written."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.cli import output
from tollbar.domain.identity import Allowance, AllowanceId, Key, Permission, Reset
from tollbar.domain.limits import Limit, Measure
from tollbar.domain.money import NANO_PER_DOLLAR, Unit, to_amount

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        (Unit.DOLLARS, 1_250_000_000, "$1.25"),
        (Unit.DOLLARS, 0, "$0.00"),
        (Unit.DOLLARS, 3_400_000, "$0.0034"),
        (Unit.DOLLARS, 1, "$0.000000001"),
        (Unit.DOLLARS, -1_500_000_000, "-$1.50"),
        (Unit.DOLLARS, 1_234_567 * NANO_PER_DOLLAR, "$1,234,567.00"),
        (Unit.CREDITS, 1, "1 credit"),
        (Unit.CREDITS, 0, "0 credits"),
        (Unit.TOKENS, 100_000, "100,000 tokens"),
        (Unit.TOKENS, -3, "-3 tokens"),
    ],
)
def test_amounts_read_as_people_write_them(unit: Unit, value: int, expected: str) -> None:
    """Dollars with two decimals and more only where there are more; the rest in whole words."""
    assert output.amount(unit, value) == expected


@given(st.integers(min_value=0, max_value=10**18))
def test_dollars_are_shown_exactly(value: int) -> None:
    """What is shown is the whole amount, to the last nano-dollar."""
    shown = output.amount(Unit.DOLLARS, value)
    assert to_amount(Unit.DOLLARS, Decimal(shown.removeprefix("$").replace(",", ""))) == value


def test_allowances_say_what_is_left() -> None:
    """Left, granted, the period, and what calls under way hold."""
    dollars = Allowance(AllowanceId(1, Unit.DOLLARS), 10**10, 125 * 10**7, 10**8, Reset.MONTH, NOW)
    assert output.allowance(dollars) == "$8.65 of $10.00 left this month, $0.10 held"
    assert output.allowance(Allowance(AllowanceId(2, Unit.CREDITS), 5, 1, 0)) == "4 of 5 credits left"
    daily = Allowance(AllowanceId(2, Unit.CREDITS), 5, 1, 0, Reset.DAY, NOW, zone="Europe/Berlin")
    assert output.allowance(daily) == "4 of 5 credits left today (Europe/Berlin)"


def test_limits_are_short() -> None:
    """A rate per window, or a number at once."""
    limits = [
        Limit(Measure.REQUESTS, 60, 60),
        Limit(Measure.TOKENS, 100_000, 86_400),
        Limit(Measure.CONCURRENCY, 4, 0),
        Limit(Measure.REQUESTS, 5, 7),
    ]
    assert [output.limit(limit) for limit in limits] == [
        "60 requests/minute",
        "100,000 tokens/day",
        "4 at once",
        "5 requests/7 seconds",
    ]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "just now"),
        (1, "in 1 second"),
        (-59, "59 seconds ago"),
        (-59.7, "1 minute ago"),
        (3_599, "in 1 hour"),
        (-7_200, "2 hours ago"),
        (86_399, "in 1 day"),
        (30 * 86_400 - 1, "in 30 days"),
        (70 * 86_400, "2026-03-12"),
    ],
)
def test_times_are_relative(seconds: float, expected: str) -> None:
    """Seconds, minutes, hours and days, rounded to the nearest; the date where that says more."""
    assert output.relative(NOW + timedelta(seconds=seconds), NOW) == expected


def test_a_moment_is_told_in_full() -> None:
    """Date and time in UTC, with how far that is; nothing for none."""
    assert output.moment(NOW + timedelta(days=1), NOW) == "2026-01-02 00:00 UTC (in 1 day)"
    assert output.moment(None, NOW) == ""


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (60, "60 seconds"),
        (120, "2 minutes"),
        (86_400, "24 hours"),
        (604_800, "7 days"),
        (90, "90 seconds"),
    ],
)
def test_spans_are_told_in_the_largest_unit_that_fits(seconds: int, expected: str) -> None:
    """A span of one unit is told in the smaller one, as it was written."""
    assert output.span(timedelta(seconds=seconds)) == expected


def test_the_state_of_a_key() -> None:
    """Revoked goes before expired, expired before active."""
    key = Key("id", "name", "hint", Permission.CALL, NOW)
    expired = Key("id", "name", "hint", Permission.CALL, NOW, expires_at=NOW)
    revoked = Key("id", "name", "hint", Permission.CALL, NOW, expires_at=NOW, revoked_at=NOW)
    assert [output.state(one, NOW) for one in (key, expired, revoked)] == ["active", "expired", "revoked"]


def test_columns_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Each column is as wide as its widest cell, an empty one is left out, and no line ends in blanks."""
    output.say_table(("name", "nothing", "state"), [("a", "", "active"), ("longer", "", "x")])
    assert capsys.readouterr().out == "NAME    STATE\na       active\nlonger  x\n"


def test_pairs_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Names and values in two columns, without those that have no value."""
    output.say_pairs([("name", "a"), ("revoked", ""), ("expires", "never")])
    assert capsys.readouterr().out == "name     a\nexpires  never\n"


@given(st.text())
def test_nothing_speaks_to_the_terminal(text: str) -> None:
    """What comes from outside is one printable line."""
    assert output.clean(text).isprintable()


def test_json_keeps_decimals_exact(capsys: pytest.CaptureFixture[str]) -> None:
    """Amounts are numbers to the last digit, moments are in UTC, and no text can pose as a number."""
    output.say_json({"a": Decimal("123456789.123456789"), "b": Decimal("2.00"), "c": NOW, "d": '"1"', "e": "ü"})
    assert capsys.readouterr().out == (
        '{\n  "a": 123456789.123456789,\n  "b": 2,\n  "c": "2026-01-01T00:00:00Z",\n  "d": "\\"1\\"",\n  "e": "ü"\n}\n'
    )
    with pytest.raises(TypeError, match="object has no form"):
        output.say_json({"a": object()})


def test_complaints_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """The message, and its remedy below it."""
    output.complain("It failed.\x1b", "Mend it.")
    assert capsys.readouterr() == ("", "tollbar: It failed.\\x1b\n  Mend it.\n")
