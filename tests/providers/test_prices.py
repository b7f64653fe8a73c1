"""The price table: every model of it, in whole pico-dollars."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib.metadata import version

import pytest
from genai_prices import Usage as TheirUsage
from genai_prices import calc_price
from genai_prices.data import providers as table
from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

from tollbar.domain.money import NANO_PER_DOLLAR, PICO_PER_DOLLAR_PER_MILLION, cost
from tollbar.domain.usage import Usage
from tollbar.providers.prices import PICO_PER_DOLLAR_PER_THOUSAND, UNKNOWN, Prices, card_of, find, whole

TODAY = date(2026, 11, 20)
USED = (
    "input_mtok",
    "output_mtok",
    "cache_read_mtok",
    "cache_write_mtok",
    "cache_write_1h_mtok",
    "output_reasoning_mtok",
    "input_audio_mtok",
    "output_audio_mtok",
    "requests_kcount",
)


def models() -> Iterator[tuple[str, ModelInfo]]:
    """Every model of the table."""
    return ((provider.id, model) for provider in table for model in provider.models)


def figures(info: ModelInfo) -> Iterator[tuple[str, Decimal]]:
    """Every figure of a model that we charge by, whenever it holds."""
    lists = [info.prices] if isinstance(info.prices, ModelPrice) else [entry.prices for entry in info.prices]
    for prices in lists:
        for name, price in vars(prices).items():
            if name in USED and price is not None:
                tiers = (
                    [price.base, *(tier.price for tier in price.tiers)] if isinstance(price, TieredPrices) else [price]
                )
                yield from ((name, tier) for tier in tiers)


def test_every_price_becomes_whole_pico_dollars() -> None:
    """No price of any model is off by more than the next whole pico-dollar, and only these families need rounding."""
    rounded: set[tuple[str, str, str]] = set()
    for vendor, info in models():
        for name, price in figures(info):
            unit = PICO_PER_DOLLAR_PER_THOUSAND if name == "requests_kcount" else PICO_PER_DOLLAR_PER_MILLION
            exact, ours = price * unit, whole(price, unit)
            assert abs(exact - ours) < 1, (vendor, info.id, name, price)
            if exact != ours:
                rounded.add((vendor, name, "up" if ours - exact > Decimal("0.001") else "noise"))
    assert rounded == {
        ("openrouter", "cache_write_mtok", "up"),
        ("huggingface_together", "input_mtok", "noise"),
        ("huggingface_together", "output_mtok", "noise"),
    }


def test_every_model_of_the_table_can_be_looked_up() -> None:
    """All of it is read without a fault; what has no prompt or no completion price has no card."""
    unpriced = 0
    for _, info in models():
        card = card_of(info, TODAY)
        unpriced += card is None
        assert card is None or min(card.prompt.base, card.completion.base, card.per_request_pico) >= 0
    assert unpriced < 200


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ("0.15", 150_000),
        ("0.0375", 37_500),
        ("0.000001", 1),
        ("0.18000000000000002", 180_000),
        ("0.27999999999999997", 280_000),
        ("0.041666666666666664", 41_667),
        ("0", 0),
    ],
)
def test_rounding_never_undercharges(price: str, expected: int) -> None:
    """Exact where it can be; the noise of floats is seen through; a true fraction is rounded up."""
    assert whole(Decimal(price), PICO_PER_DOLLAR_PER_MILLION) == expected


def test_a_well_known_model_costs_what_the_table_says() -> None:
    """Prompt, cached and completion prices, the context and the version of the table."""
    facts = find("openai", "gpt-4o-mini", TODAY)
    assert facts.card is not None
    assert (facts.card.prompt.base, facts.card.completion.base) == (150_000, 600_000)
    assert facts.card.cached_read is not None
    assert facts.card.cached_read.base == 75_000
    assert facts.card.version == f"genai-prices {version('genai-prices')}"
    assert facts.context_tokens == 128_000


def test_what_is_cached_for_an_hour_costs_twice_the_prompt() -> None:
    """As Anthropic has it: five minutes cost a quarter more than the prompt."""
    card = find("anthropic", "claude-sonnet-4-5", TODAY).card
    assert card is not None
    assert card.cached_write is not None
    assert card.cached_write_hour is not None
    assert (card.cached_write.base * 4, card.cached_write_hour.base) == (card.prompt.base * 5, card.prompt.base * 2)


def tiered() -> Iterator[tuple[str, str]]:
    """Some models whose price has steps."""
    for vendor, info in models():
        if isinstance(info.prices, ModelPrice) and isinstance(vars(info.prices).get("input_mtok"), TieredPrices):
            yield vendor, info.id


@pytest.mark.parametrize(("vendor", "model"), sorted(tiered())[::40])
@pytest.mark.parametrize("size", [100_000, 128_000, 128_001, 200_000, 200_001, 272_000, 272_001, 600_000])
def test_steps_begin_where_the_table_says(vendor: str, model: str, size: int) -> None:
    """Around each step, a call costs what the table's own arithmetic makes of it, to the nano-dollar."""
    card = find(vendor, model, TODAY).card
    assert card is not None
    theirs = calc_price(TheirUsage(input_tokens=size, output_tokens=10), model, provider_id=vendor)
    ours = cost(Usage(prompt_tokens=size, completion_tokens=10), card).nano_dollars
    assert abs(theirs.total_price * NANO_PER_DOLLAR - ours) <= 1


def test_a_price_per_request_is_added() -> None:
    """Perplexity asks for so much a request beside its tokens."""
    card = find("perplexity", "sonar", TODAY).card
    assert card is not None
    assert card.per_request_pico == 12_000_000_000


def test_a_price_by_the_hour_counts_at_its_dearest() -> None:
    """DeepSeek's cheap hours are not known to a card that holds all day."""
    card = find("deepseek", "deepseek-chat", TODAY).card
    assert card is not None
    assert (card.prompt.base, card.completion.base) == (270_000, 1_100_000)


def test_prices_change_with_their_date() -> None:
    """A price with a starting date holds from that day on."""
    before, after = find("openai", "o3", date(2025, 6, 9)).card, find("openai", "o3", date(2025, 6, 10)).card
    assert before is not None
    assert after is not None
    assert (before.completion.base, after.completion.base) == (40_000_000, 8_000_000)


@pytest.mark.parametrize(
    ("price_id", "model"),
    [
        ("openai", "no-such-model"),
        ("no-such-vendor", "gpt-4o"),
        ("", "gpt-4o"),
        ("openai", "g" * 10_000),
        ("azure", ""),
    ],
)
def test_what_is_not_in_the_table_is_unknown(price_id: str, model: str) -> None:
    """Nobody guesses a price."""
    assert find(price_id, model, TODAY) == UNKNOWN


def test_models_marked_free_are_free() -> None:
    """OpenRouter's free variants stand in the table without a price, and cost nothing."""
    card = find("openrouter", "deepseek/deepseek-r1:free", TODAY).card
    assert card is not None
    assert cost(Usage(1_000_000, 1_000_000), card).nano_dollars == 0


def test_answers_are_remembered_until_the_next_day() -> None:
    """The same question is answered from memory; a new day asks anew."""
    days = [date(2025, 6, 9)]
    prices = Prices(lambda: days[0])
    first = prices.find("openai", "o3")
    assert prices.find("openai", "o3") is first
    days[0] = date(2025, 6, 10)
    assert prices.find("openai", "o3") != first
