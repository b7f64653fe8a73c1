"""Amounts, prices and what a call costs: integers throughout, rounded once, upwards.

Dollars are held as whole nano-dollars. Prices are whole pico-dollars per token, because a price of $0.0375 per million
tokens is no whole number of nano-dollars: a dollar per million tokens is a million pico-dollars per token.
"""

from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import NamedTuple

from tollbar.domain.usage import Usage

NANO_PER_DOLLAR = 1_000_000_000
PICO_PER_NANO = 1_000
PICO_PER_DOLLAR = NANO_PER_DOLLAR * PICO_PER_NANO
PICO_PER_DOLLAR_PER_MILLION = 1_000_000
MOST_AMOUNT = 10**18
"""The largest amount of any unit: it, and sums of a few such, fit the 64 bits of a store's integer."""


class Unit(StrEnum):
    """What an allowance is counted in. `DOLLARS` amounts are whole nano-dollars."""

    CREDITS = "credits"
    DOLLARS = "dollars"
    TOKENS = "tokens"
    USES = "uses"
    """Successful calls, one each, whatever they cost."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Pico-dollars per token; `steps` are (from this many prompt tokens on, pico-dollars), ascending."""

    base: int
    steps: tuple[tuple[int, int], ...] = ()

    def at(self, prompt_tokens: int) -> int:
        """The price that holds for a call of so many prompt tokens."""
        if not self.steps:
            return self.base
        price = self.base
        for threshold, stepped in self.steps:
            if prompt_tokens >= threshold:
                price = stepped
        return price

    @property
    def highest(self) -> int:
        """The dearest of its steps."""
        return max(self.base, *(price for _, price in self.steps)) if self.steps else self.base


@dataclass(frozen=True, slots=True)
class PriceCard:
    """What one model of one vendor costs. A kind without a rate of its own costs as its total's kind does."""

    version: str
    prompt: Rate
    completion: Rate
    cached_read: Rate | None = None
    cached_write: Rate | None = None
    reasoning: Rate | None = None
    audio_prompt: Rate | None = None
    audio_completion: Rate | None = None
    cached_write_hour: Rate | None = None
    per_request_pico: int = 0
    dearest: tuple[int, int] = field(init=False, repr=False, compare=False, default=(0, 0))
    """The dearest that a token of the prompt, and one of the completion, can be of any kind."""

    @property
    def is_flat(self) -> bool:
        """Whether a call costs the same, whatever its tokens."""
        return self.dearest == (0, 0)

    def __post_init__(self) -> None:
        prompts = (self.prompt, self.cached_read, self.cached_write, self.cached_write_hour, self.audio_prompt)
        completions = (self.completion, self.reasoning, self.audio_completion)
        dearest = tuple(max(rate.highest for rate in rates if rate) for rates in (prompts, completions))
        object.__setattr__(self, "dearest", dearest)


class LineItem(NamedTuple):
    """One line of a bill: so many tokens of a kind at a price each."""

    kind: str
    tokens: int
    pico_dollars_each: int


class Cost(NamedTuple):
    """A bill: the total in nano-dollars, rounded up once, and the lines that explain it."""

    nano_dollars: int
    items: tuple[LineItem, ...]


FREE = PriceCard(version="free", prompt=Rate(0), completion=Rate(0))


def cost(usage: Usage, card: PriceCard) -> Cost:
    """What `usage` costs at the prices of `card`."""
    size = usage.prompt_tokens
    pico = card.per_request_pico
    items: list[LineItem] = []
    for kind, tokens, rate in _plain(usage, card) if usage.is_plain else _kinds(usage, card):
        if tokens > 0:
            price = rate.at(size)
            pico += tokens * price
            items.append(LineItem(kind, tokens, price))
    return Cost(-(-pico // PICO_PER_NANO), tuple(items))


def _plain(usage: Usage, card: PriceCard) -> tuple[tuple[str, int, Rate], ...]:
    return ("prompt", usage.prompt_tokens, card.prompt), ("completion", usage.completion_tokens, card.completion)


def _kinds(usage: Usage, card: PriceCard) -> tuple[tuple[str, int, Rate], ...]:
    plain_prompt = usage.prompt_tokens - usage.cached_read_tokens - usage.cached_write_tokens
    written, hour = card.cached_write or card.prompt, min(usage.cached_write_hour_tokens, usage.cached_write_tokens)
    plain_completion = usage.completion_tokens - usage.reasoning_tokens - usage.audio_completion_tokens
    return (
        ("prompt", plain_prompt - usage.audio_prompt_tokens, card.prompt),
        ("cached_read", usage.cached_read_tokens, card.cached_read or card.prompt),
        ("cached_write", usage.cached_write_tokens - hour, written),
        ("cached_write_1h", hour, card.cached_write_hour or written),
        ("audio_prompt", usage.audio_prompt_tokens, card.audio_prompt or card.prompt),
        ("completion", plain_completion, card.completion),
        ("reasoning", usage.reasoning_tokens, card.reasoning or card.completion),
        ("audio_completion", usage.audio_completion_tokens, card.audio_completion or card.completion),
    )


def most(prompt_tokens: int, completion_tokens: int, card: PriceCard) -> int:
    """The most, in nano-dollars, that so many tokens can cost whatever kinds they turn out to be."""
    dearest_prompt, dearest_completion = card.dearest
    pico = card.per_request_pico + prompt_tokens * dearest_prompt + completion_tokens * dearest_completion
    return -(-pico // PICO_PER_NANO)


def expected(prompt_tokens: int, completion_tokens: int, card: PriceCard) -> int:
    """What so many tokens cost, in nano-dollars, when all are of the plain kinds."""
    pico = prompt_tokens * card.prompt.at(prompt_tokens) + completion_tokens * card.completion.at(prompt_tokens)
    return -(-(pico + card.per_request_pico) // PICO_PER_NANO)


def to_amount(unit: Unit, value: Decimal) -> int:
    """The whole amount that `value` of a unit stands for: nano-dollars for dollars, else the number itself.

    Raises ValueError when the value is negative, not finite, larger than a store can hold, or finer than the unit.
    """
    if not value.is_finite() or value < 0:
        raise ValueError("must be a number that is zero or more")
    if value > to_decimal(unit, MOST_AMOUNT):  # compared before it is scaled: a product can overflow
        raise ValueError(f"is more than the most there can be: {to_decimal(unit, MOST_AMOUNT):f}")
    amount = int(value * NANO_PER_DOLLAR if unit is Unit.DOLLARS else value)
    if to_decimal(unit, amount) != value:  # compared exactly; the product above may have been rounded
        finest = "nine decimal places" if unit is Unit.DOLLARS else "whole numbers"
        raise ValueError(f"is finer than {unit} can be: use {finest}")
    return amount


def to_decimal(unit: Unit, amount: int) -> Decimal:
    """The amount as a person writes it: dollars for nano-dollars, else the number itself."""
    return Decimal(amount) / NANO_PER_DOLLAR if unit is Unit.DOLLARS else Decimal(amount)


def credit_price(tier_cost: int, multiplier: Decimal) -> int:
    """Whole credits that one successful call costs: the tier's price times the model's multiplier, rounded up."""
    if multiplier == 1:  # which it nearly always is, and a product of decimals is dear
        return tier_cost
    return int((tier_cost * multiplier).to_integral_value(rounding=ROUND_CEILING))
