"""The ports are kept by the doubles that stand in for them, so that what is tested is what is promised."""

from dataclasses import replace
from datetime import timedelta
from inspect import signature
from typing import Any

import pytest

from tests import fakes
from tests.fakes import FakeClock, MemoryKeyStore, MemoryLedger
from tests.making import BOUNDS, a_plan, a_visit
from tollbar.domain.errors import Conflict, NotFound, OutOfCredit
from tollbar.domain.identity import Grant, Key, Permission, Reset
from tollbar.domain.money import Unit
from tollbar.domain.records import LedgerEntry
from tollbar.gateway.entries import estimated
from tollbar.ports.clock import Clock
from tollbar.ports.keys import KeyChange, KeyStore
from tollbar.ports.money import Claim, Counters, Ledger, Reservation
from tollbar.ports.providers import Provider

pytestmark = pytest.mark.anyio

DOUBLES = [
    (Clock, fakes.FakeClock),
    (Provider, fakes.FakeProvider),
    (KeyStore, fakes.MemoryKeyStore),
    (Reservation, fakes.MemoryReservation),
    (Ledger, fakes.MemoryLedger),
    (Counters, fakes.HookedCounters),
]


def promises(port: type[Any]) -> dict[str, list[str]]:
    """The functions of a port with the names of their parameters."""
    found = {name: getattr(port, name) for name in vars(port) if not name.startswith("_")}
    return {name: list(signature(function).parameters) for name, function in found.items() if callable(function)}


@pytest.mark.parametrize(("port", "double"), DOUBLES)
async def test_a_double_has_the_functions_of_its_port(port: type[Any], double: type[Any]) -> None:
    """With the same parameters under the same names."""
    assert promises(port)
    assert {name: list(signature(getattr(double, name)).parameters) for name in promises(port)} == promises(port)


def a_line() -> LedgerEntry:
    """The line of a call that was lost."""
    return estimated(a_visit(), a_plan(), BOUNDS, FakeClock().now())


async def test_the_ledger_holds_the_most_or_what_is_left() -> None:
    """All if it fits, what is left if the expected fits, and else nothing of anything."""
    ledger = MemoryLedger()
    tokens, credits_ = ledger.grant(Unit.TOKENS, 150), ledger.grant(Unit.CREDITS, 5)
    first = await ledger.reserve("r1", [Claim(tokens, 100, 40), Claim(credits_, 2, 2)], a_line)
    second = await ledger.reserve("r2", [Claim(tokens, 100, 40), Claim(credits_, 2, 2)], a_line)
    assert (first.held(tokens), second.held(tokens), ledger.left(tokens), ledger.left(credits_)) == (100, 50, 0, 1)
    with pytest.raises(OutOfCredit):
        await ledger.reserve("r3", [Claim(credits_, 1, 1), Claim(tokens, 1, 1)], a_line)
    assert ledger.left(credits_) == 1


async def test_the_ledger_settles_once_and_writes_an_overrun_in_full() -> None:
    """The second time nothing changes; more than was held is charged and flagged."""
    ledger = MemoryLedger()
    tokens = ledger.grant(Unit.TOKENS, 100)
    reservation = await ledger.reserve("r1", [Claim(tokens, 10, 10)], a_line)
    for _ in range(2):
        await ledger.settle(reservation, [(tokens, 120)], [a_line()])
    (standing,) = await ledger.standing("key")
    assert (standing.spent, standing.held, standing.left) == (120, 0, -20)
    assert [line.flag for line in ledger.entries] == ["overrun"]


async def test_the_key_store_keeps_its_promises() -> None:
    """Names are unique, versions are checked, a rotated key has two secrets for a while."""
    clock = FakeClock()
    keys = MemoryKeyStore(clock)
    key = Key("k", "name", "hint", Permission.CALL, clock.now())
    await keys.add(key, b"one", [Grant(Unit.CREDITS, 5, Reset.DAY)])
    with pytest.raises(Conflict):
        await keys.add(replace(key, id="other"), b"two", ())
    with pytest.raises(NotFound):
        await keys.get("nobody")
    with pytest.raises(Conflict):
        await keys.change("k", KeyChange(name="new"), version=7)
    changed = await keys.change("k", KeyChange(models=("m",), grants=(Grant(Unit.TOKENS, 9),)), version=1)
    assert (changed.name, changed.models, changed.version) == ("name", ("m",), 2)
    assert [(held.id.unit, held.granted) for held in changed.allowances] == [(Unit.CREDITS, 5), (Unit.TOKENS, 9)]
    await keys.rotate("k", b"new", "hint2", clock.now() + timedelta(seconds=5))
    old, new = await keys.find(b"one"), await keys.find(b"new")
    assert old is not None
    assert new is not None
    assert (old.expires_at, new.expires_at) == (clock.now() + timedelta(seconds=5), None)
    assert await keys.find(b"two") is None
    assert [found.id for found in await keys.list()] == ["k"]
    await keys.change("k", KeyChange(revoked_at=clock.now()))
    with pytest.raises(Conflict):
        await keys.rotate("k", b"newer", "hint3", clock.now())
