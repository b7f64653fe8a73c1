"""The shapes of `/v1/me/usage`."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from tollbar.domain import pace
from tollbar.domain.identity import Allowance
from tollbar.domain.money import Unit, to_decimal
from tollbar.domain.records import DayUsage, LedgerEntry, Outcome, Spending
from tollbar.edge.schemas import AllowanceView, Amount, Shape


class UsedView(Shape):
    """What calls came to. Dollars leave out calls whose price is unknown."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    credits: int
    dollars: Amount
    unpriced_calls: int = Field(description="How many of the calls have no price.")


class DayView(UsedView):
    """The same of one day and model."""

    day: date = Field(description="In UTC.")
    model: str

    @classmethod
    def of_day(cls, used: DayUsage) -> "DayView":
        """How it is told."""
        return cls(day=used.day, model=used.model, **_used([used]))


class PacedAllowanceView(AllowanceView):
    """An allowance, how fast it is spent, and when that is its end."""

    per_day: Amount = Field(description="What is spent in a day, by the last seven days; 0 where it is not known.")
    runs_out_at: datetime | None = Field(description="When nothing is left at this pace; null for never.")

    @classmethod
    def paced(cls, allowance: Allowance, spending: Spending | None, now: datetime) -> "PacedAllowanceView":
        """How it is told."""
        unit = allowance.id.unit
        return cls(
            **AllowanceView.of(allowance).model_dump(),
            per_day=to_decimal(unit, pace.per_day(unit, spending, now)),
            runs_out_at=pace.runs_out_at(allowance, spending, now),
        )


class UsageView(Shape):
    """What the key used, or one of its end users, and what is left."""

    object: Literal["usage"] = "usage"
    since: date
    end_user: str | None = Field(None, description="The end user whose it is, as it was named; null for all calls.")
    total: UsedView
    days: list[DayView] = Field(description="By day and model, the newest day first; days without a call are left out.")
    allowances: list[PacedAllowanceView]

    @classmethod
    def of(
        cls, since: date, end_user: str | None, used: Sequence[DayUsage], allowances: Sequence[PacedAllowanceView]
    ) -> "UsageView":
        """How it is told."""
        days = [DayView.of_day(day) for day in used]
        return cls(
            since=since, end_user=end_user, total=UsedView(**_used(used)), days=days, allowances=list(allowances)
        )


class SettledView(Shape):
    """A call that was settled."""

    object: Literal["call"] = "call"
    request_id: str
    at: datetime
    model: str
    target: str
    outcome: Outcome
    paid: bool
    prompt_tokens: int
    completion_tokens: int
    credits: int
    dollars: Amount | None = Field(description="Null where the price is unknown.")
    end_user: str | None = Field(description="The id of whom it was for, where the key tells them apart.")

    @classmethod
    def of(cls, line: LedgerEntry) -> "SettledView":
        """How it is told."""
        cost = line.cost_nano_dollars
        return cls(
            request_id=line.request_id,
            at=line.at,
            model=line.model,
            target=line.target,
            outcome=line.outcome,
            paid=line.paid,
            prompt_tokens=line.usage.prompt_tokens,
            completion_tokens=line.usage.completion_tokens,
            credits=line.credits,
            dollars=None if cost is None else to_decimal(Unit.DOLLARS, cost),
            end_user=line.end_user,
        )


def _used(days: Sequence[DayUsage]) -> dict[str, Any]:
    return {
        "calls": sum(day.calls for day in days),
        "prompt_tokens": sum(day.prompt_tokens for day in days),
        "completion_tokens": sum(day.completion_tokens for day in days),
        "credits": sum(day.credits for day in days),
        "dollars": to_decimal(Unit.DOLLARS, sum(day.cost_nano_dollars for day in days)),
        "unpriced_calls": sum(day.unpriced for day in days),
    }
