"""The key store over the database, beyond the contract of its port."""

import asyncio
from pathlib import Path

import pytest

from tests.storage.making import AT, StepClock, a_directory, a_key, credit, estimating, number, opened, rows
from tollbar.domain.errors import Conflict, NotFound
from tollbar.domain.identity import Grant, Reset
from tollbar.domain.limits import Limit, Measure
from tollbar.domain.money import Unit
from tollbar.ports.keys import KeyChange
from tollbar.ports.money import Claim

pytestmark = pytest.mark.anyio


async def test_every_change_is_noticed_by_every_process(tmp_path: Path) -> None:
    """The number grows with each change, whoever made it, and with nothing else."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as one, opened(directory, StepClock()) as other:
        seen = [await other.keys.changes()]
        for change in (
            one.keys.add(a_key(), b"1", [credit(5)]),
            one.keys.change("somebody", KeyChange(grants=(credit(7),))),
            one.keys.change("somebody", KeyChange(revoked_at=AT)),
            one.keys.get("somebody"),
            one.keys.rotate("somebody", b"2", "hint", AT),
            one.keys.add(a_key("other"), b"3", []),
            one.keys.rotate("other", b"4", "hint", AT),
        ):
            await asyncio.gather(change, return_exceptions=True)
            seen.append(await other.keys.changes())
    assert seen == [0, 1, 2, 3, 3, 3, 4, 5]


async def test_what_failed_leaves_nothing_behind(tmp_path: Path) -> None:
    """A change that is refused half-way is undone, its number included."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        await storage.keys.add(a_key("one"), b"1", [])
        await storage.keys.add(a_key("two"), b"2", [])
        before = rows(directory, "SELECT * FROM keys, secrets ORDER BY 1, 2, 3")
        for failing in (
            storage.keys.add(a_key("three"), b"1", [credit(5)]),
            storage.keys.change("two", KeyChange(name="one", grants=(credit(5),))),
            storage.keys.rotate("two", b"1", "hint", AT),
        ):
            with pytest.raises(Conflict):
                await failing
        assert rows(directory, "SELECT * FROM keys, secrets ORDER BY 1, 2, 3") == before
        assert (number(directory, "SELECT count(*) FROM allowances"), await storage.keys.changes()) == (0, 2)


async def test_a_conflict_says_what_is_in_use(tmp_path: Path) -> None:
    """The name is named; an id or a secret is not repeated."""
    async with opened(a_directory(tmp_path), StepClock()) as storage:
        await storage.keys.add(a_key(), b"1", [])
        with pytest.raises(Conflict, match="'somebody'") as refusal:
            await storage.keys.add(a_key(id="other"), b"2", [])
        assert refusal.value.field == "name"
        with pytest.raises(Conflict, match="id") as refusal:
            await storage.keys.add(a_key("other", id="somebody"), b"2", [])
        with pytest.raises(NotFound, match="'nobody'"):
            await storage.keys.get("nobody")


async def test_an_allowance_whose_period_is_over_begins_anew_when_it_is_changed(tmp_path: Path) -> None:
    """What was spent last month is no usage of an allowance that resets daily from today on."""
    clock = StepClock()
    async with opened(a_directory(tmp_path), clock) as storage:
        added = await storage.keys.add(a_key(), b"1", [Grant(Unit.CREDITS, 10, Reset.MONTH)])
        coins = added.allowances[0].id
        held = await storage.ledger.reserve("r1", [Claim(coins, 4, 4)], estimating())
        await storage.ledger.settle(held, [(coins, 4)], [])
        clock.advance(40 * 86_400)
        changed = await storage.keys.change("somebody", KeyChange(grants=(Grant(Unit.CREDITS, 10, Reset.DAY),)))
    assert [(one.spent, one.left) for one in changed.allowances] == [(0, 10)]


async def test_no_secret_is_in_the_file(tmp_path: Path) -> None:
    """Only digests are, and they are the primary key that one read finds."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        await storage.keys.add(a_key(limits=(Limit(Measure.TOKENS, 5, 60),)), b"the digest", [])
    assert rows(directory, "SELECT digest, valid_until FROM secrets") == [(b"the digest", None)]
    assert rows(directory, "SELECT limits, models FROM keys") == [
        ('[{"measure":"tokens","amount":5,"window_seconds":60}]', "[]")
    ]
