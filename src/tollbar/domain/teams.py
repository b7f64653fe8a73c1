"""Teams: what several keys may do together. One is built in, the installation, which every call belongs to."""

from dataclasses import dataclass
from datetime import datetime

from tollbar.domain.end_users import PREFIX as END_USER_PREFIX
from tollbar.domain.identity import Allowance, EndUserTerms, Holder
from tollbar.domain.limits import Limit

PREFIX = "team_"
"""How the id of a team begins, so that it is never that of a key."""
INSTALLATION = "installation"
"""The id and name of the team that every caller is in; it has allowances and nothing else."""


@dataclass(frozen=True, slots=True)
class Team:
    """A team as its keeper sees it. `models` empty means every model; `version` grows with each change."""

    id: str
    name: str
    created_at: datetime
    models: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    version: int = 1
    end_user_terms: EndUserTerms | None = None


def holder_of(owner: str) -> Holder:
    """What kind of owner an id is of."""
    if owner == INSTALLATION:
        return Holder.INSTALLATION
    if owner.startswith(END_USER_PREFIX):
        return Holder.END_USER
    return Holder.TEAM if owner.startswith(PREFIX) else Holder.KEY
