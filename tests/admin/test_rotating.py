"""The rotating key: exactly one at every moment, whoever rotates, whatever the clock does."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.storage.making import StepClock, a_directory, a_key, opened
from tollbar.admin.keys import revoke_key
from tollbar.admin.rotating import EPOCH, LIFE, RotatingKey, Shown, Sources, derived
from tollbar.domain.digest import digest
from tollbar.domain.errors import Conflict
from tollbar.domain.identity import KeyKind
from tollbar.storage.store import Storage

pytestmark = pytest.mark.anyio

SEALING_KEY = b"s" * 32
DIGEST = partial(digest, b"pepper")
ADMIN_SECRET = "an admin secret of the tests"


@dataclass(slots=True)
class Desk:
    """A store, its clock, and rotating keys over it: one for each process."""

    storage: Storage
    clock: StepClock
    changes: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)

    def key(self, derive_from: str | None = None, grace: timedelta = timedelta()) -> RotatingKey:
        """The rotating key as one process keeps it."""
        sources = Sources(SEALING_KEY, derive_from, grace)
        return RotatingKey(self.storage.rotation, self.clock, DIGEST, sources, lambda: self.changes.append("changed"))

    async def valid(self, secrets: set[str]) -> set[str]:
        """Which of these secrets open anything now."""
        found = {secret: await self.storage.keys.find(DIGEST(secret)) for secret in secrets}
        now = self.clock.now()
        return {
            secret
            for secret, principal in found.items()
            if principal and not principal.revoked_at and (principal.expires_at is None or principal.expires_at > now)
        }


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk over a fresh store."""
    clock = StepClock()
    async with opened(a_directory(tmp_path), clock) as storage:
        yield Desk(storage, clock)


async def test_the_first_one_is_made_and_shown_again(desk: Desk) -> None:
    """In S1's form; by every process the same; for seven days from now."""
    shown = await desk.key().current()
    assert re.fullmatch(r"sk-[A-Za-z0-9]{16}", shown.secret)
    assert shown.expires_at == desk.clock.now() + timedelta(days=7)
    assert await desk.key().current() == shown
    assert shown.secret not in repr(shown)
    principal = await desk.storage.keys.find(DIGEST(shown.secret))
    assert principal is not None
    assert (principal.kind, principal.name, principal.expires_at) == (KeyKind.ROTATING, "rotating", shown.expires_at)
    assert desk.changes == ["changed"]


async def test_another_takes_its_place_when_seven_days_are_over(desk: Desk) -> None:
    """Not a moment sooner; the old one stops at that instant even if nobody is there to replace it."""
    first = await desk.key().current()
    desk.clock.go_to(first.expires_at - timedelta(microseconds=1))
    assert await desk.key().current() == first
    assert await desk.valid({first.secret}) == {first.secret}
    desk.clock.go_to(first.expires_at)
    assert await desk.valid({first.secret}) == set()
    second = await desk.key().current()
    assert second.secret != first.secret
    assert second.expires_at == first.expires_at + LIFE
    assert await desk.valid({first.secret, second.secret}) == {second.secret}


async def test_one_that_was_over_long_ago_is_replaced_once(desk: Desk) -> None:
    """A process that was down for a month makes one key, not four, and it lasts its week."""
    first = await desk.key().current()
    desk.clock.go_to(first.expires_at + timedelta(days=30))
    second = await desk.key().current()
    assert second.expires_at == desk.clock.now() + LIFE
    found = await desk.storage.rotation.current()
    assert found is not None
    assert found.number == 2


async def test_of_many_that_replace_it_at_once_one_does(desk: Desk) -> None:
    """At the first start and at each boundary: twenty processes are told the same key, and it alone is valid."""
    seen: set[str] = set()
    for _ in range(3):
        shown = await asyncio.gather(*(desk.key().current() for _ in range(20)))
        assert len({one.secret for one in shown}) == 1
        seen.add(shown[0].secret)
        assert await desk.valid(seen) == {shown[0].secret}
        desk.clock.go_to(shown[0].expires_at)
    assert len(await desk.storage.keys.list()) == 1


async def test_a_clock_that_goes_back_revives_nothing(desk: Desk) -> None:
    """Neither the old key nor its number: what is in force stays in force."""
    first = await desk.key().current()
    desk.clock.go_to(first.expires_at)
    second = await desk.key().current()
    desk.clock.step_seconds = -5_000.0
    assert desk.clock.now() < first.expires_at
    assert await desk.key().current() == second
    assert await desk.valid({first.secret, second.secret}) == {second.secret}


async def test_a_grace_lets_the_old_one_work_on(desk: Desk) -> None:
    """For so long and no longer, and without a gap."""
    grace = timedelta(hours=1)
    first = await desk.key(grace=grace).current()
    desk.clock.go_to(first.expires_at)
    assert await desk.valid({first.secret}) == {first.secret}
    second = await desk.key(grace=grace).current()
    both = {first.secret, second.secret}
    assert await desk.valid(both) == both
    desk.clock.go_to(first.expires_at + grace)
    assert await desk.valid(both) == {second.secret}


async def test_a_revoked_one_is_replaced_at_once(desk: Desk) -> None:
    """By a key of another name, since the revoked one keeps its own; names that people took are passed over."""
    await desk.storage.keys.add(a_key("rotating-2"), b"1", [])
    first = await desk.key().current()
    named = await desk.storage.keys.find_named("rotating")
    assert named is not None
    await revoke_key(desk.storage.keys, desk.clock, named.id)
    second = await desk.key().current()
    assert await desk.valid({first.secret, second.secret}) == {second.secret}
    assert await desk.storage.keys.find_named("rotating-3") is not None


async def test_limits_that_were_given_to_it_stay(desk: Desk) -> None:
    """It is one key whose secret changes: what its keeper set of it holds for the next one as well."""
    first = await desk.key().current()
    named = await desk.storage.keys.find_named("rotating")
    assert named is not None
    desk.clock.go_to(first.expires_at)
    second = await desk.key().current()
    principal = await desk.storage.keys.find(DIGEST(second.secret))
    assert principal is not None
    assert principal.key_id == named.id


async def test_the_store_keeps_it_sealed(desk: Desk, tmp_path: Path) -> None:
    """No file of the store has it in clear."""
    shown = await desk.key().current()
    await desk.storage.journal.flush()
    assert not [path for path in (tmp_path / "data").iterdir() if shown.secret.encode() in path.read_bytes()]


async def test_a_derived_one_is_the_same_after_every_start(desk: Desk, tmp_path: Path) -> None:
    """With no memory of the last: it comes from the admin secret and the week, and changes with each."""
    first = await desk.key(ADMIN_SECRET).current()
    other = tmp_path / "other"
    other.mkdir()
    async with opened(a_directory(other), desk.clock) as storage:
        assert await Desk(storage, desk.clock).key(ADMIN_SECRET).current() == first
        desk.clock.go_to(first.expires_at)
        second = await desk.key(ADMIN_SECRET).current()
        assert await Desk(storage, desk.clock).key(ADMIN_SECRET).current() == second
    assert second.secret != first.secret
    assert second.expires_at - first.expires_at == LIFE


async def test_a_derived_one_that_was_revoked_waits_for_its_next_week(desk: Desk) -> None:
    """There is no other for the week, and the revoked one is not shown; another admin secret makes another."""
    first = await desk.key(ADMIN_SECRET).current()
    named = await desk.storage.keys.find_named("rotating")
    assert named is not None
    await revoke_key(desk.storage.keys, desk.clock, named.id)
    await desk.key(ADMIN_SECRET).tick()
    with pytest.raises(Conflict, match="revoked"):
        await desk.key(ADMIN_SECRET).current()
    other = await desk.key("another admin secret").current()
    desk.clock.go_to(first.expires_at)
    after = await desk.key(ADMIN_SECRET).current()
    secrets = {first.secret, other.secret, after.secret}
    assert (len(secrets), await desk.valid(secrets)) == (3, {after.secret})


WEEKS = [
    datetime.fromisoformat(text + "+00:00")
    for text in (
        *("2026-12-31T23:59:59", "2027-01-01T00:00:00", "2020-12-31T12:00:00", "2026-03-29T01:30:00"),
        *("2026-10-25T01:30:00", "2026-06-30T23:59:59", "2028-02-29T00:00:00", "2026-11-19T00:00:00"),
        *("2026-11-18T23:59:59.999999", "2038-01-19T03:14:08", "1999-12-31T00:00:00", "2026-01-01T00:00:00"),
    )
]


@pytest.mark.parametrize("moment", WEEKS)
def test_weeks_are_counted_in_utc_without_exceptions(moment: datetime) -> None:
    """Ends of years, leap days and changes of the hour are days like others: a week is seven times 24 hours."""
    week = (moment - EPOCH) // LIFE
    assert EPOCH + week * LIFE <= moment < EPOCH + (week + 1) * LIFE
    assert derived(ADMIN_SECRET, week) != derived(ADMIN_SECRET, week + 1)
    assert re.fullmatch(r"sk-[A-Za-z0-9]{16}", derived(ADMIN_SECRET, week))


async def test_a_key_from_elsewhere_is_taken_over(desk: Desk) -> None:
    """It is the one in force until its time is over; then one of ours is."""
    ours = await desk.key().current()
    until = desk.clock.now() + timedelta(days=2)
    shown = await desk.key().adopt("sk-0123456789abcdef", until)
    assert shown == Shown("sk-0123456789abcdef", until)
    assert await desk.key().current() == shown
    assert await desk.valid({ours.secret, shown.secret}) == {shown.secret}
    desk.clock.go_to(until)
    after = await desk.key().current()
    assert await desk.valid({ours.secret, shown.secret, after.secret}) == {after.secret}
