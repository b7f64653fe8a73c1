"""Limits read from text and written for people."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.limits import WINDOW_SECONDS, Limit, Measure, parse_rate


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("20/minute", Limit(Measure.REQUESTS, 20, 60)),
        ("100/day", Limit(Measure.REQUESTS, 100, 86_400)),
        (" 5 per  hour ", Limit(Measure.REQUESTS, 5, 3_600)),
        ("10 per 1 minute", Limit(Measure.REQUESTS, 10, 60)),
        ("3/seconds", Limit(Measure.REQUESTS, 3, 1)),
    ],
)
def test_rates_are_read(text: str, limit: Limit) -> None:
    """A number, a slash or `per`, and a window."""
    assert limit == parse_rate(text)


def test_a_rate_counts_what_it_is_told_to() -> None:
    """The measure is the caller's to name."""
    assert Measure.TOKENS is parse_rate("9/day", Measure.TOKENS).measure


@pytest.mark.parametrize("text", ["", "20", "/minute", "20/week", "-1/minute", "1.5/minute", "20/minute/day", "x/day"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    """Anything else is refused with an example of what would do."""
    with pytest.raises(ValueError, match="20/minute"):
        parse_rate(text)


def test_a_rate_of_nothing_is_refused() -> None:
    """A limit that would let nothing pass is a mistake."""
    with pytest.raises(ValueError, match="1 or more"):
        parse_rate("0/minute")


@given(st.integers(1, 10**12 - 1), st.sampled_from(sorted(WINDOW_SECONDS.values())))
def test_a_limit_as_people_read_it_can_be_read_back(amount: int, window_seconds: int) -> None:
    """The text of a refusal is a rate itself."""
    limit = Limit(Measure.REQUESTS, amount, window_seconds)
    assert limit == parse_rate(str(limit))


def test_limits_without_a_common_window_say_what_they_are() -> None:
    """Concurrency has no window, and an odd one is told in seconds."""
    assert str(Limit(Measure.CONCURRENCY, 3, 0)) == "3 at once"
    assert str(Limit(Measure.REQUESTS, 3, 90)) == "3 per 90 seconds"


@pytest.mark.parametrize("text", [" " * 100_000, "1" * 100_000, "1" + " " * 100_000, "1/1" + " " * 100_000 + "x"])
def test_hostile_text_is_refused_quickly(text: str) -> None:
    """The pattern takes linear time: a hundred thousand characters are nothing."""
    began = time.process_time()
    with pytest.raises(ValueError, match="is no rate"):
        parse_rate(text)
    assert time.process_time() - began < 0.5
