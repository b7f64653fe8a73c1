"""Alerts in the store: what is near its end, and each alert for one process at a time until it is there."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.contracts.stores import STORES
from tests.storage.making import StepClock, a_key
from tollbar.domain.alerts import Alert, alert_of
from tollbar.domain.audit import Actor
from tollbar.domain.errors import InvalidValue
from tollbar.domain.identity import EndUserTerms, Grant, Reset
from tollbar.domain.money import Unit
from tollbar.ports.watching import SealedHook
from tollbar.storage.store import Storage

pytestmark = pytest.mark.anyio


async def spent(storage: Storage, unit: str, amount: int) -> None:
    """An allowance of which so much was used."""
    await storage.journal.run(
        lambda connection: connection.execute("UPDATE allowances SET spent = ? WHERE unit = ?", (amount, unit)).rowcount
    )


@pytest.mark.parametrize("store", sorted(STORES))
async def test_an_alert_on_its_way(tmp_path: Path, store: str) -> None:
    """From what was spent to what was delivered, on each store."""
    clock = StepClock()
    async with STORES[store](tmp_path, clock) as storage:
        grants = [Grant(Unit.CREDITS, 10), Grant(Unit.TOKENS, 1_000, Reset.DAY)]
        await storage.keys.add(a_key(), b"1", grants)
        assert await storage.alerts.standings(80) == []
        await storage.end_users.admit("somebody", "one of thousands", EndUserTerms((Grant(Unit.CREDITS, 10),)))
        await spent(storage, "credits", 8)
        await spent(storage, "tokens", 799)
        (first,) = await storage.alerts.standings(80)
        assert (first.name, first.holder, first.granted, first.spent) == ("somebody", "key", 10, 8)
        ana = storage.alerts.by(Actor("ana"))
        await ana.set_thresholds("somebody", Unit.TOKENS, (50,))
        assert await ana.thresholds() == [("somebody", Unit.TOKENS, (50,))]
        tokens = next(one for one in await ana.standings(1_001) if one.unit is Unit.TOKENS)
        assert (tokens.crossed(()), tokens.reset, tokens.period_end is not None) == ([50], Reset.DAY, True)
        with pytest.raises(InvalidValue):
            await ana.set_thresholds("somebody", Unit.DOLLARS, (50,))
        (entry,) = (await storage.audit.find())[:1]
        assert (entry.actor, entry.action, entry.subject) == ("ana", "alerts.thresholds", "somebody")
        alert = alert_of(first, 80, clock.now())
        await ana.add([alert, alert._replace(id="alert_again"), alert_of(tokens, 50, clock.now())])
        assert {alert.id for alert in await ana.newest()} >= {alert.id}
        assert len(await ana.newest()) == 2
        claimed = [await ana.claim() for _ in range(3)]
        assert {alert.threshold for alert in claimed if alert} == {50, 80}
        assert claimed[2] is None  # whoever dies now leaves them to be claimed again
        clock.advance(20)
        again = await ana.claim()
        assert again is not None
        assert (again.attempts, again.body) == (2, next(one.body for one in claimed if one and one.id == again.id))
        await ana.tell(again.id, "status 500")
        assert next(one.fault for one in await ana.newest() if one.id == again.id) == "status 500"
        await ana.tell(again.id, None)
        assert next(one.state for one in await ana.newest() if one.id == again.id) == "delivered"


@pytest.mark.parametrize("store", sorted(STORES))
async def test_a_webhook_that_never_answers_is_given_up(tmp_path: Path, store: str) -> None:
    """After three days; what is old is forgotten, unless its allowance never begins anew."""
    clock = StepClock()
    async with STORES[store](tmp_path, clock) as storage:
        await storage.keys.add(a_key(), b"1", [Grant(Unit.CREDITS, 10), Grant(Unit.TOKENS, 10, Reset.DAY)])
        await spent(storage, "credits", 10)
        await spent(storage, "tokens", 10)
        await storage.alerts.add([alert_of(one, 80, clock.now()) for one in await storage.alerts.standings(1)])
        attempts: list[Alert] = []
        for _ in range(100):
            clock.advance(timedelta(hours=3).total_seconds())
            while (alert := await storage.alerts.claim()) is not None:
                attempts.append(alert)
        assert 20 < len(attempts) / 2 < 30
        assert {alert.state for alert in await storage.alerts.newest()} == {"given_up"}
        await storage.alerts.prune(clock.now())
        assert [alert.allowance for alert in await storage.alerts.newest()] == [1]


@pytest.mark.parametrize("store", sorted(STORES))
async def test_the_webhook(tmp_path: Path, store: str) -> None:
    """One at a time; the audit tells its address and nothing of its secret."""
    async with STORES[store](tmp_path, StepClock()) as storage:
        assert await storage.alerts.hook() is None
        for hook in (SealedHook("https://a", b"one"), SealedHook("https://b", b"two"), None):
            await storage.alerts.set_hook(hook)
            assert await storage.alerts.hook() == hook
        told = [(entry.before, entry.after) for entry in reversed(await storage.audit.find())]
        a, b = '{"url":"https://a"}', '{"url":"https://b"}'
        assert told == [("{}", a), (a, b), (b, "{}")]
