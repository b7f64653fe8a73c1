"""What every implementation of the `TeamStore` port promises, with the keys and the ledger that it is for."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contracts.stores import STORES
from tests.storage.making import AT, StepClock, a_key, a_line, estimating
from tollbar.domain.errors import Conflict, NotFound, OutOfCredit
from tollbar.domain.identity import AllowanceId, Grant, Holder, Membership
from tollbar.domain.limits import Limit, Measure
from tollbar.domain.money import Unit
from tollbar.domain.teams import INSTALLATION, Team
from tollbar.ports.keys import KeyChange
from tollbar.ports.money import Claim
from tollbar.storage.store import Storage

pytestmark = pytest.mark.anyio

LIMITS = (Limit(Measure.REQUESTS, 20, 60),)
TEAM = Team("team_a", "research", AT, ("smart",), LIMITS)


@pytest.fixture(params=sorted(STORES))
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    """One implementation after the other, new."""
    async with STORES[request.param](tmp_path, StepClock()) as storage:
        yield storage


async def covering(storage: Storage, digest: bytes) -> tuple[AllowanceId, ...]:
    """The allowances that cover a key."""
    principal = await storage.keys.find(digest)
    assert principal is not None
    return principal.allowances


async def call(storage: Storage, allowances: tuple[AllowanceId, ...], request_id: str) -> None:
    """A call of one credit from each."""
    claims = [Claim(allowance, 1, 1) for allowance in allowances]
    held = await storage.ledger.reserve(request_id, claims, estimating(request_id))
    await storage.ledger.settle(held, [(allowance, 1) for allowance in allowances], [a_line(request_id)])


async def test_a_team_comes_back_as_it_was_given(storage: Storage) -> None:
    """With its allowances, beside the installation, which is there from the start."""
    added = await storage.teams.add(TEAM, [Grant(Unit.CREDITS, 5)])
    assert await storage.teams.get(TEAM.id) == added
    assert [team.name for team in await storage.teams.list()] == ["installation", "research"]
    [allowance] = added.allowances
    assert (allowance.granted, allowance.left, allowance.id.holder) == (5, 5, Holder.TEAM)
    with pytest.raises(Conflict):
        await storage.teams.add(Team("team_b", "research", AT), [])
    with pytest.raises(NotFound):
        await storage.teams.get("team_b")


async def test_a_key_is_covered_by_all_that_are_above_it(storage: Storage) -> None:
    """Its own allowance, its team's and the installation's; and it brings its team's models and limits."""
    await storage.teams.add(TEAM, [Grant(Unit.CREDITS, 5)])
    await storage.teams.change(INSTALLATION, KeyChange(grants=(Grant(Unit.CREDITS, 9),)))
    await storage.keys.add(a_key(team=TEAM.id), b"in", [Grant(Unit.CREDITS, 2)])
    await storage.keys.add(a_key("alone"), b"out", [])
    principal = await storage.keys.find(b"in")
    assert principal is not None
    assert principal.team == Membership(TEAM.id, "research", ("smart",), LIMITS)
    assert sorted(allowance.holder for allowance in principal.allowances) == ["installation", "key", "team"]
    assert [allowance.holder for allowance in await covering(storage, b"out")] == [Holder.INSTALLATION]
    assert list(await storage.keys.shared()) == list(await covering(storage, b"out"))
    told = await storage.ledger.standing("somebody")
    assert {(one.id.holder.value, one.granted) for one in told} == {("key", 2), ("team", 5), ("installation", 9)}


async def test_the_narrowest_decides_and_nothing_is_left_held(storage: Storage) -> None:
    """Thirty calls at once by two keys of a team of ten: ten succeed, and the keys' own show the same ten."""
    await storage.teams.add(TEAM, [Grant(Unit.CREDITS, 10)])
    for name in ("a", "b"):
        await storage.keys.add(a_key(name, team=TEAM.id), name.encode(), [Grant(Unit.CREDITS, 100)])
    ids = [await covering(storage, name) for name in (b"a", b"b")]
    calls = [call(storage, ids[number % 2], f"r{number}") for number in range(30)]
    ended = await asyncio.gather(*calls, return_exceptions=True)
    assert [ended.count(None), sum(isinstance(fault, OutOfCredit) for fault in ended)] == [10, 20]
    spent = {one.id.holder: one.spent for one in await storage.ledger.standing("a")}
    assert spent[Holder.TEAM] == 10
    own = [one for name in "ab" for one in await storage.ledger.standing(name) if one.id.holder is Holder.KEY]
    assert (sum(one.spent for one in own), sum(one.held for one in own)) == (10, 0)


async def test_a_change_keeps_what_was_spent(storage: Storage) -> None:
    """Of the team; a key that leaves it is covered by it no more, and what it spent there stays."""
    await storage.teams.add(TEAM, [Grant(Unit.CREDITS, 5)])
    key = await storage.keys.add(a_key(team=TEAM.id), b"in", [])
    await call(storage, await covering(storage, b"in"), "r1")
    before = await storage.keys.changes()
    changed = await storage.teams.change(TEAM.id, KeyChange(name="lab", grants=(Grant(Unit.CREDITS, 50),)), version=1)
    assert (changed.name, changed.version, changed.allowances[0].left) == ("lab", 2, 49)
    assert await storage.keys.changes() == before + 1
    with pytest.raises(Conflict):
        await storage.teams.change(TEAM.id, KeyChange(name="late"), version=1)
    assert (await storage.keys.change(key.id, KeyChange(team=""))).team == ""
    assert await covering(storage, b"in") == ()
    assert (await storage.teams.get(TEAM.id)).allowances[0].spent == 1
