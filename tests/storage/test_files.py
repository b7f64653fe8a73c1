"""Whose the files are, in each database."""

from pathlib import Path

import pytest

from tests.contracts.stores import STORES
from tests.storage.making import StepClock
from tollbar.domain.files import KeptFile

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("store", sorted(STORES))
async def test_each_key_has_its_own(tmp_path: Path, store: str) -> None:
    """The newest first; two keys may have one of the same name; what is noted again is replaced."""
    clock = StepClock()
    first, second, other = (KeptFile(*told, "openai", b"{}") for told in (("a", "1"), ("a", "2"), ("b", "1")))
    async with STORES[store](tmp_path, clock) as storage:
        for file in (first, other, second, second._replace(document=b"[]")):
            await storage.files.add(file)
            clock.advance(1)
        assert await storage.files.list("a") == [second._replace(document=b"[]"), first]
        await storage.files.remove("a", "1")
        assert await storage.files.find("a", "1") is None
        assert await storage.files.find("b", "1") == other
