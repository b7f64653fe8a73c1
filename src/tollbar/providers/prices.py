"""What models cost and how much they read, from the price table of the `genai-prices` package.

The table comes with the package and is never fetched. It takes a third of a second and 12 MB to load, so it is loaded
when somebody asks for the first time. Its dollars per million tokens become whole pico-dollars per token, exactly; the
few prices that are not whole (a twelfth of a dollar, the noise of a float) are rounded up, so that we never charge less
than the vendor. Not read: prices by service tier, per image, per search, and what a caller's own contract says.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from tollbar.domain.money import PICO_PER_DOLLAR_PER_MILLION, PriceCard, Rate

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

MOST_REMEMBERED = 4_096
LONGEST_NAME = 200
# A price this near to a whole number of pico-dollars is that number, spoilt by a float on its way into the table.
FLOAT_NOISE = Decimal("1e-6")
PICO_PER_DOLLAR_PER_THOUSAND = 1_000_000_000
FREE_SUFFIX = ":free"
"""OpenRouter's mark for variants that cost nothing; the table has them without a price."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the table knows of one model; None is unknown."""

    card: PriceCard | None = None
    context_tokens: int | None = None


UNKNOWN = Facts()


class Prices:
    """The price table. Answers are remembered for a day, at most a few thousand of them."""

    def __init__(self, today: Callable[[], date]) -> None:
        self._today = today
        self._find = lru_cache(maxsize=MOST_REMEMBERED)(find)

    def find(self, price_id: str, model: str) -> Facts:
        """What is known of a vendor's model today; `price_id` is the vendor's id in the table."""
        return self._find(price_id, model, self._today())


def find(price_id: str, model: str, on: date) -> Facts:
    """What the table says of a vendor's model on a day."""
    if not price_id or len(model) > LONGEST_NAME:
        return UNKNOWN
    from genai_prices.data import providers

    provider = next((provider for provider in providers if provider.id == price_id), None)
    info = provider.find_model(model, all_providers=providers) if provider is not None else None
    return UNKNOWN if info is None else Facts(card_of(info, on), info.context_window)


def card_of(info: "ModelInfo", on: date) -> PriceCard | None:
    """The prices of a model on a day; None when the table has none that we could charge by.

    A price that depends on the hour counts at its dearest, because a card holds for longer than an hour.
    """
    candidates = [card for prices in _prices_on(info, on) if (card := _card(prices, info.id)) is not None]
    return max(candidates, key=lambda card: card.prompt.highest + card.completion.highest, default=None)


def whole(price: Decimal, unit: int) -> int:
    """A price in whole pico-dollars, `unit` of them to the dollar that it is written in: exact, else rounded up."""
    scaled = price * unit
    nearest = scaled.to_integral_value(rounding=ROUND_HALF_EVEN)
    return int(nearest if abs(scaled - nearest) < FLOAT_NOISE else scaled.to_integral_value(rounding=ROUND_CEILING))


def _prices_on(info: "ModelInfo", on: date) -> "list[ModelPrice]":
    """The prices that hold at some hour of a day. In the table, later entries go before earlier ones."""
    from genai_prices.types import ModelPrice, TimeOfDateConstraint

    if isinstance(info.prices, ModelPrice):
        return [info.prices]
    noon = datetime.combine(on, time(12), UTC)
    found: list[ModelPrice] = []
    for entry in reversed(info.prices):
        if isinstance(entry.constraint, TimeOfDateConstraint):
            found.append(entry.prices)
        elif entry.constraint is None or entry.constraint.active(noon):
            return [*found, entry.prices]
    return [*found, info.prices[0].prices]


def _card(prices: "ModelPrice", model: str) -> PriceCard | None:
    named = {name: value for name, value in vars(prices).items() if value is not None}
    rates = {name: _rate(value) for name, value in named.items() if name.endswith("_mtok")}
    label = f"genai-prices {version('genai-prices')}"
    if not named and model.endswith(FREE_SUFFIX):
        return PriceCard(label, Rate(0), Rate(0))
    prompt, completion = rates.get("input_mtok"), rates.get("output_mtok")
    if prompt is None or completion is None:
        return None
    per_request = named.get("requests_kcount")
    return PriceCard(
        version=label,
        prompt=prompt,
        completion=completion,
        cached_read=rates.get("cache_read_mtok"),
        cached_write=rates.get("cache_write_mtok"),
        cached_write_hour=rates.get("cache_write_1h_mtok"),
        reasoning=rates.get("output_reasoning_mtok"),
        audio_prompt=rates.get("input_audio_mtok"),
        audio_completion=rates.get("output_audio_mtok"),
        per_request_pico=whole(per_request, PICO_PER_DOLLAR_PER_THOUSAND) if isinstance(per_request, Decimal) else 0,
    )


def _rate(price: "Decimal | TieredPrices") -> Rate:
    """A price with its tiers. The table's tiers begin above their start, ours at it."""
    if isinstance(price, Decimal):
        return Rate(whole(price, PICO_PER_DOLLAR_PER_MILLION))
    steps = tuple((tier.start + 1, whole(tier.price, PICO_PER_DOLLAR_PER_MILLION)) for tier in price.tiers)
    return Rate(whole(price.base, PICO_PER_DOLLAR_PER_MILLION), steps)
