"""Rates and concurrency: what may be limited, what a call takes from a limit, and what the counters answer.

Rates are not money: they are kept in `Counters`, fast and forgotten with time, never in the ledger.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

WINDOW_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_RATE = re.compile(r"\s*(\d{1,12})\s*(?:/|per)\s*(?:1\s+)?(second|minute|hour|day)s?\s*")


class Measure(StrEnum):
    """What a limit counts."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    CONCURRENCY = "concurrency"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `amount` of a measure in any window of `window_seconds` (0 for concurrency: at any moment)."""

    measure: Measure
    amount: int
    window_seconds: int

    @property
    def kind(self) -> tuple[Measure, int]:
        """What tells limits of one scope apart: measure and window, whatever the amount."""
        return self.measure, self.window_seconds

    def __str__(self) -> str:
        if self.measure is Measure.CONCURRENCY:
            return f"{self.amount} at once"
        word = {seconds: name for name, seconds in WINDOW_SECONDS.items()}.get(self.window_seconds)
        return f"{self.amount} per 1 {word}" if word else f"{self.amount} per {self.window_seconds} seconds"


class Charge(NamedTuple):
    """So much of one limit, for one subject: `scope` says whose (`key:8f…`, `address:192.0.2.7`)."""

    scope: str
    limit: Limit
    amount: int = 1


class Room(NamedTuple):
    """How a limit stands after a take: what is left, and in how many seconds all of it is free again."""

    scope: str
    limit: Limit
    remaining: int
    reset_seconds: float


class Verdict(NamedTuple):
    """The counters' answer: all charges were taken, or none was and `refused` names one that did not fit.

    `retry_after_seconds` is when the last of the refusing limits has room again; `taken_at` (monotonic seconds) is
    handed back with `give_back`, so that a correction reaches the moment at which the charge was counted.
    """

    rooms: tuple[Room, ...]
    taken_at: float
    refused: Charge | None = None
    retry_after_seconds: float = 0.0


class Bounds(NamedTuple):
    """What a call may use, before it is sent: at the most and as expected, over all targets of its plan.

    Tokens are prompt and completion together; dollars are nano-dollars, None when a target's price is unknown.
    """

    prompt_tokens: int
    most_tokens: int
    expected_tokens: int
    most_nano_dollars: int | None
    expected_nano_dollars: int | None
    credits: int


def parse_rate(text: str, measure: Measure = Measure.REQUESTS) -> Limit:
    """The limit that `"20/minute"` or `"20 per minute"` stands for; raises ValueError with what is wrong."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no rate: write a number, a slash and second, minute, hour or day ('20/minute')")
    amount = int(match[1])
    if amount < 1:
        raise ValueError(f"{text!r} would let nothing pass: a rate is 1 or more")
    return Limit(measure, amount, WINDOW_SECONDS[match[2]])
