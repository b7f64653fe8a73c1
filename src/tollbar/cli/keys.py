"""`tollbar keys`: makes, shows and ends keys, straight in the store, whether a server runs or not."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from tollbar.cli import output, telling
from tollbar.cli.faults import spoken
from tollbar.cli.options import Config, Data, Json, app

if TYPE_CHECKING:
    from tollbar.admin.drafts import KeyDraft
    from tollbar.admin.keys import IssuedKey
    from tollbar.cli.store import Desk
    from tollbar.domain.identity import Key

Answer = TypeVar("Answer")

commands = app("Make, show, change and end keys. Works while the server runs or not; changes count within a second.")

Reference = Annotated[str, typer.Argument(metavar="KEY", help="The key's name or id.", show_default=False)]
Credits = Annotated[
    int | None,
    typer.Option("--credits", metavar="NUMBER", help="How many credits it may spend; a call costs one or more."),
]
Dollars = Annotated[
    str | None, typer.Option("--dollars", metavar="AMOUNT", help="How many dollars it may spend, such as 10 or 0.50.")
]
Tokens = Annotated[int | None, typer.Option("--tokens", metavar="NUMBER", help="How many tokens it may use.")]
ResetPeriod = Annotated[
    str | None,
    typer.Option("--reset", metavar="PERIOD", help="When these amounts begin anew: never, hour, day, week or month."),
]
Zone = Annotated[
    str | None, typer.Option("--time-zone", metavar="NAME", help="Where periods begin: Europe/Berlin; UTC by default.")
]
Rpm = Annotated[int | None, typer.Option("--rpm", metavar="NUMBER", help="Requests per minute.")]
Rpd = Annotated[int | None, typer.Option("--rpd", metavar="NUMBER", help="Requests per day.")]
Tpm = Annotated[int | None, typer.Option("--tpm", metavar="NUMBER", help="Tokens per minute.")]
Tpd = Annotated[int | None, typer.Option("--tpd", metavar="NUMBER", help="Tokens per day.")]
Concurrency = Annotated[int | None, typer.Option("--concurrency", metavar="NUMBER", help="Calls at the same time.")]
Models = Annotated[
    str | None,
    typer.Option("--models", metavar="NAMES", help="The models it may call, separated by commas; * for all."),
]
Expires = Annotated[
    str | None,
    typer.Option("--expires", metavar="WHEN", help="When it ends: 30d, 12h, a date such as 2027-12-31, or never."),
]

Tier = Annotated[
    str | None,
    typer.Option("--tier", metavar="NAME", help="The tier of 'tiers' that says what a call costs; '' for none."),
]
TeamOf = Annotated[
    str | None, typer.Option("--team", metavar="TEAM", help="The team it belongs to, by name or id; '' for none.")
]
MaxUses = Annotated[
    int | None, typer.Option("--max-uses", metavar="NUMBER", help="How many successful calls it makes in all.")
]


@commands.command("create")
def create(
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Who or what will use the key.", show_default=False)
    ],
    credits: Credits = None,  # noqa: A002 - the option's name
    dollars: Dollars = None,
    tokens: Tokens = None,
    reset: ResetPeriod = None,
    time_zone: Zone = None,
    rpm: Rpm = None,
    rpd: Rpd = None,
    tpm: Tpm = None,
    tpd: Tpd = None,
    concurrency: Concurrency = None,
    models: Models = None,
    expires: Expires = None,
    tier: Tier = None,
    team: TeamOf = None,
    max_uses: MaxUses = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="Make a key for administration, which calls no models.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Write the key alone.")] = False,
    as_json: Json = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Make a key and show it once.

    Without amounts, the key may spend without end; without rates, as fast as it likes.
    """
    from tollbar.admin.drafts import KeyDraft

    with spoken():
        draft = KeyDraft(
            name=name,
            permission="admin" if admin else "call",
            models=names(models),
            credits=credits,
            dollars=dollars_of(dollars),
            tokens=tokens,
            reset=reset,
            time_zone=time_zone,
            rpm=rpm,
            rpd=rpd,
            tpm=tpm,
            tpd=tpd,
            concurrency=concurrency,
            expires=expires,
            tier=tier,
            team=team,
            max_uses=max_uses,
        )

        issued, now = run(config, data, lambda desk: _issue(desk, draft))
    telling.say_issued(issued, now, "is made", quiet=quiet, as_json=as_json)


@commands.command("list")
def list_all(as_json: Json = False, config: Config = None, data: Data = None) -> None:
    """List every key, newest first."""
    from tollbar.admin.keys import list_keys

    with spoken():
        keys, now = run(config, data, lambda desk: list_keys(desk.keys))
    if as_json:
        output.say_json({"object": "list", "data": [telling.describe(key, now) for key in keys]})
        return
    if not keys:
        output.note("There are no keys yet. Make one: tollbar keys create --name NAME")
        return
    telling.say_list(keys, now)


@commands.command("show")
def show(key: Reference, as_json: Json = False, config: Config = None, data: Data = None) -> None:
    """Show one key: what it may do, and what it has left."""
    from tollbar.admin.keys import find_key

    with spoken():
        found, now = run(config, data, lambda desk: find_key(desk.keys, key))
    telling.say_key(found, now, as_json=as_json)


@commands.command("update")
def update(
    key: Reference,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Another name.")] = None,
    credits: Credits = None,  # noqa: A002 - the option's name
    dollars: Dollars = None,
    tokens: Tokens = None,
    reset: ResetPeriod = None,
    time_zone: Zone = None,
    rpm: Rpm = None,
    rpd: Rpd = None,
    tpm: Tpm = None,
    tpd: Tpd = None,
    concurrency: Concurrency = None,
    models: Models = None,
    expires: Expires = None,
    tier: Tier = None,
    team: TeamOf = None,
    max_uses: MaxUses = None,
    as_json: Json = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Change a key. What is not named stays; a rate of 0 lifts that limit.

    An amount is the whole of what is granted, what was spent included: to give 5 credits more to a key that was granted
    10, say --credits 15.
    """
    from tollbar.admin.drafts import KeyDraft
    from tollbar.admin.keys import find_key, update_key
    from tollbar.admin.teams import placed

    with spoken():
        draft = KeyDraft(
            name=name,
            models=names(models),
            credits=credits,
            dollars=dollars_of(dollars),
            tokens=tokens,
            reset=reset,
            time_zone=time_zone,
            rpm=rpm,
            rpd=rpd,
            tpm=tpm,
            tpd=tpd,
            concurrency=concurrency,
            expires=expires,
            tier=tier,
            team=team,
            max_uses=max_uses,
        )

        async def change(desk: "Desk") -> "Key":
            found = await find_key(desk.keys, key)
            wanted = await placed(desk.teams, draft)
            return await update_key(desk.keys, desk.clock, found.id, wanted, tiers=desk.tiers)

        changed, now = run(config, data, change)
    telling.say_key(changed, now, as_json=as_json)


@commands.command("rotate")
def rotate(
    key: Reference,
    grace: Annotated[
        str, typer.Option("--grace", metavar="SPAN", help="How long the present secret works on: 0s, 24h, 7d.")
    ] = "0s",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Write the key alone.")] = False,
    as_json: Json = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Give a key another secret and show it once. Name, limits and allowances stay."""
    from tollbar.admin.drafts import read_span
    from tollbar.admin.keys import find_key, rotate_key

    with spoken():
        span = read_span(grace, "grace")

        async def change(desk: "Desk") -> "IssuedKey":
            found = await find_key(desk.keys, key)
            return await rotate_key(desk.keys, desk.clock, desk.digest, found.id, span)

        issued, now = run(config, data, change)
    ending = f"the earlier one works for {output.span(span)} more" if span else "the earlier one has stopped"
    telling.say_issued(issued, now, f"has another secret; {ending}", quiet=quiet, as_json=as_json)


@commands.command("revoke")
def revoke(key: Reference, as_json: Json = False, config: Config = None, data: Data = None) -> None:
    """End a key for good, at once."""
    from tollbar.admin.keys import find_key, revoke_key

    with spoken():

        async def end(desk: "Desk") -> "Key":
            found = await find_key(desk.keys, key)
            return await revoke_key(desk.keys, desk.clock, found.id)

        ended, now = run(config, data, end)
    if as_json:
        output.say_json(telling.describe(ended, now))
    else:
        output.say(f"{output.clean(ended.name)} is revoked.")


async def _issue(desk: "Desk", draft: "KeyDraft") -> "IssuedKey":
    from tollbar.admin.keys import issue_key
    from tollbar.admin.teams import placed

    return await issue_key(desk.keys, desk.clock, desk.digest, await placed(desk.teams, draft), desk.tiers)


def run(config: Path | None, data: Path | None, work: "Callable[[Desk], Awaitable[Answer]]") -> tuple[Answer, datetime]:
    """What `work` gives on the open store, and the moment by which its times are to be told."""
    from tollbar.cli.store import open_desk

    async def working() -> tuple[Answer, datetime]:
        async with open_desk(config, data) as desk:
            return await work(desk), desk.clock.now()

    return asyncio.run(working())


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
