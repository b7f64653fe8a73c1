"""What is written down about a call: attempts, ledger lines, and one wide record.

Ledger lines are money and are never lost; the record is for people and may, under a flood, be dropped and counted. All
are named tuples: every call makes some, and they are wide, where a frozen dataclass sets each field by itself.
"""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from tollbar.domain.money import LineItem
from tollbar.domain.usage import Usage


class Outcome(StrEnum):
    """How a call, or one attempt of it, ended."""

    OK = "ok"
    CACHED = "cached"
    REFUSED = "refused"
    FAILED = "failed"
    BROKEN = "broken"
    ABANDONED = "abandoned"
    LOST = "lost"


class Provenance(StrEnum):
    """Where a ledger line's figures come from, best first."""

    PROVIDER_FINAL = "provider_final"
    PROVIDER_PARTIAL = "provider_partial"
    COUNTED = "counted"
    ESTIMATE = "estimate"


class Attempt(NamedTuple):
    """One try at one target. Seconds are relative to the call's arrival."""

    target: str
    outcome: Outcome
    started_seconds: float
    ended_seconds: float
    error_code: str | None = None
    upstream_status: int | None = None


class LedgerEntry(NamedTuple):
    """One attempt's line: who, what, how much, and where the figures come from.

    `paid` says whether the caller's allowances paid it; other attempts are on the installation. `cost_nano_dollars` is
    None when the price is unknown. `end_user` is the id of whom it was for, where a key tells them apart.
    """

    request_id: str
    attempt: int
    key_id: str
    model: str
    target: str
    outcome: Outcome
    provenance: Provenance
    usage: Usage
    paid: bool
    credits: int
    cost_nano_dollars: int | None
    price_version: str | None
    items: tuple[LineItem, ...]
    at: datetime
    flag: str | None = None
    end_user: str | None = None


class DayUsage(NamedTuple):
    """What the paid lines of one day (UTC) and model come to; `unpriced` is how many of them have no cost."""

    day: date
    model: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    credits: int
    cost_nano_dollars: int
    unpriced: int


class Spending(NamedTuple):
    """What was spent since a day (UTC), the first of those asked for on which something was."""

    first_day: date
    credits: int
    cost_nano_dollars: int
    tokens: int


class RequestRecord(NamedTuple):
    """All that is known of one call when it is over: the source of the log line, the metrics and the `requests` row."""

    request_id: str
    at: datetime
    route: str
    key_id: str | None
    key_name: str | None
    address: str
    model: str | None
    target: str | None
    stream: bool
    outcome: Outcome
    status: int
    error_code: str | None
    usage: Usage | None
    provenance: Provenance | None
    credits: int
    cost_nano_dollars: int | None
    attempts: tuple[Attempt, ...]
    duration_seconds: float
    first_token_seconds: float | None
    stages: Mapping[str, float]
    user: str | None = None


class RunningCall(NamedTuple):
    """One call under way; `tokens` of its answer came up to now, counted where its provider has reported none."""

    id: str
    key_id: str
    key_name: str
    route: str
    model: str
    target: str | None
    since: datetime
    tokens: int


class RunningCalls(NamedTuple):
    """What every process runs, the longest first; `silent` is how many of them did not tell."""

    calls: tuple[RunningCall, ...]
    silent: int


class CallHistory(NamedTuple):
    """What is known of one call: its record, if that was kept, and its ledger lines in the order of its attempts."""

    record: RequestRecord | None
    lines: tuple[LedgerEntry, ...]

    @property
    def key_id(self) -> str | None:
        """Whose call it was."""
        if self.lines:
            return self.lines[0].key_id
        return None if self.record is None else self.record.key_id
