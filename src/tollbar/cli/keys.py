"""`tollbar keys`: makes, shows and ends keys, straight in the store, whether a server runs or not."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from tollbar.cli import output, telling
from tollbar.cli.faults import spoken
from tollbar.cli.granting import Granted, Models, Rates, Standing, draft_of, names
from tollbar.cli.options import Config, Data, Json, app, spread

if TYPE_CHECKING:
    from tollbar.admin.drafts import KeyDraft
    from tollbar.admin.keys import IssuedKey
    from tollbar.cli.store import Desk
    from tollbar.domain.identity import Key

Answer = TypeVar("Answer")

commands = app("Make, show, change and end keys. Works while the server runs or not; changes count within a second.")

Reference = Annotated[str, typer.Argument(metavar="KEY", help="The key's name or id.", show_default=False)]


@commands.command("create")
@spread
def create(
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Who or what will use the key.", show_default=False)
    ],
    granted: Granted,
    rates: Rates,
    *,
    models: Models = None,
    standing: Standing,
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
    with spoken():
        kind = "admin" if admin else "call"
        draft = draft_of(granted, rates, standing, name=name, models=names(models), permission=kind)

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
@spread
def update(
    key: Reference,
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Another name.")] = None,
    granted: Granted,
    rates: Rates,
    models: Models = None,
    standing: Standing,
    as_json: Json = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Change a key. What is not named stays; a rate of 0 lifts that limit.

    An amount is the whole of what is granted, what was spent included: to give 5 credits more to a key that was granted
    10, say --credits 15.
    """
    from tollbar.admin.keys import find_key, update_key
    from tollbar.admin.teams import placed

    with spoken():
        draft = draft_of(granted, rates, standing, name=name, models=names(models))

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
