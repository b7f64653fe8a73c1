"""`tollbar top-up key` and `tollbar top-up team`: amounts on top of allowances that end by themselves."""

from typing import TYPE_CHECKING, Annotated

import typer

from tollbar.cli import telling
from tollbar.cli.faults import spoken
from tollbar.cli.granting import Amounts, draft_of
from tollbar.cli.keys import Reference, run
from tollbar.cli.options import Config, Data, Json, app, spread
from tollbar.cli.teams import Reference as TeamReference
from tollbar.cli.teams import say_team

if TYPE_CHECKING:
    from tollbar.cli.store import Desk
    from tollbar.domain.identity import Key
    from tollbar.domain.teams import Team

commands = app("Put amounts on top of allowances for a while. They end by themselves.")

Span = Annotated[
    str, typer.Option("--for", metavar="WHEN", help="When it ends: 7d, 12h, or a date such as 2027-12-31.")
]


@commands.command("key")
@spread
def top_up_key(
    key: Reference,
    ends: Span,
    amounts: Amounts,
    as_json: Json = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Top up a key's allowances for a while.

    The amounts take the place of what is on top already; 0 ends it.
    """
    from tollbar.admin import keys

    with spoken(expires="for"):
        draft = draft_of(amounts, expires=ends)

        async def change(desk: "Desk") -> "Key":
            found = await keys.find_key(desk.keys, key)
            return await keys.top_up_key(desk.keys, desk.clock, found.id, draft)

        topped, now = run(config, data, change)
    telling.say_key(topped, now, as_json=as_json)


@commands.command("team")
@spread
def top_up_team(
    team: TeamReference,
    ends: Span,
    amounts: Amounts,
    as_json: Json = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Top up a team's allowances for a while.

    The amounts take the place of what is on top already; 0 ends it.
    """
    from tollbar.admin import teams

    with spoken(expires="for"):
        draft = draft_of(amounts, expires=ends)

        async def change(desk: "Desk") -> "Team":
            found = await teams.find_team(desk.teams, team)
            return await teams.top_up_team(desk.teams, desk.clock, found.id, draft)

        topped, now = run(config, data, change)
    say_team(topped, now, as_json=as_json)
