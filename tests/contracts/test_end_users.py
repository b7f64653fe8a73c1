"""What every implementation of the `EndUserStore` port promises, with the ledger that it is for."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.contracts.stores import STORES
from tests.storage.making import StepClock, a_key, a_line, a_record, estimating
from tollbar.domain.end_users import ERASED, EndUserChange
from tollbar.domain.errors import NotAllowed, NotFound, OutOfCredit
from tollbar.domain.identity import EndUserTerms, Grant, Holder, Principal, Reset
from tollbar.domain.money import Unit
from tollbar.domain.teams import Team
from tollbar.gateway.end_users import EndUsers
from tollbar.ports.keys import KeyChange
from tollbar.ports.money import Claim
from tollbar.storage.store import Storage

pytestmark = pytest.mark.anyio

FIVE = EndUserTerms((Grant(Unit.CREDITS, 5, Reset.DAY),))


@pytest.fixture(params=sorted(STORES))
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    """One implementation after the other, new, with a key that tells its end users apart."""
    async with STORES[request.param](tmp_path, StepClock()) as storage:
        await storage.keys.add(a_key(), b"in", [Grant(Unit.CREDITS, 100)])
        await storage.keys.change("somebody", KeyChange(end_user_terms=FIVE))
        yield storage


async def caller(storage: Storage, name: str, digest: bytes = b"in") -> Principal:
    """Who calls for an end user, as a call finds out."""
    principal = await storage.keys.find(digest)
    assert principal is not None
    return await EndUsers(storage.end_users).named(principal, name)


async def call(storage: Storage, principal: Principal, request_id: str) -> None:
    """A call of one credit."""
    claims = [Claim(allowance, 1, 1) for allowance in principal.allowances]
    held = await storage.ledger.reserve(request_id, claims, estimating(request_id))
    line = a_line(request_id, end_user=principal.end_user)
    await storage.ledger.settle(held, [(allowance, 1) for allowance in principal.allowances], [line])


async def standing(storage: Storage, principal: Principal) -> dict[str, tuple[int, int]]:
    """What was spent and is left of all that covers a call."""
    told = await storage.ledger.standing(principal.key_id, principal.end_users)
    return {one.id.holder.value: (one.spent, one.left) for one in told}


async def test_each_end_user_has_exactly_as_many_calls_as_are_granted(storage: Storage) -> None:
    """Forty calls at once for four, each of which is seen for the first time in ten places: five each succeed."""

    async def one(number: int) -> None:
        await call(storage, await caller(storage, f"u{number % 4}"), f"r{number}")

    ended = await asyncio.gather(*(one(number) for number in range(40)), return_exceptions=True)
    assert [ended.count(None), sum(isinstance(fault, OutOfCredit) for fault in ended)] == [20, 20]
    found = await storage.end_users.list("somebody")
    assert sorted((user.name, *[one.spent for one in user.allowances]) for user in found) == [
        (f"u{number}", 5) for number in range(4)
    ]
    assert {user.allowances[0].id.holder for user in found} == {Holder.END_USER}
    assert await standing(storage, await caller(storage, "u1")) == {"key": (20, 80), "end_user": (5, 0)}
    listed = [one for key in await storage.keys.list() for one in key.allowances]
    assert [one.id.holder for one in listed] == [Holder.KEY]


async def test_a_change_of_the_terms_reaches_whoever_calls_next_and_loses_nothing(storage: Storage) -> None:
    """What was spent stays; a unit that is granted no more bounds nobody; without terms nobody is told apart."""
    ana = await caller(storage, "ana")
    await call(storage, ana, "r1")
    six = EndUserTerms((Grant(Unit.CREDITS, 6, Reset.DAY), Grant(Unit.TOKENS, 9)), is_required=False)
    before = await storage.keys.changes()
    key = await storage.keys.change("somebody", KeyChange(end_user_terms=six))
    assert (key.end_user_terms, await storage.keys.changes()) == (six, before + 1)
    again = await caller(storage, "ana")
    told = await storage.ledger.standing("somebody", again.end_users)
    assert [(one.id.unit, one.spent, one.left) for one in told][1:] == [(Unit.CREDITS, 1, 5), (Unit.TOKENS, 0, 9)]
    await storage.keys.change("somebody", KeyChange(end_user_terms=EndUserTerms()))
    assert [one.holder for one in (await caller(storage, "ana")).allowances] == [Holder.KEY]
    assert (await storage.keys.change("somebody", KeyChange(forgets_end_users=True))).end_user_terms is None
    principal = await storage.keys.find(b"in")
    assert principal is not None
    assert principal.end_user_terms == ()


async def test_a_day_that_is_over_begins_anew_for_each(storage: Storage) -> None:
    """As with every other allowance."""
    ana = await caller(storage, "ana")
    for number in range(5):
        await call(storage, ana, f"r{number}")
    storage.end_users._clock.advance(timedelta(days=1).total_seconds())  # type: ignore[attr-defined]
    await storage.ledger.tick()
    await call(storage, ana, "tomorrow")
    assert (await standing(storage, ana))["end_user"] == (1, 4)


async def test_who_is_foreseen_is_what_a_call_would_find_and_nothing_is_written(storage: Storage) -> None:
    """New, known, and known by terms that have changed since; whoever is blocked is told as such."""
    six = EndUserTerms((Grant(Unit.CREDITS, 6, Reset.MONTH, "Europe/Berlin"), Grant(Unit.TOKENS, 9)))
    for terms in (FIVE, six, FIVE):
        foreseen = await storage.end_users.foresee("somebody", "ana", terms)
        assert [one.id for one in await storage.end_users.list("somebody")] == ([foreseen.id] if foreseen.id else [])
        made = await storage.end_users.admit("somebody", "ana", terms)
        assert [replace(one, id=known.id) for one, known in zip(foreseen.allowances, made.allowances, strict=True)] == [
            *made.allowances
        ]
    blocked = await storage.end_users.change("somebody", made.id, EndUserChange(is_blocked=True))
    assert (await storage.end_users.foresee("somebody", "ana", FIVE)).blocked_at == blocked.blocked_at


async def test_one_can_be_blocked_and_be_given_a_new_start(storage: Storage) -> None:
    """By its id; others hear of it, the audit keeps it, and the ledger's lines stay."""
    ana = await caller(storage, "ana")
    await call(storage, ana, "r1")
    before = await storage.keys.changes()
    await storage.end_users.change("somebody", str(ana.end_user), EndUserChange(is_blocked=True))
    with pytest.raises(NotAllowed):
        await caller(storage, "ana")
    changed = EndUserChange(is_blocked=False, renews=True)
    after = await storage.end_users.change("somebody", str(ana.end_user), changed)
    assert (after.blocked_at, [one.spent for one in after.allowances]) == (None, [0])
    assert await standing(storage, await caller(storage, "ana")) == {"key": (1, 99), "end_user": (0, 5)}
    assert await storage.keys.changes() == before + 2
    told = [(entry.action, entry.subject) for entry in await storage.audit.find()]
    assert told[:3] == [(f"end_user.{what}", ana.end_user) for what in ("renew", "unblock", "block")]
    for owner, end_user in (("somebody", "user_x"), ("other", str(ana.end_user))):
        with pytest.raises(NotFound):
            await storage.end_users.change(owner, end_user, changed)


async def test_a_name_is_forgotten_and_nothing_that_was_used(storage: Storage) -> None:
    """Of the key's end user and in the records of its calls alone; who is named so later is another one."""
    ana = await caller(storage, "ana")
    await call(storage, ana, "r1")
    storage.log.write([a_record(f"r{number}", user="ana") for number in range(3)])
    storage.log.write([a_record("other", user="ben"), a_record("elsewhere", user="ana", key_id="another")])
    storage.log.flush()
    erased = await storage.end_users.change("somebody", str(ana.end_user), EndUserChange(erases=True))
    assert (erased.id, erased.name.startswith(ERASED)) == (ana.end_user, True)
    assert [(one.spent, one.left) for one in erased.allowances] == [(1, 4)]
    kept = [await storage.requests.find(one) for one in ("r0", "r1", "r2", "other", "elsewhere")]
    assert [record.user for record in kept if record] == [None, None, None, "ben", "ana"]
    [day] = await storage.usage.by_day("somebody", ana.end_user, date.min)
    assert (day.calls, day.credits) == (1, 1)
    told = await storage.audit.find()
    assert (told[0].action, told[0].subject, (await storage.audit.verify()).wrong) == (
        "end_user.erase",
        erased.id,
        None,
    )
    assert not any("ana" in f"{entry.before}{entry.after}" for entry in told)
    assert (await caller(storage, "ana")).end_user != ana.end_user


async def test_a_team_has_end_users_that_its_keys_share(storage: Storage) -> None:
    """A call holds from what its key grants them and from what its team does."""
    await storage.teams.add(Team("team_a", "research", StepClock().now()), [])
    team = await storage.teams.change("team_a", KeyChange(end_user_terms=EndUserTerms((Grant(Unit.CREDITS, 2),))))
    assert team.end_user_terms == EndUserTerms((Grant(Unit.CREDITS, 2),))
    await storage.keys.add(a_key("other", team="team_a"), b"other", [])
    await storage.keys.change("somebody", KeyChange(team="team_a"))
    for digest in (b"in", b"other"):
        await call(storage, await caller(storage, "ana", digest), digest.decode())
    with pytest.raises(OutOfCredit):
        await call(storage, await caller(storage, "ana"), "third")
    found = await storage.end_users.list("team_a", "ana")
    assert [[one.spent for one in user.allowances] for user in found] == [[2]]


async def test_there_are_as_many_as_may_be(storage: Storage) -> None:
    """The next one is told so, by the setting's name; those who are known go on."""
    storage.end_users._most = 2
    names = [f"u{number}" for number in range(6)]
    ended = await asyncio.gather(*(caller(storage, name) for name in names), return_exceptions=True)
    refused = [fault for fault in ended if isinstance(fault, NotAllowed)]
    assert (len(refused), "end_users.most" in refused[0].hint) == (4, True)
    known = [user.name for user in await storage.end_users.list("somebody")]
    assert len(known) == 2
    assert (await caller(storage, known[0])).end_user is not None
