"""The shapes that tell of one call: what became of it, and how its price came about."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field

from tollbar.domain.money import PICO_PER_DOLLAR_PER_MILLION, LineItem, Unit, to_decimal
from tollbar.domain.records import Attempt, CallHistory, LedgerEntry, Outcome, Provenance, RunningCalls
from tollbar.edge.schemas import Amount, Shape


class ItemView(Shape):
    """So many tokens of a kind at a price each."""

    kind: str
    tokens: int
    dollars_per_million: Amount

    @classmethod
    def of(cls, item: LineItem) -> "ItemView":
        """How it is told."""
        price = Decimal(item.pico_dollars_each) / PICO_PER_DOLLAR_PER_MILLION
        return cls(kind=item.kind, tokens=item.tokens, dollars_per_million=price)


class LineView(Shape):
    """One line of the ledger: what an attempt cost, and where the figures come from."""

    attempt: int = Field(description="Counted from 0.")
    target: str
    outcome: Outcome
    paid: bool = Field(description="Whether the key paid it; other attempts are on the installation.")
    credits: int
    dollars: Amount | None = Field(description="Null where the price is unknown.")
    prompt_tokens: int
    completion_tokens: int
    provenance: Provenance = Field(description="Where the token counts come from, the provider's final report best.")
    price_version: str | None = Field(description="The version of the price; null where there is none.")
    items: list[ItemView] = Field(description="How the dollars came about, before they are rounded up once.")
    flag: str | None = Field(
        description="`overrun`: it cost more than it held. `estimate`: its process died. `late`: it charges nothing."
    )
    at: datetime

    @classmethod
    def of(cls, line: LedgerEntry) -> "LineView":
        """How it is told."""
        return cls(
            attempt=line.attempt,
            target=line.target,
            outcome=line.outcome,
            paid=line.paid,
            credits=line.credits,
            dollars=None if line.cost_nano_dollars is None else to_decimal(Unit.DOLLARS, line.cost_nano_dollars),
            prompt_tokens=line.usage.prompt_tokens,
            completion_tokens=line.usage.completion_tokens,
            provenance=line.provenance,
            price_version=line.price_version,
            items=[ItemView.of(item) for item in line.items],
            flag=line.flag,
            at=line.at,
        )


class AttemptView(Shape):
    """One try at one target, in seconds since the call came."""

    target: str
    outcome: Outcome
    began_seconds: float
    ended_seconds: float
    error: str | None
    upstream_status: int | None

    @classmethod
    def of(cls, attempt: Attempt) -> "AttemptView":
        """How it is told."""
        return cls(
            target=attempt.target,
            outcome=attempt.outcome,
            began_seconds=round(attempt.started_seconds, 6),
            ended_seconds=round(attempt.ended_seconds, 6),
            error=attempt.error_code,
            upstream_status=attempt.upstream_status,
        )


class RunningView(Shape):
    """A call under way."""

    id: str
    key_id: str
    key_name: str
    route: str
    model: str = Field(description="Empty until the call is read.")
    target: str | None = Field(description="Where it was sent last; null before that.")
    since: datetime
    tokens: int = Field(description="Of the answer up to now, counted where the provider has reported none.")


class RunningList(Shape):
    """The calls under way in every process, the longest first; of each process at most a thousand."""

    object: Literal["list"] = "list"
    data: list[RunningView]
    silent: int = Field(description="Processes that did not tell within a second.")

    @classmethod
    def of(cls, running: RunningCalls) -> "RunningList":
        """How they are told."""
        return cls(data=[RunningView(**call._asdict()) for call in running.calls], silent=running.silent)


class CancelView(Shape):
    """A call that is being ended; what it cost is told once it is over."""

    object: Literal["request.cancelled"] = "request.cancelled"
    id: str


class RequestView(Shape):
    """A call that is over. Without its record, which is kept for a time, the ledger alone tells of it."""

    object: Literal["request"] = "request"
    id: str
    key_id: str | None
    model: str | None
    outcome: Outcome
    at: datetime
    route: str | None = Field(description="Null, like what follows, where the record is not kept.")
    status: int | None
    error: str | None
    stream: bool | None
    user: str | None
    seconds: float | None
    first_token_seconds: float | None
    attempts: list[AttemptView]
    lines: list[LineView] = Field(description="One for each attempt; none where nothing was sent to a provider.")

    @classmethod
    def of(cls, request_id: str, history: CallHistory) -> "RequestView":
        """How it is told."""
        record, lines = history
        last = record or lines[-1]
        first = record.first_token_seconds if record else None
        return cls(
            id=request_id,
            key_id=history.key_id,
            model=last.model,
            outcome=last.outcome,
            at=last.at,
            route=record.route if record else None,
            status=record.status if record else None,
            error=record.error_code if record else None,
            stream=record.stream if record else None,
            user=record.user if record else None,
            seconds=round(record.duration_seconds, 6) if record else None,
            first_token_seconds=None if first is None else round(first, 6),
            attempts=[AttemptView.of(attempt) for attempt in record.attempts] if record else [],
            lines=[LineView.of(line) for line in lines],
        )
