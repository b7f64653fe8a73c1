"""The shapes of teams over HTTP."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from tollbar.admin.drafts import EVERY_MODEL, MAX_NAME
from tollbar.domain.identity import Reset
from tollbar.domain.money import Unit
from tollbar.domain.teams import Team
from tollbar.edge.schemas import AllowanceView, LimitView, Shape, Wish, Wished, wished


class TeamFields(Wish):
    """What can be said of a team, when it is made and later. All of it is for its keys together."""

    models: list[str] | None = Field(None, description="The models they may use; `*` is every model.")
    credits: Wished | None = wished(Unit.CREDITS, "An allowance of credits.")
    dollars: Wished | None = wished(Unit.DOLLARS, "An allowance of dollars, at the providers' prices.")
    tokens: Wished | None = wished(Unit.TOKENS, "An allowance of tokens, prompt and answer together.")
    reset: str | None = Field(
        None, description="When the amounts named here begin anew.", json_schema_extra={"enum": [*Reset, None]}
    )
    time_zone: str | None = Field(None, description="Where their periods begin: `Europe/Berlin`; UTC by default.")
    rpm: int | None = Field(None, ge=0, description="Requests per minute; 0 lifts the limit.")
    rpd: int | None = Field(None, ge=0, description="Requests per day; 0 lifts the limit.")
    tpm: int | None = Field(None, ge=0, description="Tokens per minute; 0 lifts the limit.")
    tpd: int | None = Field(None, ge=0, description="Tokens per day; 0 lifts the limit.")
    concurrency: int | None = Field(None, ge=0, description="Calls at once; 0 lifts the limit.")


class NewTeam(TeamFields):
    """A team to be made."""

    name: str = Field(description="What it is called; unique.", min_length=1, max_length=MAX_NAME)


class TeamUpdate(TeamFields):
    """What to change of a team; what is not named stays. `installation` takes amounts alone."""

    name: str | None = Field(None, description="Its new name.", min_length=1, max_length=MAX_NAME)
    version: int | None = Field(None, description="The version that was read; another one is refused with 409.", ge=1)


class TeamView(Shape):
    """A team as its keeper sees it."""

    object: Literal["team"] = "team"
    id: str
    name: str
    created_at: datetime
    models: list[str] = Field(description="The models its keys may use; `*` stands for any name.")
    limits: list[LimitView]
    allowances: list[AllowanceView]
    version: int = Field(description="Grows with each change; also the ETag.")

    @classmethod
    def of(cls, team: Team) -> "TeamView":
        """How a team is told."""
        return cls(
            id=team.id,
            name=team.name,
            created_at=team.created_at,
            models=list(team.models) or [EVERY_MODEL],
            limits=[LimitView.of(limit) for limit in team.limits],
            allowances=[AllowanceView.of(allowance) for allowance in team.allowances],
            version=team.version,
        )


class TeamList(Shape):
    """Every team, by name; `installation` is one of them."""

    object: Literal["list"] = "list"
    data: list[TeamView]
