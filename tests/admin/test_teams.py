"""Teams: the rules for what they may be told."""

from datetime import UTC, datetime

import pytest

from tests.fakes import FakeClock, MemoryTeamStore
from tollbar.admin.drafts import KeyDraft
from tollbar.admin.teams import create_team, find_team, list_teams, placed, update_team
from tollbar.domain.errors import InvalidValue, NotFound
from tollbar.domain.teams import INSTALLATION, Team

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store() -> MemoryTeamStore:
    """A store with the installation in it."""
    store = MemoryTeamStore()
    await store.add(Team(INSTALLATION, INSTALLATION, datetime(1970, 1, 1, tzinfo=UTC)), [])
    return store


async def test_a_team_is_found_by_id_and_name(store: MemoryTeamStore) -> None:
    """What a draft says of it arrives; a draft of a key that names it is given its id."""
    team = await create_team(store, FakeClock(), KeyDraft(name=" lab ", credits=5, rpm=9, models=["a", "*"]))
    assert (team.name, team.models, team.limits[0].amount, team.allowances[0].granted) == ("lab", (), 9, 5)
    assert await find_team(store, team.id) == await find_team(store, "lab") == team
    assert [found.name for found in await list_teams(store)] == [INSTALLATION, "lab"]
    assert (await placed(store, KeyDraft(team="lab"))).team == team.id
    assert [(await placed(store, KeyDraft(team=none))).team for none in ("", None)] == ["", None]
    with pytest.raises(NotFound):
        await placed(store, KeyDraft(team="other"))


async def test_what_is_not_named_stays(store: MemoryTeamStore) -> None:
    """A rate of nothing lifts that limit and no other."""
    team = await create_team(store, FakeClock(), KeyDraft(name="lab", credits=5, rpm=9, tpm=100, models=["a"]))
    changed = await update_team(store, team.id, KeyDraft(rpm=0))
    assert (changed.models, [limit.amount for limit in changed.limits]) == (("a",), [100])
    assert changed.allowances == team.allowances


@pytest.mark.parametrize("draft", [KeyDraft(rpm=1), KeyDraft(models=["a"]), KeyDraft(name="all")])
async def test_the_installation_has_allowances_alone(store: MemoryTeamStore, draft: KeyDraft) -> None:
    """The settings say the rest of everybody; and no key is put into it."""
    changed = await update_team(store, INSTALLATION, KeyDraft(dollars=5, reset="month"))
    assert changed.allowances[0].granted == 5_000_000_000
    with pytest.raises(InvalidValue, match="nothing else"):
        await update_team(store, INSTALLATION, draft)
    with pytest.raises(InvalidValue, match="already"):
        await placed(store, KeyDraft(team=INSTALLATION))
