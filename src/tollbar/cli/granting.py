"""What a key or a team may have, as the options of the commands that grant it."""

from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tollbar.admin.drafts import KeyDraft

Models = Annotated[
    str | None,
    typer.Option("--models", metavar="NAMES", help="The models it may call, separated by commas; * for all."),
]
Number = int | None


@dataclass(frozen=True)
class Amounts:
    """Options: how much may be spent."""

    credits: Annotated[
        Number, typer.Option("--credits", metavar="NUMBER", help="How many credits; a call costs one or more.")
    ] = None
    dollars: Annotated[
        str | None, typer.Option("--dollars", metavar="AMOUNT", help="How many dollars, such as 10 or 0.50.")
    ] = None
    tokens: Annotated[
        Number, typer.Option("--tokens", metavar="NUMBER", help="How many tokens, of prompts and answers.")
    ] = None


@dataclass(frozen=True)
class Granted(Amounts):
    """Options: how much may be spent, and when that begins anew."""

    reset: Annotated[
        str | None,
        typer.Option(
            "--reset", metavar="PERIOD", help="When these amounts begin anew: never, hour, day, week or month."
        ),
    ] = None
    time_zone: Annotated[
        str | None,
        typer.Option("--time-zone", metavar="NAME", help="Where periods begin: Europe/Berlin; UTC by default."),
    ] = None


@dataclass(frozen=True)
class Rates:
    """Options: how much at a time."""

    rpm: Annotated[Number, typer.Option("--rpm", metavar="NUMBER", help="Requests per minute.")] = None
    rpd: Annotated[Number, typer.Option("--rpd", metavar="NUMBER", help="Requests per day.")] = None
    tpm: Annotated[Number, typer.Option("--tpm", metavar="NUMBER", help="Tokens per minute.")] = None
    tpd: Annotated[Number, typer.Option("--tpd", metavar="NUMBER", help="Tokens per day.")] = None
    concurrency: Annotated[Number, typer.Option("--concurrency", metavar="NUMBER", help="Calls at the same time.")] = (
        None
    )


@dataclass(frozen=True)
class Standing:
    """Options: how long a key lasts, and what it belongs to."""

    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="WHEN", help="When it ends: 30d, 12h, a date such as 2027-12-31, or never."),
    ] = None
    tier: Annotated[
        str | None,
        typer.Option("--tier", metavar="NAME", help="The tier of 'tiers' that says what a call costs; '' for none."),
    ] = None
    team: Annotated[
        str | None, typer.Option("--team", metavar="TEAM", help="The team it belongs to, by name or id; '' for none.")
    ] = None
    max_uses: Annotated[
        Number, typer.Option("--max-uses", metavar="NUMBER", help="How many successful calls it makes in all.")
    ] = None


def draft_of(*options: Amounts | Rates | Standing, **others: Any) -> "KeyDraft":
    """What the options of a command ask for, and the other fields of a draft; raises InvalidValue."""
    from tollbar.admin.drafts import KeyDraft

    asked: dict[str, Any] = dict(others)
    for one in options:
        asked |= asdict(one)
    asked["dollars"] = dollars_of(asked.get("dollars"))
    return KeyDraft(**asked)


def names(text: str | None) -> tuple[str, ...] | None:
    """Names that were separated by commas."""
    return None if text is None else tuple(part for part in text.split(",") if part.strip())


def dollars_of(text: str | None) -> Decimal | None:
    """An amount as it was written; raises InvalidValue."""
    from tollbar.domain.errors import InvalidValue

    if text is None:
        return None
    try:
        return Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        raise InvalidValue(
            f"{text[:64]!r} is no number of dollars.", field="dollars", hint="Write 10 or 0.50."
        ) from None
