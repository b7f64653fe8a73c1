"""`tollbar explain request`: what became of a call, and how its price came about."""

import asyncio
from typing import TYPE_CHECKING

from tollbar.cli import output
from tollbar.domain.errors import InvalidValue, NotFound
from tollbar.domain.money import PICO_PER_DOLLAR_PER_MILLION, LineItem, Unit

if TYPE_CHECKING:
    from tollbar.domain.records import Attempt, CallHistory, LedgerEntry, RequestRecord
    from tollbar.settings import Settings


def explained(settings: "Settings", word: str, request_id: str, *, as_json: bool) -> None:
    """Writes what is known of a call; raises InvalidValue where `word` is not 'request', or NotFound."""
    if word != "request":
        hint = "'tollbar explain MODEL' or 'tollbar explain request ID'."
        raise InvalidValue(f"{request_id!r} is one argument too many.", hint=hint)
    history = asyncio.run(_read(settings, request_id))
    if history is None:
        raise NotFound("There is no such request.", hint="The header x-request-id of an answer names it.")
    if as_json:
        from tollbar.edge.request_schemas import RequestView

        output.say_json(RequestView.of(request_id, history).model_dump())
    else:
        say_history(request_id, history)


def say_history(request_id: str, history: "CallHistory") -> None:
    """Writes it for people."""
    pairs = [("request", request_id), ("key", history.key_id or "")]
    if history.record is not None:
        pairs += _told(history.record)
    output.say_pairs(pairs)
    if history.record is not None and history.record.attempts:
        output.say()
        output.say_table(("attempt", "outcome", "from", "to", "error"), list(map(_attempt, history.record.attempts)))
    for line in history.lines:
        output.say()
        output.say_pairs(_line(line))
    if not history.lines:
        output.note("Nothing was sent to a provider, and nothing was charged.")


async def _read(settings: "Settings", request_id: str) -> "CallHistory | None":
    from tollbar.cli.store import open_store

    async with open_store(settings) as desk:
        return await desk.history(request_id)


def _told(record: "RequestRecord") -> list[tuple[str, str]]:
    return [
        ("name", record.key_name or ""),
        ("at", f"{record.at:%Y-%m-%d %H:%M:%S} UTC"),
        ("route", record.route),
        ("model", record.model or ""),
        ("status", f"{record.status} {record.error_code or record.outcome.value}"),
        ("took", f"{record.duration_seconds:.3f} s"),
    ]


def _attempt(attempt: "Attempt") -> tuple[str, ...]:
    began, ended = (f"{seconds:.3f} s" for seconds in (attempt.started_seconds, attempt.ended_seconds))
    return (attempt.target, attempt.outcome.value, began, ended, attempt.error_code or "")


def _line(line: "LedgerEntry") -> list[tuple[str, str]]:
    cost = line.cost_nano_dollars
    return [
        (f"attempt {line.attempt}", f"{line.target}: {line.outcome.value}"),
        ("paid by", "the key" if line.paid else "the installation"),
        ("credits", str(line.credits)),
        ("dollars", "price unknown" if cost is None else output.amount(Unit.DOLLARS, cost)),
        *((item.kind.replace("_", " "), _item(item)) for item in line.items),
        ("tokens", f"{line.usage.prompt_tokens:,} prompt, {line.usage.completion_tokens:,} completion"),
        ("figures", line.provenance.value.replace("_", " ")),
        ("prices of", line.price_version or ""),
        ("flag", line.flag or ""),
    ]


def _item(item: LineItem) -> str:
    return f"{item.tokens:,} tokens at ${item.pico_dollars_each / PICO_PER_DOLLAR_PER_MILLION:,.4g} per million"
