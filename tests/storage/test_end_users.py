"""End users in an embedded store; what each store promises of them is in `tests/contracts/test_end_users.py`."""

from pathlib import Path

import pytest

from tests.storage.making import StepClock, a_directory, a_key, opened
from tollbar.domain.identity import EndUserTerms, Grant
from tollbar.domain.money import Unit

pytestmark = pytest.mark.anyio


async def test_one_who_is_known_costs_no_write(tmp_path: Path) -> None:
    """Nor does one whose allowance stands as it is granted, however much of it is spent."""
    async with opened(a_directory(tmp_path), StepClock()) as storage:
        await storage.keys.add(a_key(), b"in", [])
        terms = EndUserTerms((Grant(Unit.CREDITS, 5),))
        made = await storage.end_users.admit("somebody", "ana", terms)
        await storage.journal.close()
        assert await storage.end_users.admit("somebody", "ana", terms) == made


async def test_its_name_is_in_one_place(tmp_path: Path) -> None:
    """Nothing else in the store is called as calls call it: the audit and the ledger know the id."""
    directory = a_directory(tmp_path)
    async with opened(directory, StepClock()) as storage:
        await storage.keys.add(a_key(), b"in", [])
        made = await storage.end_users.admit("somebody", "ana@example.org", EndUserTerms())
        assert "ana" not in made.id
        assert [user.id for user in await storage.end_users.list("somebody", "ana@example.org")] == [made.id]
