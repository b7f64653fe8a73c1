"""Amounts, prices and costs: integers, rounded once, upwards."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.money import (
    FREE,
    MOST_AMOUNT,
    NANO_PER_DOLLAR,
    Cost,
    LineItem,
    PriceCard,
    Rate,
    Unit,
    cost,
    credit_price,
    expected,
    most,
    to_amount,
    to_decimal,
)
from tollbar.domain.usage import Usage

counts = st.integers(0, 5_000)
prices = st.integers(0, 10**9)


@st.composite
def rates(draw: st.DrawFn) -> Rate:
    """A rate with up to two steps."""
    thresholds = sorted(draw(st.sets(st.integers(1, 20_000), max_size=2)))
    return Rate(draw(prices), tuple((threshold, draw(prices)) for threshold in thresholds))


cards = st.builds(
    PriceCard,
    st.just("v"),
    rates(),
    rates(),
    cached_read=st.none() | rates(),
    cached_write=st.none() | rates(),
    cached_write_hour=st.none() | rates(),
    reasoning=st.none() | rates(),
    audio_prompt=st.none() | rates(),
    audio_completion=st.none() | rates(),
    per_request_pico=st.integers(0, 10**12),
)


@st.composite
def reports(draw: st.DrawFn) -> Usage:
    """A usage whose parts are within their totals."""
    plain, read, written, heard = (draw(counts) for _ in range(4))
    said, thought, spoken = (draw(counts) for _ in range(3))
    hour = draw(st.integers(0, written))
    return Usage(plain + read + written + heard, said + thought + spoken, read, written, thought, heard, spoken, hour)


def test_a_plain_call_costs_tokens_times_price() -> None:
    """Two million prompt tokens at $3 a million and a million at $15 are 21 dollars."""
    card = PriceCard("v", Rate(3_000_000), Rate(15_000_000))
    bill = cost(Usage(2_000_000, 1_000_000), card)
    assert bill.nano_dollars == 21 * NANO_PER_DOLLAR
    assert (LineItem("prompt", 2_000_000, 3_000_000), LineItem("completion", 1_000_000, 15_000_000)) == bill.items


def test_parts_are_priced_by_their_own_rates() -> None:
    """Cached, reasoning and audio tokens leave the plain ones and cost what their kind costs."""
    card = PriceCard(
        "v",
        Rate(10_000),
        Rate(20_000),
        cached_read=Rate(1_000),
        cached_write=Rate(12_000),
        reasoning=Rate(30_000),
        audio_prompt=Rate(40_000),
        audio_completion=Rate(50_000),
    )
    bill = cost(Usage(100, 50, 10, 20, 5, 30, 15), card)
    expected_items = (
        LineItem("prompt", 40, 10_000),
        LineItem("cached_read", 10, 1_000),
        LineItem("cached_write", 20, 12_000),
        LineItem("audio_prompt", 30, 40_000),
        LineItem("completion", 30, 20_000),
        LineItem("reasoning", 5, 30_000),
        LineItem("audio_completion", 15, 50_000),
    )
    assert expected_items == bill.items
    assert bill.nano_dollars == 400 + 10 + 240 + 1_200 + 600 + 150 + 750


def test_what_is_cached_for_an_hour_has_its_price() -> None:
    """The rest of what was written costs as before; a card without such a price takes that of all that is written."""
    usage = Usage(100, 0, 0, 30, cached_write_hour_tokens=20)
    card = PriceCard("v", Rate(10_000), Rate(0), cached_write=Rate(12_500), cached_write_hour=Rate(20_000))
    written = (LineItem("cached_write", 10, 12_500), LineItem("cached_write_1h", 20, 20_000))
    assert cost(usage, card).items == (LineItem("prompt", 70, 10_000), *written)
    without = PriceCard("v", Rate(10_000), Rate(0), cached_write=Rate(12_500))
    assert cost(usage, without).nano_dollars == cost(usage._replace(cached_write_hour_tokens=0), without).nano_dollars


def test_a_kind_without_a_rate_costs_as_its_total_does() -> None:
    """Where the card says nothing of cached or reasoning tokens they are no cheaper."""
    card = PriceCard("v", Rate(1_000), Rate(2_000))
    assert cost(Usage(100, 50, 60, 10, 20, 5, 5), card).nano_dollars == 100 + 2 * 50


def test_a_step_holds_for_the_whole_call() -> None:
    """From its threshold on the stepped price holds for every token, below it the base does."""
    card = PriceCard("v", Rate(1_000, ((200, 2_000), (400, 4_000))), Rate(1_000, ((200, 3_000),)))
    assert [cost(Usage(size, 1), card).nano_dollars for size in (199, 200, 400)] == [199 + 1, 400 + 3, 1_600 + 3]


def test_a_fraction_of_a_nano_dollar_is_rounded_up_once() -> None:
    """Three thirds of a nano-dollar are one nano-dollar, not three."""
    card = PriceCard("v", Rate(333), Rate(333), reasoning=Rate(334))
    assert cost(Usage(1, 2, reasoning_tokens=1), card).nano_dollars == 1
    assert cost(Usage(1, 3, reasoning_tokens=1), card).nano_dollars == 2


def test_free_models_cost_nothing() -> None:
    """The free card's bill is zero and still says which tokens there were."""
    assert Cost(0, (LineItem("prompt", 7, 0), LineItem("completion", 5, 0))) == cost(Usage(7, 5), FREE)


def test_a_price_per_request_is_added() -> None:
    """A card may ask for something whatever the tokens."""
    card = PriceCard("v", Rate(0), Rate(0), per_request_pico=1_500)
    assert cost(Usage(), card).nano_dollars == 2


@given(reports(), cards)
def test_the_items_explain_the_total(usage: Usage, card: PriceCard) -> None:
    """The lines hold every token once, and add up to the total but for the last rounding."""
    bill = cost(usage, card)
    pico = card.per_request_pico + sum(item.tokens * item.pico_dollars_each for item in bill.items)
    assert 0 <= bill.nano_dollars * 1_000 - pico < 1_000
    assert usage.total_tokens == sum(item.tokens for item in bill.items)


@given(reports(), cards, st.integers(0, 100), st.integers(0, 100))
def test_no_call_costs_more_than_the_most(usage: Usage, card: PriceCard, fewer: int, less: int) -> None:
    """Whatever kinds the tokens turn out to be, and if there are fewer, the bound holds."""
    bound = most(usage.prompt_tokens + fewer, usage.completion_tokens + less, card)
    assert cost(usage, card).nano_dollars <= bound


@given(counts, counts, cards)
def test_expected_is_the_cost_of_plain_tokens(prompt: int, completion: int, card: PriceCard) -> None:
    """The expectation is what the same tokens cost when none is of a special kind."""
    assert cost(Usage(prompt, completion), card).nano_dollars == expected(prompt, completion, card)
    assert expected(prompt, completion, card) <= most(prompt, completion, card)


@given(st.sampled_from(Unit), st.integers(0, MOST_AMOUNT))
def test_amounts_survive_being_written_for_people(unit: Unit, amount: int) -> None:
    """Every amount comes back from its decimal form."""
    assert amount == to_amount(unit, to_decimal(unit, amount))


@pytest.mark.parametrize(
    ("unit", "text", "amount"),
    [(Unit.DOLLARS, "0.000000001", 1), (Unit.DOLLARS, "12.5", 12_500_000_000), (Unit.CREDITS, "5", 5)],
)
def test_amounts_are_read(unit: Unit, text: str, amount: int) -> None:
    """Dollars become nano-dollars, the other units stay."""
    assert amount == to_amount(unit, Decimal(text))


@pytest.mark.parametrize("text", ["-1", "NaN", "Infinity", "-Infinity", "sNaN"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    """Negative and not finite values are no amounts."""
    with pytest.raises(ValueError, match="zero or more"):
        to_amount(Unit.CREDITS, Decimal(text))


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        (Unit.CREDITS, "0.5"),
        (Unit.TOKENS, "1e-3"),
        (Unit.DOLLARS, "0.0000000001"),
        (Unit.DOLLARS, "1e-999999999"),
        (Unit.DOLLARS, "1.0000000000000000000000000001"),
        (Unit.DOLLARS, "0.99999999999999999999999999999999"),
        (Unit.TOKENS, "1.0000000000000000000000000000000001"),
    ],
)
def test_what_is_too_fine_is_refused_and_never_rounded(unit: Unit, text: str) -> None:
    """A fraction that the unit cannot hold is a fault, however many digits hide it."""
    with pytest.raises(ValueError, match="finer"):
        to_amount(unit, Decimal(text))


@pytest.mark.parametrize(
    ("unit", "text"),
    [(Unit.DOLLARS, "1e10"), (Unit.TOKENS, "1e1000000"), (Unit.CREDITS, "1e19"), (Unit.DOLLARS, "1e999999999")],
)
def test_what_no_store_can_hold_is_refused(unit: Unit, text: str) -> None:
    """An amount beyond 64 bits is refused at once, not computed."""
    with pytest.raises(ValueError, match="most there can be"):
        to_amount(unit, Decimal(text))


@pytest.mark.parametrize(("tier", "multiplier", "price"), [(2, "3", 6), (1, "0.5", 1), (2, "1.1", 3), (1, "0", 0)])
def test_credit_prices_are_whole_and_rounded_up(tier: int, multiplier: str, price: int) -> None:
    """A call's price is the tier's cost times the model's multiplier, never a fraction."""
    assert price == credit_price(tier, Decimal(multiplier))
