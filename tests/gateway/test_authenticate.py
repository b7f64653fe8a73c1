"""Who calls: cached, expired, revoked, mistyped, and bad credentials that are counted by address."""

import asyncio
from datetime import timedelta

import pytest

from tests.fakes import FakeClock, MemoryKeyStore
from tollbar.counters.memory import MemoryCounters
from tollbar.domain.digest import digest, place_text
from tollbar.domain.errors import AccessError, ExpiredKey, InvalidKey, MissingKey, NotAllowed, RateLimited
from tollbar.domain.identity import AllowanceId, Credential, Holder, Key, KeyKind, Permission, Principal, assemble
from tollbar.domain.money import Unit
from tollbar.gateway.authenticate import BAD_CREDENTIALS, CACHE_SECONDS, Authenticator, CallerTerms
from tollbar.ports.keys import KeyChange

pytestmark = pytest.mark.anyio

SECRET = assemble("0123456789", "abcdefghijklmnopqrstuvwxyzAB")
OTHER = assemble("9876543210", "abcdefghijklmnopqrstuvwxyzAB")
HERE = "192.0.2.7"


def digested(text: str) -> bytes:
    """What the store knows of a secret."""
    return digest(b"pepper", text)


class Door:
    """An authenticator with one key in its store."""

    def __init__(self, terms: CallerTerms | None = None, **fields: object) -> None:
        self.clock = FakeClock()
        self.keys = MemoryKeyStore(self.clock, self.hook)
        self.counters = MemoryCounters(self.clock)
        self.authenticator = Authenticator(self.keys, digested, self.counters, self.clock, terms or CallerTerms())
        self.key = Key("key", "A key", "sk-toll-…", Permission.CALL, self.clock.now(), **fields)  # type: ignore[arg-type]
        self.gate: asyncio.Event | None = None

    async def hook(self, point: str) -> None:
        """Holds a look-up back, if a test wants it so."""
        if self.gate is not None:
            await self.gate.wait()

    async def ask(self, text: str | None = SECRET, address: str = HERE) -> str:
        """The key id that a credential stands for."""
        if not await self.keys.list():
            await self.keys.add(self.key, digested(SECRET), ())
        credential = None if text is None else Credential(text, "authorization")
        return (await self.authenticator.principal(credential, address)).key_id

    async def refused(self, text: str | None = SECRET, address: str = HERE) -> AccessError:
        """The error that a credential gets."""
        with pytest.raises(AccessError) as fault:
            await self.ask(text, address)
        return fault.value


async def test_a_valid_key_is_known_and_looked_up_once() -> None:
    """For as long as the cache lasts; then the store is asked again."""
    door = Door()
    assert [await door.ask() for _ in range(5)] == ["key"] * 5
    assert door.keys.finds == 1
    door.clock.advance(CACHE_SECONDS)
    await door.ask()
    assert door.keys.finds == 2


async def test_a_clock_that_goes_back_does_not_revive_what_was_found_expired() -> None:
    """An expired key is dropped from the cache: the store, which has the last word, is asked anew."""
    door = Door(expires_at=FakeClock().now() + timedelta(seconds=1))
    await door.ask()
    door.clock.advance(1)
    assert type(await door.refused()) is ExpiredKey
    door.clock.advance(-1)
    await door.ask()
    assert door.keys.finds == 2


async def test_no_key_is_told_how_to_send_one() -> None:
    """And asks no store."""
    door = Door()
    fault = await door.refused(None)
    assert (type(fault), door.keys.finds) == (MissingKey, 0)
    assert "Authorization: Bearer" in fault.text


@pytest.mark.parametrize(
    "text", [SECRET[:-1], SECRET + "x", SECRET[:-1] + "é", SECRET.replace("a", "b"), "sk-toll-", "sk-toll-x"]
)
async def test_a_mistyped_key_is_told_without_a_look_up(text: str) -> None:
    """Its checksum does not fit."""
    door = Door()
    fault = await door.refused(text)
    assert (type(fault), door.keys.finds) == (InvalidKey, 0)
    assert "mistyped" in fault.message


@pytest.mark.parametrize("text", ["", "sk-other", "Basic x", "\x00", "x" * 100_000, "half \ud800", OTHER])
async def test_any_other_credential_is_looked_up_and_refused(text: str) -> None:
    """Whatever it holds; nothing of it is told back."""
    fault = await Door().refused(text)
    assert type(fault) is InvalidKey
    assert (text or "nothing") not in fault.text


async def test_unknown_and_revoked_keys_get_the_same_answer() -> None:
    """Nobody can find out which keys there were; and each costs the same look-up."""
    door = Door(revoked_at=FakeClock().now())
    revoked, unknown = await door.refused(SECRET), await door.refused(OTHER)
    assert (type(revoked), revoked.text, revoked.code, revoked.status) == (
        type(unknown),
        unknown.text,
        unknown.code,
        unknown.status,
    )
    assert door.keys.finds == 2


async def test_a_key_expires_at_its_moment_cached_or_not() -> None:
    """Valid before it, refused from it on, and told so."""
    door = Door()
    door.key = Key(
        "key", "A", "h", Permission.CALL, door.clock.now(), expires_at=door.clock.now() + timedelta(seconds=5)
    )
    await door.ask()
    door.clock.advance(4.999)
    await door.ask()
    door.clock.advance(0.001)
    fault = await door.refused()
    assert (type(fault), fault.code, door.keys.finds) == (ExpiredKey, "key_expired", 1)


async def test_a_revoked_key_stops_as_soon_as_the_cache_forgets() -> None:
    """Not before the next look-up, and not after it."""
    door = Door()
    await door.ask()
    await door.keys.change("key", KeyChange(revoked_at=door.clock.now()))
    assert await door.ask() == "key"
    door.authenticator.forget()
    assert type(await door.refused()) is InvalidKey


async def test_what_was_found_before_a_change_is_not_kept_after_it() -> None:
    """A look-up that was under way when the cache was told to forget must not bring the old state back."""
    door = Door()
    await door.ask()
    door.authenticator.forget()
    door.gate = asyncio.Event()
    slow = asyncio.create_task(door.ask())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert door.keys.finds == 2
    await door.keys.change("key", KeyChange(expires_at=door.clock.now() - timedelta(seconds=1)))
    door.authenticator.forget()
    door.gate.set()
    await asyncio.wait({slow})
    assert type(await door.refused()) is ExpiredKey


async def test_a_rotated_key_ends_with_its_grace() -> None:
    """The old secret until its time is over, the new one from now on; the old one is then expired, not unknown."""
    door = Door()
    await door.ask()
    await door.keys.rotate("key", digested(OTHER), "h", door.clock.now() + timedelta(seconds=10))
    door.authenticator.forget()
    assert [await door.ask(), await door.ask(OTHER)] == ["key", "key"]
    door.clock.advance(10)
    assert await door.ask(OTHER) == "key"
    assert type(await door.refused()) is ExpiredKey


async def test_bad_credentials_are_limited_by_address_while_valid_keys_pass() -> None:
    """Twenty a minute; then 429, with the wait, for the bad ones from there alone."""
    door = Door()
    for number in range(BAD_CREDENTIALS.amount):
        await door.refused(f"guess {number}")
    with pytest.raises(RateLimited, match="20 per 1 minute") as refusal:
        await door.ask("guess")
    assert 0 < refusal.value.retry_after_seconds <= 61
    for text in (None, SECRET[:-1], OTHER):
        with pytest.raises(RateLimited):
            await door.ask(text)
    assert await door.ask() == "key"
    assert type(await door.refused("guess", "198.51.100.1")) is InvalidKey
    door.clock.advance(refusal.value.retry_after_seconds)
    assert type(await door.refused("guess")) is InvalidKey


async def test_a_good_key_does_not_reset_the_count() -> None:
    """Otherwise whoever has one could guess others."""
    door = Door()
    for number in range(BAD_CREDENTIALS.amount):
        await door.refused(f"guess {number}")
        await door.ask()
    with pytest.raises(RateLimited):
        await door.ask("guess")


async def test_the_cache_knows_no_secret() -> None:
    """Neither in clear nor as the digest that the store knows."""
    door = Door()
    await door.ask()
    held = repr(vars(door.authenticator)["_known"])
    assert SECRET not in held
    assert repr(digested(SECRET)) not in held


@pytest.mark.parametrize(("tier", "cost"), [("", 1), ("basic", 2), ("free", 0)])
async def test_a_call_costs_what_the_tier_of_its_key_costs_now(tier: str, cost: int) -> None:
    """The key has the tier's name alone: the same key costs another price once the setting says so."""
    door = Door(CallerTerms({"basic": 2, "free": 0}), tier=tier)
    await door.ask()
    assert (await door.authenticator.principal(Credential(SECRET, "x"), HERE)).credit_cost == cost
    door = Door(CallerTerms({"basic": 7, "free": 7}), tier=tier)
    await door.ask()
    assert (await door.authenticator.principal(Credential(SECRET, "x"), HERE)).credit_cost == (7 if tier else 1)


async def test_a_tier_that_is_gone_is_told_and_not_held_against_the_caller() -> None:
    """The setting is named; nobody is taken for somebody who guesses keys."""
    door = Door(CallerTerms({"basic": 2}), tier="gold")
    faults = [await door.refused() for _ in range(30)]
    assert {type(fault) for fault in faults} == {NotAllowed}
    assert "'gold'" in faults[0].message
    assert "'tiers'" in faults[0].hint


async def test_a_bound_key_works_from_its_address_alone() -> None:
    """From elsewhere it is as if there were no such key, in the same words; and such tries are counted."""
    door = Door(bound_to=digested(place_text(HERE)))
    assert [await door.ask() for _ in range(2)] == ["key", "key"]
    elsewhere, unknown = await door.refused(SECRET, "198.51.100.1"), await door.refused(OTHER)
    assert (type(elsewhere), elsewhere.text) == (InvalidKey, unknown.text)
    for _ in range(BAD_CREDENTIALS.amount - 1):
        await door.refused(SECRET, "198.51.100.1")
    with pytest.raises(RateLimited):
        await door.ask(SECRET, "198.51.100.1")
    assert await door.ask() == "key"


async def test_a_key_of_the_settings_needs_no_store() -> None:
    """It is valid as long as it stands there; a wrong one is looked up like any other."""
    static = Principal("static", "static", kind=KeyKind.STATIC)
    door = Door(CallerTerms(fixed={digested("swordfish"): static}))
    assert (await door.ask("swordfish"), door.keys.finds) == ("static", 0)
    assert type(await door.refused("swordfisH")) is InvalidKey


async def test_callers_without_a_key_are_let_in_where_the_settings_say_so() -> None:
    """For calls alone, and only without a credential: a wrong key is refused as ever."""
    anonymous = Principal("anonymous", "anonymous", kind=KeyKind.ANONYMOUS)
    door = Door(CallerTerms(anonymous=anonymous))
    assert await door.authenticator.caller(None, HERE) == anonymous
    assert type(await door.refused(None)) is MissingKey
    with pytest.raises(InvalidKey):
        await door.authenticator.caller(Credential("wrong", "authorization"), HERE)
    with pytest.raises(MissingKey):
        await Door().authenticator.caller(None, HERE)


async def test_a_replaced_rotating_key_is_told_so() -> None:
    """Its moment says nothing to its user; where the next one is does."""
    door = Door(kind=KeyKind.ROTATING, expires_at=FakeClock().now())
    fault = await door.refused()
    assert (type(fault), "replaced" in fault.message) == (ExpiredKey, True)


async def test_what_covers_everybody_covers_callers_whom_the_store_does_not_know() -> None:
    """The key of the settings and callers without one, from the next call after a change on."""
    nobody = Principal("anonymous", "anonymous", kind=KeyKind.ANONYMOUS)
    static = Principal("static", "static", kind=KeyKind.STATIC)
    door = Door(CallerTerms(fixed={digested("a key of the settings"): static}, anonymous=nobody))
    assert (await door.authenticator.caller(None, HERE)).allowances == ()
    everybodys = AllowanceId(1, Unit.DOLLARS, Holder.INSTALLATION)
    door.keys.covers_all = [everybodys]
    door.authenticator.forget()
    first = await door.authenticator.caller(None, HERE)
    known = await door.authenticator.caller(Credential("a key of the settings", "authorization"), HERE)
    assert first.allowances == known.allowances == (everybodys,)
    assert await door.authenticator.caller(None, HERE) is first
