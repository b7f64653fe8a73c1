"""The shapes of teams over HTTP."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from tollbar.admin.drafts import EVERY_MODEL, MAX_NAME
from tollbar.domain.teams import Team
from tollbar.edge.schemas import AllowanceView, LimitView, Shape, SharedFields


class NewTeam(SharedFields):
    """A team to be made."""

    name: str = Field(description="What it is called; unique.", min_length=1, max_length=MAX_NAME)


class TeamUpdate(SharedFields):
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
