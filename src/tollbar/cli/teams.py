"""`tollbar teams`: makes, shows and changes teams, straight in the store, whether a server runs or not."""

from typing import TYPE_CHECKING, Annotated

import typer

from tollbar.cli import output
from tollbar.cli.faults import spoken
from tollbar.cli.granting import Granted, Models, Rates, draft_of, names
from tollbar.cli.keys import run
from tollbar.cli.options import Config, Data, Json, app, spread

if TYPE_CHECKING:
    from datetime import datetime

    from tollbar.cli.store import Desk
    from tollbar.domain.teams import Team

commands = app(
    "Make, show and change teams. What several keys share: amounts, models and rates. The team 'installation' is "
    "everybody's."
)

Reference = Annotated[str, typer.Argument(metavar="TEAM", help="The team's name or id.", show_default=False)]


@commands.command("create")
@spread
def create(
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What the team is called.", show_default=False)],
    granted: Granted,
    rates: Rates,
    models: Models = None,
    as_json: Json = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Make a team. Put keys into it: tollbar keys update KEY --team NAME."""
    from tollbar.admin.teams import create_team

    with spoken():
        draft = draft_of(granted, rates, name=name, models=names(models))
        made, now = run(config, data, lambda desk: create_team(desk.teams, desk.clock, draft))
    say_team(made, now, as_json=as_json)


@commands.command("list")
def list_all(as_json: Json = False, config: Config = None, data: Data = None) -> None:
    """List every team, by name."""
    from tollbar.admin.teams import list_teams

    with spoken():
        found, _ = run(config, data, lambda desk: list_teams(desk.teams))
    if as_json:
        output.say_json({"object": "list", "data": [_describe(team) for team in found]})
        return
    output.say_table(("name", "id", "models", "left", "limits"), [_row(team) for team in found])


@commands.command("show")
def show(team: Reference, as_json: Json = False, config: Config = None, data: Data = None) -> None:
    """Show one team: what its keys may do together, and what is left."""
    from tollbar.admin.teams import find_team

    with spoken():
        found, now = run(config, data, lambda desk: find_team(desk.teams, team))
    say_team(found, now, as_json=as_json)


@commands.command("update")
@spread
def update(
    team: Reference,
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Another name.")] = None,
    granted: Granted,
    rates: Rates,
    models: Models = None,
    as_json: Json = False,
    config: Config = None,
    data: Data = None,
) -> None:
    """Change a team. What is not named stays, and what was spent stays spent; a rate of 0 lifts that limit."""
    from tollbar.admin.teams import find_team, update_team

    with spoken():
        draft = draft_of(granted, rates, name=name, models=names(models))

        async def change(desk: "Desk") -> "Team":
            found = await find_team(desk.teams, team)
            return await update_team(desk.teams, found.id, draft)

        changed, now = run(config, data, change)
    say_team(changed, now, as_json=as_json)


def say_team(team: "Team", now: "datetime", *, as_json: bool) -> None:
    """Writes one team's page."""
    if as_json:
        output.say_json(_describe(team))
        return
    output.say_pairs(
        [
            ("name", team.name),
            ("id", team.id),
            ("models", ", ".join(team.models) or "all"),
            *(("allowance", output.allowance(allowance)) for allowance in team.allowances),
            ("each end user", output.grants(team.end_user_terms.grants) if team.end_user_terms else ""),
            *(("limit", output.limit(limit)) for limit in team.limits),
            ("made", output.moment(team.created_at, now) if team.created_at.timestamp() else ""),
        ]
    )


def _row(team: "Team") -> tuple[str, ...]:
    return (
        team.name,
        team.id,
        ", ".join(team.models) or "all",
        ", ".join(output.amount(allowance.id.unit, allowance.left) for allowance in team.allowances),
        ", ".join(output.limit(limit) for limit in team.limits),
    )


def _describe(team: "Team") -> dict[str, object]:
    from tollbar.edge.team_schemas import TeamView

    return TeamView.of(team).model_dump()
