"""What each end user may spend, and one of them changed."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.storage.making import StepClock, a_directory, a_key, opened
from tollbar.admin.drafts import KeyDraft
from tollbar.admin.end_users import Owners, change_end_user, forget, list_end_users, tell_apart
from tollbar.domain.end_users import EndUserChange
from tollbar.domain.errors import InvalidValue, NotFound
from tollbar.domain.identity import EndUserTerms, Grant, Reset
from tollbar.domain.money import Unit
from tollbar.domain.teams import Team

pytestmark = pytest.mark.anyio

DRAFT = KeyDraft(dollars=2, reset="month", time_zone="UTC")


async def test_terms_take_the_place_of_what_they_were(tmp_path: Path) -> None:
    """Of a key and of a team; the audit tells of it, and what cannot be granted is refused."""
    async with opened(a_directory(tmp_path), StepClock()) as storage:
        await storage.keys.add(a_key(), b"in", [])
        await storage.teams.add(Team("team_a", "lab", StepClock().now()), [])
        owners = Owners(storage.keys, storage.teams)
        for owner in ("somebody", "team_a"):
            await tell_apart(owners, owner, KeyDraft(credits=5))
            told = await tell_apart(owners, owner, DRAFT, is_required=False)
            assert told.end_user_terms == EndUserTerms(
                (Grant(Unit.DOLLARS, 2 * 10**9, Reset.MONTH),), is_required=False
            )
            entry = (await storage.audit.find())[0]
            assert (entry.subject, "each: 2 dollars (month, UTC); optional" in entry.after) == (owner, True)
            assert (await forget(owners, owner)).end_user_terms is None
        for owner, draft, fault in (
            ("somebody", replace(DRAFT, reset="year"), InvalidValue),
            ("somebody", KeyDraft(reset="day"), InvalidValue),
            ("nobody", DRAFT, NotFound),
            ("installation", DRAFT, InvalidValue),
        ):
            with pytest.raises(fault):
                await tell_apart(owners, owner, draft)


async def test_one_is_found_by_name_and_by_id(tmp_path: Path) -> None:
    """By its name first, for that may look like an id."""
    async with opened(a_directory(tmp_path), StepClock()) as storage:
        await storage.keys.add(a_key(), b"in", [])
        ana = await storage.end_users.admit("somebody", "ana", EndUserTerms())
        mimic = await storage.end_users.admit("somebody", ana.id, EndUserTerms())
        block = EndUserChange(is_blocked=True)
        assert (await change_end_user(storage.end_users, "somebody", ana.id, block)).id == mimic.id
        assert (await change_end_user(storage.end_users, "somebody", "ana", block)).id == ana.id
        assert len(await list_end_users(storage.end_users, "somebody")) == 2
        with pytest.raises(NotFound, match="no such end user"):
            await change_end_user(storage.end_users, "somebody", "nobody", block)
