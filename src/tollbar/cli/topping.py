"""`tollbar top-up key` and `tollbar top-up team`: amounts on top of allowances that end by themselves."""

from typing import TYPE_CHECKING, Annotated

import typer

from tollbar.cli import telling
from tollbar.cli.faults import spoken
from tollbar.cli.keys import Credits, Dollars, Reference, Tokens, dollars_of, run
from tollbar.cli.options import Config, Data, Json, app
from tollbar.cli.teams import Reference as TeamReference
from tollbar.cli.teams import say_team

if TYPE_CHECKING:
    from tollbar.admin.drafts import KeyDraft
    from tollbar.cli.store import Desk
    from tollbar.domain.identity import Key
    from tollbar.domain.teams import Team

commands = app("Put amounts on top of allowances for a while. They end by themselves.")

Span = Annotated[
    str, typer.Option("--for", metavar="WHEN", help="When it ends: 7d, 12h, or a date such as 2027-12-31.")
]


@commands.command("key")
def top_up_key(
    key: Reference,
    ends: Span,
    credits: Credits = None,  # noqa: A002 - the option's name
    dollars: Dollars = None,
    tokens: Tokens = None,
    as_json: Json = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Top up a key's allowances for a while.

    The amounts take the place of what is on top already; 0 ends it.
    """
    from tollbar.admin import keys

    with spoken():
        draft = _draft(ends, credits, dollars, tokens)

        async def change(desk: "Desk") -> "Key":
            found = await keys.find_key(desk.keys, key)
            return await keys.top_up_key(desk.keys, desk.clock, found.id, draft)

        topped, now = run(config, data, change)
    telling.say_key(topped, now, as_json=as_json)


@commands.command("team")
def top_up_team(
    team: TeamReference,
    ends: Span,
    credits: Credits = None,  # noqa: A002 - the option's name
    dollars: Dollars = None,
    tokens: Tokens = None,
    as_json: Json = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Top up a team's allowances for a while.

    The amounts take the place of what is on top already; 0 ends it.
    """
    from tollbar.admin import teams

    with spoken():
        draft = _draft(ends, credits, dollars, tokens)

        async def change(desk: "Desk") -> "Team":
            found = await teams.find_team(desk.teams, team)
            return await teams.top_up_team(desk.teams, desk.clock, found.id, draft)

        topped, now = run(config, data, change)
    say_team(topped, now, as_json=as_json)


def _draft(ends: str, credits: int | None, dollars: str | None, tokens: int | None) -> "KeyDraft":  # noqa: A002
    from tollbar.admin.drafts import KeyDraft

    return KeyDraft(credits=credits, dollars=dollars_of(dollars), tokens=tokens, expires=ends)
