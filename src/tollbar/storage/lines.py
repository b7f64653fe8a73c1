"""Ledger lines as rows of the `ledger` table, and as the JSON that a hold keeps in case its process dies."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from tollbar.domain.money import LineItem
from tollbar.domain.records import LedgerEntry, Outcome, Provenance
from tollbar.domain.usage import Usage
from tollbar.storage.times import microseconds, moment

OVERRUN = "overrun"
"""The charge was above its hold."""
LATE = "late"
"""The process was taken for dead and its hold resolved before it settled; the line charges nothing."""
ESTIMATE = "estimate"
"""The process died before it settled; the line says what the call was expected to cost."""


class _Stored(msgspec.Struct, array_like=True, frozen=True):
    """What a hold keeps of a line, in the order in which it is written."""

    attempt: int
    key_id: str
    model: str
    target: str
    tokens: tuple[int, ...]
    cost: int | None
    price_version: str | None
    items: tuple[LineItem, ...]
    end_user: str | None = None


_encode: Callable[[object], bytes] = msgspec.json.encode
_items: Callable[[str], tuple[LineItem, ...]] = msgspec.json.Decoder(tuple[LineItem, ...]).decode
_stored: Callable[[str], _Stored] = msgspec.json.Decoder(_Stored).decode


def to_row(entry: LedgerEntry, is_overrun: bool = False) -> tuple[object, ...]:
    """A line in the order of the table's columns, without its number; an overrun flags what the caller pays."""
    usage = entry.usage
    return (
        entry.request_id,
        entry.attempt,
        entry.key_id,
        storable(entry.model),
        storable(entry.target),
        entry.outcome.value,  # as a plain string: SQLite's driver looks for an adapter of anything else
        entry.provenance.value,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.cached_read_tokens,
        usage.cached_write_tokens,
        usage.reasoning_tokens,
        usage.audio_prompt_tokens,
        usage.audio_completion_tokens,
        int(entry.paid),
        entry.credits,
        entry.cost_nano_dollars,
        entry.price_version,
        _encode(entry.items).decode(),
        microseconds(entry.at),
        OVERRUN if is_overrun and entry.paid else entry.flag,
        entry.end_user,
    )


def from_row(row: tuple[Any, ...]) -> LedgerEntry:
    """The line of a row, which is in the order of the table's columns, without its number."""
    request_id, attempt, key_id, model, target, outcome, provenance, *more = row
    paid, charged, cost, price_version, items, at, flag, end_user = more[7:]
    return LedgerEntry(
        request_id=request_id,
        attempt=attempt,
        key_id=key_id,
        model=model,
        target=target,
        outcome=Outcome(outcome),
        provenance=Provenance(provenance),
        usage=Usage(*more[:7]),
        paid=bool(paid),
        credits=charged,
        cost_nano_dollars=cost,
        price_version=price_version,
        items=_items(items),
        at=moment(at),
        flag=flag,
        end_user=end_user,
    )


def to_json(entry: LedgerEntry) -> str:
    """What a hold keeps of a line: short, since every call writes it and nearly none needs it."""
    usage = entry.usage
    tokens = (
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.cached_read_tokens,
        usage.cached_write_tokens,
        usage.reasoning_tokens,
        usage.audio_prompt_tokens,
        usage.audio_completion_tokens,
    )
    who = (entry.attempt, entry.key_id, storable(entry.model), storable(entry.target))
    return _encode((*who, tokens, entry.cost_nano_dollars, entry.price_version, entry.items, entry.end_user)).decode()


def storable(text: str) -> str:
    """The text without what is no character: callers can name models in JSON with halves of surrogate pairs."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def lost(stored: str, request_id: str, at: datetime, is_paid: bool) -> LedgerEntry:
    """The line of a call whose process died: as estimated, paid if an allowance pays for what the provider bills."""
    kept = _stored(stored)
    return LedgerEntry(
        request_id=request_id,
        attempt=kept.attempt,
        key_id=kept.key_id,
        model=kept.model,
        target=kept.target,
        outcome=Outcome.LOST,
        provenance=Provenance.ESTIMATE,
        usage=Usage(*kept.tokens),
        paid=is_paid,
        credits=0,
        cost_nano_dollars=kept.cost,
        price_version=kept.price_version,
        items=kept.items,
        at=at,
        flag=ESTIMATE,
        end_user=kept.end_user,
    )


def late(entry: LedgerEntry) -> LedgerEntry:
    """The line of a settlement that came too late: the allowances have paid the estimate, or nothing."""
    return entry._replace(paid=False, flag=LATE)
