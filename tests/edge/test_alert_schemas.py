"""How alerts are told."""

from datetime import UTC, datetime

import pytest

from tests.admin.alerting import FakeCourier, MemoryAlertStore
from tests.fakes import FakeClock
from tollbar.admin.alerts import Alerts, AlertTerms
from tollbar.domain.alerts import Standing, Webhook, alert_of
from tollbar.domain.identity import Holder, Reset
from tollbar.domain.money import Unit
from tollbar.edge.alert_schemas import listed
from tollbar.providers.destinations import url_fault

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 29, tzinfo=UTC)


async def test_an_alert_is_told_without_a_secret() -> None:
    """With its state and what it said; thresholds beside it, those of the file by name."""
    standing = Standing(1, "k", "ana", Holder.KEY, Unit.CREDITS, 10, 8, Reset.NEVER, NOW, None, None)
    store = MemoryAlertStore()
    await store.add([alert_of(standing, 80, NOW)])
    terms = AlertTerms((80,), Webhook("https://a", "whsec_x"), b"k" * 32, {Holder.KEY: {"ana": (90,)}})
    told = await listed(Alerts(store, FakeCourier(), FakeClock(), terms, url_fault))
    assert [(one.holder, one.name, one.at) for one in told.declared] == [(Holder.KEY, "ana", [90])]
    assert (told.webhook, told.usual, told.data[0].state) == ("https://a", [80], "waiting")
    assert told.data[0].data["spent"] == "8"
    assert "whsec_x" not in told.model_dump_json()
