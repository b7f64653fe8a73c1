"""Teams: made, shown, changed. The rules for what a team may be told are those of keys.

The installation is the team that every call belongs to, whoever makes it: it has allowances and nothing else.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from tollbar.admin import drafts
from tollbar.admin.drafts import KeyDraft
from tollbar.admin.keys import new_id
from tollbar.domain.errors import InvalidValue, NotFound
from tollbar.domain.teams import INSTALLATION, PREFIX, Team
from tollbar.ports.clock import Clock
from tollbar.ports.keys import KeyChange, TeamStore


async def create_team(store: TeamStore, clock: Clock, draft: KeyDraft) -> Team:
    """Makes a team; raises InvalidValue, or Conflict when the name is in use."""
    name, models, limits = drafts.read_name(draft), drafts.read_models(draft), drafts.read_limits(draft)
    return await store.add(Team(PREFIX + new_id(), name, clock.now(), models, limits), drafts.read_grants(draft))


async def list_teams(store: TeamStore) -> Sequence[Team]:
    """Every team, by name."""
    return await store.list()


async def find_team(store: TeamStore, reference: str) -> Team:
    """The team with that id or name; raises NotFound."""
    with suppress(NotFound):
        return await store.get(reference)
    for team in await store.list():
        if team.name == reference:
            return team
    raise NotFound("There is no such team.", hint="'tollbar teams list' shows them all.", field="team")


async def update_team(store: TeamStore, team_id: str, draft: KeyDraft, version: int | None = None) -> Team:
    """Changes what the draft names and leaves the rest; raises InvalidValue, NotFound or Conflict."""
    team = await store.get(team_id)
    changes_limits = any(getattr(draft, name) is not None for name in (*drafts.RATES, "concurrency"))
    if team.id == INSTALLATION and (changes_limits or draft.models is not None or draft.name is not None):
        hint = "Rates of all callers are the setting 'limits'; models that nobody may call need not be configured."
        raise InvalidValue("The installation has allowances and nothing else.", field="team", hint=hint)
    change = KeyChange(
        name=None if draft.name is None else drafts.read_name(draft),
        models=None if draft.models is None else drafts.read_models(draft),
        limits=drafts.read_limits(draft, team.limits) if changes_limits else None,
        grants=drafts.read_grants(draft, team) or None,
    )
    return await store.change(team_id, change, team.version if version is None else version)


async def top_up_team(store: TeamStore, clock: Clock, team_id: str, draft: KeyDraft) -> Team:
    """Puts the draft's amounts on top of the team's allowances until it expires; raises InvalidValue or NotFound."""
    return await store.change(team_id, KeyChange(top_ups=drafts.read_top_ups(draft, clock.now())))


async def placed(store: TeamStore, draft: KeyDraft) -> KeyDraft:
    """A draft of a key whose team is named by its id, where it was by name; raises NotFound or InvalidValue."""
    if not draft.team:
        return draft
    team = await find_team(store, draft.team)
    if team.id == INSTALLATION:
        raise InvalidValue("Every key is in the installation already.", field="team", hint="Name a team of its own.")
    return replace(draft, team=team.id)
