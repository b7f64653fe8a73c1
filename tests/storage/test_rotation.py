"""The rotating key's row: compare and swap, all or nothing."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.storage.making import AT, StepClock, a_directory, a_key, opened, rows
from tollbar.domain.errors import Conflict
from tollbar.domain.identity import KeyKind
from tollbar.ports.keys import Rotation
from tollbar.storage.engine import DATABASE
from tollbar.storage.store import Storage

pytestmark = pytest.mark.anyio

WEEK = timedelta(days=7)


def the_rotation(number: int, key_id: str = "k") -> Rotation:
    """The how manyth."""
    return Rotation(number, key_id, b"sealed %d" % number, AT, AT + number * WEEK)


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    """A fresh store."""
    async with opened(a_directory(tmp_path), StepClock()) as storage:
        yield storage


async def advance(storage: Storage, number: int, secret: bytes, name: str = "rotating") -> Rotation:
    """Puts one in force."""
    rotation = the_rotation(number)
    key = a_key(name, id="k", kind=KeyKind.ROTATING, expires_at=rotation.expires_at, hint=f"hint {number}")
    return await storage.rotation.advance(key, secret, rotation, AT)


async def test_each_follows_the_one_before(storage: Storage) -> None:
    """The key is made once and then given other secrets, with their time and hint."""
    assert await storage.rotation.current() is None
    for number in (1, 2, 3):
        assert await advance(storage, number, b"%d" % number) == the_rotation(number)
        assert await storage.rotation.current() == the_rotation(number)
    (key,) = await storage.keys.list()
    assert (key.kind, key.hint, key.expires_at) == (KeyKind.ROTATING, "hint 3", AT + 3 * WEEK)
    found = [await storage.keys.find(b"%d" % number) for number in (1, 2, 3)]
    assert [principal.expires_at for principal in found if principal] == [AT, AT, AT + 3 * WEEK]


@pytest.mark.parametrize("number", [1, 2, 4])
async def test_who_comes_late_changes_nothing(storage: Storage, number: int) -> None:
    """Only the next number counts; who has another is told what is in force."""
    await advance(storage, 1, b"1")
    await advance(storage, 2, b"2")
    before = await storage.keys.changes()
    assert await advance(storage, number, b"late") == the_rotation(2)
    assert (await storage.keys.find(b"late"), await storage.keys.changes()) == (None, before)


async def test_of_many_at_once_one_counts(storage: Storage) -> None:
    """Each is told the same, and no other secret is stored."""
    ends = await asyncio.gather(*(advance(storage, 1, bytes([place])) for place in range(50)))
    assert set(ends) == {the_rotation(1)}
    found = [place for place in range(50) if await storage.keys.find(bytes([place])) is not None]
    assert len(found) == 1


async def test_a_conflict_leaves_everything_as_it_was(storage: Storage) -> None:
    """A name or a secret in use: neither a key nor a rotation is made."""
    await storage.keys.add(a_key("rotating", id="other"), b"1", [])
    with pytest.raises(Conflict) as refused:
        await advance(storage, 1, b"2")
    assert refused.value.field == "name"
    with pytest.raises(Conflict):
        await advance(storage, 1, b"1", name="another")
    assert (await storage.rotation.current(), len(await storage.keys.list())) == (None, 1)


async def test_a_second_row_is_refused(storage: Storage, tmp_path: Path) -> None:
    """There is one rotating key."""
    await advance(storage, 1, b"1")
    await storage.journal.flush()
    directory = tmp_path / "data"
    assert len(rows(directory, "SELECT * FROM rotation")) == 1
    with closing(sqlite3.connect(directory / DATABASE)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO rotation VALUES (2, 1, 'k', x'00', 0, 0)")
