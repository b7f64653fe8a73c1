"""What every implementation of the `RotationStore` port promises."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.contracts.stores import STORES
from tests.storage.making import AT, StepClock, a_key
from tollbar.domain.errors import Conflict
from tollbar.domain.identity import KeyKind
from tollbar.ports.keys import KeyChange, Rotation
from tollbar.storage.store import Storage

pytestmark = pytest.mark.anyio

WEEK = timedelta(days=7)


@pytest.fixture(params=sorted(STORES))
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    """One implementation after the other, new."""
    async with STORES[request.param](tmp_path, StepClock()) as storage:
        yield storage


def the_rotation(number: int, secret: bytes = b"sealed") -> Rotation:
    """The how manyth."""
    return Rotation(number, "k", secret, AT, AT + number * WEEK)


async def advance(storage: Storage, number: int, secret: bytes, name: str = "rotating") -> Rotation:
    """Puts one in force."""
    rotation = the_rotation(number, secret)
    key = a_key(name, id="k", kind=KeyKind.ROTATING, expires_at=rotation.expires_at)
    return await storage.rotation.advance(key, secret, rotation, AT)


async def test_of_many_that_replace_it_at_once_one_does(storage: Storage) -> None:
    """All are given the same, and its secret alone opens from then on."""
    assert await storage.rotation.current() is None
    await advance(storage, 1, b"first")
    secrets = [b"second %d" % number for number in range(12)]
    stand = await asyncio.gather(*(advance(storage, 2, secret) for secret in secrets))
    assert len({rotation.sealed for rotation in stand}) == 1
    assert await storage.rotation.current() == stand[0]
    found = [await storage.keys.find(secret) for secret in secrets]
    assert [secret for secret, principal in zip(secrets, found, strict=True) if principal] == [stand[0].sealed]
    old = await storage.keys.find(b"first")
    assert old is not None
    assert old.expires_at == AT


async def test_a_name_that_is_in_use_changes_nothing(storage: Storage) -> None:
    """Neither the key nor what is in force."""
    await storage.keys.add(a_key("taken", id="other"), b"other", [])
    with pytest.raises(Conflict) as conflict:
        await advance(storage, 1, b"first", name="taken")
    assert conflict.value.field == "name"
    assert await storage.rotation.current() is None
    assert await storage.keys.find(b"first") is None


async def test_it_is_known_whether_it_was_revoked(storage: Storage) -> None:
    """Whoever shows it must know."""
    await advance(storage, 1, b"first")
    await storage.keys.change("k", KeyChange(revoked_at=AT))
    current = await storage.rotation.current()
    assert current is not None
    assert current.is_revoked
