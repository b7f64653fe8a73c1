"""What every implementation of the `KeyStore` port promises."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.stores import STORES
from tests.storage.making import AT, StepClock, a_key, a_line, estimating
from tollbar.domain.errors import Conflict, InvalidValue, KeyAlreadyUsed, NotFound, OutOfCredit
from tollbar.domain.identity import Allowance, Grant, KeyKind, Permission, Principal, Reset, TopUp
from tollbar.domain.limits import Limit, Measure
from tollbar.domain.money import Unit
from tollbar.ports.keys import KeyChange, KeyStore
from tollbar.ports.money import Claim
from tollbar.storage.store import Storage

pytestmark = pytest.mark.anyio

LIMITS = (Limit(Measure.REQUESTS, 20, 60), Limit(Measure.CONCURRENCY, 3, 0))
HOUR = timedelta(hours=1)


@pytest.fixture(params=sorted(STORES))
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    """One implementation after the other, new, with the ledger that its allowances are for."""
    async with STORES[request.param](tmp_path, StepClock()) as storage:
        yield storage


@pytest.fixture
def keys(storage: Storage) -> KeyStore:
    """The keys of the store."""
    return storage.keys


async def test_a_key_is_found_by_its_digest(keys: KeyStore) -> None:
    """The principal carries what admission needs, and an unknown digest stands for nobody."""
    key = a_key(models=("smart", "fast"), limits=LIMITS, expires_at=AT + HOUR)
    added = await keys.add(key, b"digest", [Grant(Unit.CREDITS, 5), Grant(Unit.DOLLARS, 7, Reset.MONTH)])
    expected = Principal(
        key_id="somebody",
        name="somebody",
        models=("smart", "fast"),
        limits=LIMITS,
        allowances=tuple(allowance.id for allowance in added.allowances),
        expires_at=AT + HOUR,
    )
    assert await keys.find(b"digest") == expected
    assert await keys.find(b"another") is None


async def test_an_added_key_comes_back_as_it_was_given(keys: KeyStore) -> None:
    """What `add` returns is the key with its new allowances, and `get` returns the same."""
    key = a_key(permission=Permission.ADMIN, limits=LIMITS, expires_at=AT + HOUR, revoked_at=AT)
    added = await keys.add(key, b"digest", [Grant(Unit.TOKENS, 5)])
    assert added == replace(key, allowances=(Allowance(added.allowances[0].id, 5, 0, 0),))
    assert await keys.get("somebody") == added


async def test_a_principal_may_be_revoked_and_expired(keys: KeyStore) -> None:
    """Such keys are found too: who asks decides what that means."""
    await keys.add(a_key(revoked_at=AT, expires_at=AT - HOUR), b"digest", [])
    principal = await keys.find(b"digest")
    assert principal is not None
    assert (principal.revoked_at, principal.expires_at) == (AT, AT - HOUR)


@pytest.mark.parametrize(("name", "key_id"), [("somebody", "other"), ("other", "somebody")])
async def test_an_id_or_a_name_in_use_is_refused(keys: KeyStore, name: str, key_id: str) -> None:
    """The second key of an id or a name is a conflict, and leaves nothing behind."""
    first = await keys.add(a_key(), b"1", [Grant(Unit.CREDITS, 5)])
    with pytest.raises(Conflict):
        await keys.add(a_key(name, id=key_id), b"2", [Grant(Unit.CREDITS, 5)])
    assert (await keys.find(b"2"), await keys.list()) == (None, [first])


async def test_a_secret_serves_one_key(keys: KeyStore) -> None:
    """A digest in use is a conflict for a new key and for a rotation."""
    await keys.add(a_key("one"), b"1", [])
    await keys.add(a_key("two"), b"2", [])
    with pytest.raises(Conflict):
        await keys.add(a_key("three"), b"1", [])
    with pytest.raises(Conflict):
        await keys.rotate("two", b"1", "hint", AT)
    assert [key.id for key in await keys.list()] == ["one", "two"]


async def test_one_of_several_keys_of_a_name_is_added(keys: KeyStore) -> None:
    """Of many that add a key of one name at the same time, one succeeds."""
    adding = (keys.add(a_key("same", id=f"k{place}"), bytes([place]), []) for place in range(20))
    results = await asyncio.gather(*adding, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Conflict"] * 19 + ["Key"]


async def test_grants_are_checked(keys: KeyStore) -> None:
    """A unit that is granted twice, and an amount that cannot be counted, are refused."""
    for grants in ([Grant(Unit.CREDITS, 1)] * 2, [Grant(Unit.CREDITS, -1)], [Grant(Unit.DOLLARS, 10**18 + 1)]):
        with pytest.raises(InvalidValue):
            await keys.add(a_key(), b"1", grants)
    assert await keys.list() == []


async def test_keys_are_listed_newest_first(keys: KeyStore) -> None:
    """The list has every key, with its own allowances."""
    for age, name in enumerate(("new", "middle", "old")):
        await keys.add(a_key(name, created_at=AT - age * HOUR), name.encode(), [Grant(Unit.CREDITS, age)])
    listed = [(key.id, [allowance.granted for allowance in key.allowances]) for key in await keys.list()]
    assert listed == [("new", [0]), ("middle", [1]), ("old", [2])]


async def test_a_key_is_found_by_its_name(keys: KeyStore) -> None:
    """Exactly that name, whatever became of the key; nothing for a name that nobody has."""
    for name in ("one", "two"):
        await keys.add(a_key(f"key {name}", id=name), name.encode(), [Grant(Unit.CREDITS, 7)])
    await keys.change("two", KeyChange(revoked_at=AT))
    assert await keys.find_named("key one") == await keys.get("one")
    assert await keys.find_named("key two") == await keys.get("two")
    assert await keys.find_named("key") is None


async def test_an_unknown_key_is_not_found(keys: KeyStore) -> None:
    """To get, change or rotate a key that does not exist is an error."""
    for asking in (keys.get("no"), keys.change("no", KeyChange(name="x")), keys.rotate("no", b"2", "hint", AT)):
        with pytest.raises(NotFound):
            await asking


async def test_a_change_changes_what_it_names(keys: KeyStore) -> None:
    """Other fields stay, the version grows, and the principal is the changed one at once."""
    added = await keys.add(a_key(limits=LIMITS, models=("smart",)), b"1", [])
    changed = await keys.change("somebody", KeyChange(name="new name", expires_at=AT + HOUR))
    assert changed == replace(added, name="new name", expires_at=AT + HOUR, version=2)
    assert await keys.change("somebody", KeyChange(models=(), limits=(), revoked_at=AT)) == replace(
        changed, models=(), limits=(), revoked_at=AT, version=3
    )
    principal = await keys.find(b"1")
    assert principal is not None
    assert (principal.name, principal.models, principal.revoked_at) == ("new name", (), AT)


async def test_a_key_has_a_kind_a_tier_and_perhaps_an_address(keys: KeyStore) -> None:
    """They come back with the key and are on its principal; the tier changes, the address can be let go."""
    key = a_key(kind=KeyKind.SELF_SERVICE, tier="basic", bound_to=b"place", expires_at=AT + HOUR)
    added = await keys.add(key, b"1", [])
    principal = await keys.find(b"1")
    assert principal is not None
    assert (added, principal.kind, principal.tier, principal.bound_to) == (
        key,
        *(KeyKind.SELF_SERVICE, "basic", b"place"),
    )
    changed = await keys.change("somebody", KeyChange(tier="", never_expires=True))
    assert changed == replace(key, tier="", expires_at=None, version=2)
    assert await keys.change("somebody", KeyChange(unbinds=True)) == replace(changed, bound_to=None, version=3)


async def test_an_address_has_one_self_service_key(keys: KeyStore) -> None:
    """A second one is a conflict that names the field, until the first lets go; keys of other kinds do not count."""
    bound: dict[str, Any] = {"kind": KeyKind.SELF_SERVICE, "bound_to": b"place"}
    first = await keys.add(a_key("one", **bound), b"1", [])
    await keys.add(a_key("issued", bound_to=b"place"), b"2", [])
    with pytest.raises(Conflict) as refused:
        await keys.add(a_key("two", **bound), b"3", [Grant(Unit.CREDITS, 5)])
    assert (refused.value.field, await keys.find(b"3")) == ("bound_to", None)
    assert (await keys.find_bound(b"place"), await keys.find_bound(b"elsewhere")) == (first, None)
    await keys.change("one", KeyChange(revoked_at=AT, unbinds=True))
    assert await keys.find_bound(b"place") is None
    await keys.add(a_key("two", **bound), b"3", [])


async def test_many_at_once_from_one_address_get_one_key(keys: KeyStore) -> None:
    """Of fifty that add a self-service key for each of three addresses, one in each succeeds, and its secret works."""
    adding = [
        keys.add(a_key(f"k{number}", kind=KeyKind.SELF_SERVICE, bound_to=bytes([number % 3])), bytes([number]), [])
        for number in range(150)
    ]
    results = await asyncio.gather(*adding, return_exceptions=True)
    made = [number for number, result in enumerate(results) if not isinstance(result, Conflict)]
    assert sorted(number % 3 for number in made) == [0, 1, 2]
    found = [number for number in range(150) if await keys.find(bytes([number])) is not None]
    assert found == made


@pytest.mark.parametrize("uses", [1, 5])
async def test_exactly_as_many_calls_pass_as_there_are_uses(storage: Storage, uses: int) -> None:
    """Thirty at once: so many hold one, the others are told; what is given back can be had again."""
    added = await storage.keys.add(a_key(), b"1", [Grant(Unit.USES, uses)])
    claims = [Claim(added.allowances[0].id, 1, 1)]
    calls = [storage.ledger.reserve(f"r{number}", claims, estimating(f"r{number}")) for number in range(30)]
    ends = await asyncio.gather(*calls, return_exceptions=True)
    held = [end for end in ends if not isinstance(end, BaseException)]
    assert len(held) == uses
    assert {type(end) for end in ends if isinstance(end, BaseException)} == {KeyAlreadyUsed}
    await storage.ledger.settle(held[0], (), ())
    again = await storage.ledger.reserve("again", claims, estimating("again"))
    await storage.ledger.settle(again, [(claims[0].allowance, 1)], [a_line("again")])
    for reservation in held[1:]:
        await storage.ledger.settle(reservation, [(claims[0].allowance, 1)], ())
    with pytest.raises(KeyAlreadyUsed):
        await storage.ledger.reserve("late", claims, estimating("late"))


async def test_a_change_of_an_older_version_is_refused(keys: KeyStore) -> None:
    """Of two who change the same version, the second is told, and changes nothing."""
    await keys.add(a_key(), b"1", [])
    await keys.change("somebody", KeyChange(models=("a",)), version=1)
    with pytest.raises(Conflict):
        await keys.change("somebody", KeyChange(models=("b",)), version=1)
    assert (await keys.get("somebody")).models == ("a",)


async def test_a_name_in_use_cannot_be_taken_over(keys: KeyStore) -> None:
    """A change to another key's name is a conflict."""
    await keys.add(a_key("one"), b"1", [])
    await keys.add(a_key("two"), b"2", [])
    with pytest.raises(Conflict):
        await keys.change("two", KeyChange(name="one"))
    assert (await keys.get("two")).version == 1


async def test_a_grant_replaces_the_amount_and_keeps_what_was_used(storage: Storage) -> None:
    """The unit that is named gets a new amount; its usage, and the other units, stay; a new unit is added."""
    added = await storage.keys.add(a_key(), b"1", [Grant(Unit.CREDITS, 10), Grant(Unit.TOKENS, 50)])
    coins, tokens = (allowance.id for allowance in added.allowances)
    spent = await storage.ledger.reserve("r1", [Claim(coins, 3, 3), Claim(tokens, 9, 9)], estimating())
    await storage.ledger.settle(spent, [(coins, 3), (tokens, 9)], [a_line()])
    held = await storage.ledger.reserve("r2", [Claim(coins, 2, 2)], estimating("r2"))
    await held.committed()
    grants = (Grant(Unit.CREDITS, 20), Grant(Unit.DOLLARS, 7))
    changed = await storage.keys.change("somebody", KeyChange(grants=grants))
    units = [(one.id.unit, one.granted, one.spent, one.held, one.left) for one in changed.allowances]
    assert units == [
        (Unit.CREDITS, 20, 3, 2, 15),
        (Unit.TOKENS, 50, 9, 0, 41),
        (Unit.DOLLARS, 7, 0, 0, 7),
    ]


async def test_a_grant_below_what_was_used_leaves_less_than_nothing(storage: Storage) -> None:
    """An amount may be lowered under what is spent: then nothing is left, and no call is admitted."""
    added = await storage.keys.add(a_key(), b"1", [Grant(Unit.CREDITS, 10)])
    coins = added.allowances[0].id
    spent = await storage.ledger.reserve("r1", [Claim(coins, 3, 3)], estimating())
    await storage.ledger.settle(spent, [(coins, 3)], [a_line()])
    changed = await storage.keys.change("somebody", KeyChange(grants=(Grant(Unit.CREDITS, 1),)))
    assert changed.allowances[0].left == -2


async def test_another_reset_keeps_what_was_used_until_its_period_ends(storage: Storage) -> None:
    """An allowance that begins to reset daily still has today's usage, and loses it at midnight."""
    added = await storage.keys.add(a_key(), b"1", [Grant(Unit.CREDITS, 10)])
    coins = added.allowances[0].id
    spent = await storage.ledger.reserve("r1", [Claim(coins, 3, 3)], estimating())
    await storage.ledger.settle(spent, [(coins, 3)], [a_line()])
    held = await storage.ledger.reserve("r2", [Claim(coins, 2, 2)], estimating("r2"))
    await held.committed()
    midnight = AT.replace(hour=0) + timedelta(days=1)
    changed = await storage.keys.change("somebody", KeyChange(grants=(Grant(Unit.CREDITS, 10, Reset.DAY),)))
    assert changed.allowances == (Allowance(coins, 10, 3, 2, Reset.DAY, midnight),)
    await storage.ledger.settle(held, [(coins, 1)], [a_line("r2")])
    assert (await storage.keys.get("somebody")).allowances == (Allowance(coins, 10, 4, 0, Reset.DAY, midnight),)


async def test_a_rotation_gives_another_secret_and_a_time_of_grace(keys: KeyStore) -> None:
    """Both secrets are the key; the old one expires at the time that was set, the new one with the key."""
    await keys.add(a_key(expires_at=AT + 9 * HOUR), b"old", [Grant(Unit.CREDITS, 5)])
    rotated = await keys.rotate("somebody", b"new", "new hint", AT + HOUR)
    assert (rotated.hint, rotated.version) == ("new hint", 2)
    old, new = await keys.find(b"old"), await keys.find(b"new")
    assert old is not None
    assert new is not None
    assert (old.key_id, old.expires_at, new.key_id, new.expires_at) == (
        *("somebody", AT + HOUR),
        *("somebody", AT + 9 * HOUR),
    )
    assert replace(old, expires_at=None) == replace(new, expires_at=None)


async def test_a_grace_is_only_ever_shortened(keys: KeyStore) -> None:
    """A later rotation lets no older secret live longer, and may end it sooner."""
    await keys.add(a_key(), b"first", [])
    await keys.rotate("somebody", b"second", "hint", AT + 2 * HOUR)
    await keys.rotate("somebody", b"third", "hint", AT + 5 * HOUR)
    ends = [principal.expires_at for digest in (b"first", b"second") if (principal := await keys.find(digest))]
    assert ends == [AT + 2 * HOUR, AT + 5 * HOUR]
    await keys.rotate("somebody", b"fourth", "hint", AT)
    ends = [principal.expires_at for digest in (b"first", b"third") if (principal := await keys.find(digest))]
    assert ends == [AT, AT]


async def test_a_revoked_key_gets_no_other_secret(keys: KeyStore) -> None:
    """To rotate a revoked key is a conflict."""
    await keys.add(a_key(revoked_at=AT), b"1", [])
    with pytest.raises(Conflict):
        await keys.rotate("somebody", b"2", "hint", AT)
    assert await keys.find(b"2") is None


async def test_a_top_up_lasts_as_long_as_it_was_given_for(storage: Storage, keys: KeyStore) -> None:
    """It is spent like the rest; at its end it is gone, whatever a process keeps ready, and nothing spent is lost."""
    clock: StepClock = storage.keys._clock  # type: ignore[assignment]
    key = await keys.add(a_key(), b"digest", [Grant(Unit.CREDITS, 4_000)])
    [allowance] = [one.id for one in key.allowances]
    topped = await keys.change(key.id, KeyChange(top_ups=(TopUp(Unit.CREDITS, 1_000, AT + HOUR),)))
    assert (topped.allowances[0].granted, topped.allowances[0].top_up) == (5_000, TopUp(Unit.CREDITS, 1_000, AT + HOUR))
    held = await storage.ledger.reserve("r1", [Claim(allowance, 3_900, 3_900)], estimating("r1"))
    await storage.ledger.settle(held, [(allowance, 3_900)], [a_line("r1")])
    regranted = await keys.change(key.id, KeyChange(grants=(Grant(Unit.CREDITS, 4_001),)))
    assert (regranted.allowances[0].granted, regranted.allowances[0].left) == (5_001, 1_101)
    small = await storage.ledger.reserve("r2", [Claim(allowance, 1, 1)], estimating("r2"))  # leases many of that size
    await storage.ledger.settle(small, [(allowance, 1)], [a_line("r2")])
    clock.step_seconds = HOUR.total_seconds()
    [told] = (await keys.get(key.id)).allowances
    assert (told.granted, told.spent, told.left, told.top_up) == (4_001, 3_901, 100, None)
    with pytest.raises(OutOfCredit):
        await storage.ledger.reserve("r3", [Claim(allowance, 101, 101)], estimating("r3"))
    last = await storage.ledger.reserve("r4", [Claim(allowance, 100, 100)], estimating("r4"))
    assert last.held(allowance) == 100


async def test_periods_can_begin_in_a_time_zone(keys: KeyStore) -> None:
    """Another one moves the end of the period, and what was spent in it stays spent."""
    key = await keys.add(a_key(), b"digest", [Grant(Unit.CREDITS, 5, Reset.DAY, "Asia/Tokyo")])
    [allowance] = key.allowances
    assert (allowance.zone, allowance.resets_at) == ("Asia/Tokyo", AT.replace(hour=15))
    moved = await keys.change(key.id, KeyChange(grants=(Grant(Unit.CREDITS, 5, Reset.DAY, "UTC"),)))
    assert (moved.allowances[0].zone, moved.allowances[0].resets_at) == ("UTC", AT.replace(hour=0) + 24 * HOUR)
