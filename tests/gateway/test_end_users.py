"""For whom a call is made."""

import pytest

from tests.fakes import MemoryLedger
from tests.people import MemoryEndUserStore
from tollbar.domain.end_users import LONGEST_NAME, EndUserChange
from tollbar.domain.errors import InvalidValue, MissingField, NotAllowed, NotFound
from tollbar.domain.identity import EndUserTerms, Grant, Principal
from tollbar.domain.money import Unit
from tollbar.gateway.end_users import EndUsers

pytestmark = pytest.mark.anyio

TERMS = EndUserTerms((Grant(Unit.CREDITS, 5),))
KEY = Principal("key", "ana", end_user_terms=(("key", TERMS), ("team_a", TERMS)))


async def test_a_call_is_covered_by_what_the_key_and_the_team_grant() -> None:
    """It is looked up once, and again when its key was looked up anew."""
    store = MemoryEndUserStore(MemoryLedger())
    end_users = EndUsers(store)
    found = await end_users.named(KEY, "ana")
    assert (found.end_users, found.end_user, len(found.allowances)) == (("user_0", "user_1"), "user_0", 2)
    assert await end_users.named(KEY, "ana") is found
    assert store.asked == 2
    renewed = Principal("key", "ana", end_user_terms=KEY.end_user_terms)
    assert await end_users.named(renewed, "ana") == found
    assert store.asked == 4
    end_users.forget()
    assert await end_users.named(renewed, "ana") == found
    assert store.asked == 6


async def test_a_unit_that_is_granted_no_more_does_not_bound() -> None:
    """Although the end user has an allowance of it still."""
    end_users = EndUsers(MemoryEndUserStore(MemoryLedger()))
    await end_users.named(KEY, "ana")
    freed = Principal("key", "ana", end_user_terms=(("key", EndUserTerms()),))
    assert (await end_users.named(freed, "ana")).allowances == ()


async def test_who_names_nobody_is_told_the_field() -> None:
    """Unless nobody need be named: then the key's own allowances are all."""
    end_users = EndUsers(MemoryEndUserStore(MemoryLedger()))
    for name in (None, ""):
        with pytest.raises(MissingField) as refused:
            await end_users.named(KEY, name)
        assert (refused.value.field, "x-tollbar-end-user" in refused.value.hint) == ("user", True)
    free = Principal("key", "ana", end_user_terms=(("key", EndUserTerms(is_required=False)),))
    assert await end_users.named(free, None) is free


@pytest.mark.parametrize("name", ["x" * (LONGEST_NAME + 1), "a\nb", "\ud800"])
async def test_what_is_no_name_is_refused(name: str) -> None:
    """Before the store is asked."""
    store = MemoryEndUserStore(MemoryLedger())
    with pytest.raises(InvalidValue):
        await EndUsers(store).named(KEY, name)
    assert not store.asked


async def test_nobody_is_made_by_being_asked_for() -> None:
    """Who was named by a call is found with what covers him; anybody else is unknown, and remains so."""
    store = MemoryEndUserStore(MemoryLedger())
    end_users = EndUsers(store)
    with pytest.raises(NotFound, match="no end user 'ana'"):
        await end_users.seen(KEY, "ana")
    assert (store.asked, await store.list("key")) == (0, [])
    named = await end_users.named(KEY, "ana")
    assert await end_users.seen(KEY, "ana") == named


async def test_who_is_foreseen_is_not_made() -> None:
    """Whoever is new would be granted what the key and the team grant; who is known is covered by what is there."""
    store = MemoryEndUserStore(MemoryLedger())
    end_users = EndUsers(store)
    assert [one.left for one in await end_users.foreseen(KEY, "ana")] == [5, 5]
    assert (store.asked, await store.list("key")) == (0, [])
    named = await end_users.named(KEY, "ana")
    assert tuple(one.id for one in await end_users.foreseen(KEY, "ana")) == named.allowances
    with pytest.raises(MissingField):
        await end_users.foreseen(KEY, None)


async def test_one_who_is_blocked_is_refused() -> None:
    """As is one beyond the most that there may be."""
    store = MemoryEndUserStore(MemoryLedger(), most=2)
    end_users = EndUsers(store)
    ana = await end_users.named(KEY, "ana")
    await store.change("key", str(ana.end_user), EndUserChange(is_blocked=True))
    for name in ("ana", "ben"):
        with pytest.raises(NotAllowed):
            await end_users.named(Principal("key", "ana", end_user_terms=KEY.end_user_terms), name)
