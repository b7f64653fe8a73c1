"""`/admin/api/teams`: the use cases of `admin/teams.py` over HTTP. Every change counts at once in this process."""

from fastapi import Request
from starlette.responses import Response

from tollbar.admin import teams
from tollbar.admin.drafts import KeyDraft
from tollbar.domain.teams import Team
from tollbar.edge.acting import teams_of
from tollbar.edge.admin import expected_version
from tollbar.edge.bodies import answer, read
from tollbar.edge.schemas import TopUpWish
from tollbar.edge.services import Services
from tollbar.edge.team_schemas import NewTeam, TeamList, TeamUpdate, TeamView


async def list_teams(request: Request) -> Response:
    """Every team, by name, the installation among them."""
    services: Services = request.app.state.services
    return answer(TeamList(data=[TeamView.of(team) for team in await teams.list_teams(services.teams)]))


async def create_team(request: Request) -> Response:
    """Makes a team; keys are put into it by their own `team`."""
    services: Services = request.app.state.services
    draft = KeyDraft(**(await read(request, NewTeam)).model_dump())
    return _shown(await teams.create_team(teams_of(request), services.clock, draft), 201)


async def show_team(request: Request, team_id: str) -> Response:
    """One team: what its keys may do together, and what is left."""
    services: Services = request.app.state.services
    return _shown(await services.teams.get(team_id))


async def update_team(request: Request, team_id: str) -> Response:
    """Changes what the body names; with `If-Match` or `version`, only if nobody else changed the team since."""
    services: Services = request.app.state.services
    update = await read(request, TeamUpdate)
    version = expected_version(request, update.version)
    draft = KeyDraft(**update.model_dump(exclude={"version"}))
    team = await teams.update_team(teams_of(request), team_id, draft, version)
    services.key_changed(team_id)
    return _shown(team)


async def top_up_team(request: Request, team_id: str) -> Response:
    """Puts amounts on top of the team's allowances for a while, in the place of what is there."""
    services: Services = request.app.state.services
    draft = KeyDraft(**(await read(request, TopUpWish)).model_dump())
    team = await teams.top_up_team(teams_of(request), services.clock, team_id, draft)
    services.key_changed(team_id)
    return _shown(team)


def _shown(team: Team, status: int = 200) -> Response:
    response = answer(TeamView.of(team), status)
    response.headers["etag"] = f'"{team.version}"'
    return response
