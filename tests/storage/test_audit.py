"""The audit in the store: one entry for each change, and none that can be changed unnoticed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.contracts.stores import STORES
from tests.storage.making import AT, StepClock, a_directory, a_key, opened
from tollbar.domain.audit import Actor, Search
from tollbar.domain.errors import Conflict
from tollbar.domain.identity import Grant
from tollbar.domain.money import Unit
from tollbar.domain.teams import Team
from tollbar.ports.keys import KeyChange
from tollbar.storage.engine import DATABASE
from tollbar.storage.store import Storage

pytestmark = pytest.mark.anyio

ANA = Actor("ana", "req_1")


async def changes(storage: Storage) -> None:
    """Some of each kind."""
    keys = storage.keys.by(ANA)
    await keys.add(a_key(), b"digest", [Grant(Unit.CREDITS, 5)])
    await keys.change("somebody", KeyChange(name="other", grants=(Grant(Unit.CREDITS, 9),)))
    await keys.rotate("somebody", b"another", "sk-toll-…hint", AT)
    await storage.keys.change("somebody", KeyChange(revoked_at=AT))
    await storage.teams.by(ANA).add(Team("team_a", "lab", AT), [])


@pytest.mark.parametrize("store", sorted(STORES))
async def test_each_change_is_told(tmp_path: Path, store: str) -> None:
    """Who, what, of whom, and only what differs; one that was refused is no change."""
    async with STORES[store](tmp_path, StepClock()) as storage:
        await changes(storage)
        with pytest.raises(Conflict):
            await storage.teams.add(Team("team_b", "lab", AT), [])
        entries = list(reversed(await storage.audit.find()))
        told = [(entry.number, entry.actor, entry.action, entry.subject) for entry in entries]
        assert told == [
            (1, "ana", "key.create", "somebody"),
            (2, "ana", "key.update", "somebody"),
            (3, "ana", "key.rotate", "somebody"),
            (4, "tollbar", "key.revoke", "somebody"),
            (5, "ana", "team.create", "team_a"),
        ]
        assert (entries[0].request_id, entries[3].request_id) == ("req_1", None)
        assert entries[1].before == '{"name":"somebody","allowances":["5 credits (never, UTC)"]}'
        assert entries[1].after == '{"name":"other","allowances":["9 credits (never, UTC)"]}'
        assert await storage.audit.verify() == (5, entries[-1].seal, None)
        for search, numbers in (
            (Search(actor="an"), [5, 3, 2, 1]),
            (Search(actor="a", action="key.", count=2), [4, 3]),
            (Search(subject="team_"), [5]),
            (Search(subject="te%_"), []),
            (Search(before=3), [2, 1]),
        ):
            assert [entry.number for entry in await storage.audit.find(search)] == numbers


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("UPDATE audit SET actor = 'ben' WHERE number = 2", 2),
        ("UPDATE audit SET after = '{}' WHERE number = 5", 5),
        ("DELETE FROM audit WHERE number = 3", 4),
        ("DELETE FROM audit WHERE number = 1", 2),
        ("UPDATE audit SET number = 9 WHERE number = 5", 9),
    ],
)
async def test_a_change_of_the_audit_is_found(tmp_path: Path, statement: str, wrong: int) -> None:
    """From the entry on that was changed, or that followed one that is gone."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        await changes(storage)
        with closing(sqlite3.connect(directory / DATABASE)) as connection, connection:
            connection.execute(statement)
        _, _, found = await storage.audit.verify()
        assert found == wrong
