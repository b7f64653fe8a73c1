"""The use cases of alerts, with doubles: what is put on its way, and how its sending goes."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.admin.alerting import FakeCourier, MemoryAlertStore
from tests.fakes import FakeClock
from tests.storage.making import a_key
from tollbar.admin.alerts import Alerts, AlertTerms
from tollbar.domain.alerts import Standing, Webhook, new_secret
from tollbar.domain.errors import Conflict, InvalidValue, NotFound, UpstreamTimeout
from tollbar.domain.identity import Holder, Reset
from tollbar.domain.money import Unit
from tollbar.providers.destinations import url_fault

pytestmark = pytest.mark.anyio

URL = "https://hooks.example/x"
BEGUN = datetime(1970, 1, 1, tzinfo=UTC)
KEY = a_key("k")
CREDITS = Standing(1, "k", "ana", Holder.KEY, Unit.CREDITS, 10, 8, Reset.DAY, BEGUN, None, None)


def alerts(
    store: MemoryAlertStore, courier: FakeCourier | None = None, at: tuple[int, ...] = (50, 80), hook: bool = False
) -> Alerts:
    """Alerts that go to the file's webhook, or to that of the store."""
    terms = AlertTerms(at, Webhook(URL, new_secret()) if hook else None, b"k" * 32)
    return Alerts(store, courier or FakeCourier(), FakeClock(), terms, url_fault)


async def test_what_was_reached_is_told_once() -> None:
    """Each threshold by itself, signed; nothing is told twice, and a period that is long over is not told of."""
    over = CREDITS._replace(allowance=2, period_end=FakeClock().now() - timedelta(hours=1))
    store, courier = MemoryAlertStore([CREDITS, over]), FakeCourier()
    watch = alerts(store, courier, hook=True)
    await watch.tick()
    await watch.tick()
    assert [json.loads(body)["data"]["threshold_percent"] for _, _, body in courier.posts] == [50, 80]
    assert {url for url, _, _ in courier.posts} == {URL}
    assert [headers["webhook-id"] for _, headers, _ in courier.posts] == list(store.alerts)
    assert store.told == [(alert_id, None) for alert_id in store.alerts]
    store.stands = [CREDITS._replace(period_start=BEGUN + timedelta(days=1))]
    await watch.tick()
    assert len(courier.posts) == 4


@pytest.mark.parametrize(
    ("courier", "fault"),
    [
        (FakeCourier(500), "The webhook answered with status 500."),
        (FakeCourier(302), "The webhook answered with status 302."),
        (FakeCourier(fault=UpstreamTimeout("It is silent.")), "It is silent."),
    ],
)
async def test_a_sending_that_fails_is_noted(courier: FakeCourier, fault: str) -> None:
    """With what it failed by; the store has it tried again."""
    store = MemoryAlertStore([CREDITS])
    watch = alerts(store, courier, (80,), hook=True)
    await watch.tick()
    assert [told for _, told in store.told] == [fault]
    assert await watch.test() == fault


async def test_without_a_webhook_alerts_wait() -> None:
    """They are on their way, and nothing is sent; there is nothing to test."""
    store, courier = MemoryAlertStore([CREDITS]), FakeCourier()
    watch = alerts(store, courier)
    await watch.tick()
    assert (len(store.alerts), courier.posts, store.told) == (2, [], [])
    with pytest.raises(NotFound, match="No webhook"):
        await watch.test()


async def test_a_webhook_is_kept_sealed() -> None:
    """Its secret is made where none is given, and is not to be found in the store; it can be taken away."""
    store, courier = MemoryAlertStore(), FakeCourier()
    watch = alerts(store, courier)
    hook = await watch.set_hook(store, URL, None)
    assert hook is not None
    assert store.kept is not None
    assert hook.secret.encode() not in store.kept.sealed
    assert (await watch.hook(), await watch.test()) == (hook, None)
    assert await watch.set_hook(store, None, None) is None
    assert await watch.hook() is None


@pytest.mark.parametrize(
    ("url", "secret", "field"),
    [
        ("ftp://x", None, "url"),
        ("http://169.254.169.254/latest", None, "url"),
        (URL, "whsec_short", "secret"),
    ],
)
async def test_what_no_webhook_can_be(url: str, secret: str | None, field: str) -> None:
    """An address that is never connected to, or a secret that is none."""
    store = MemoryAlertStore()
    with pytest.raises(InvalidValue) as refusal:
        await alerts(store).set_hook(store, url, secret)
    assert (refusal.value.field, store.kept) == (field, None)
    with pytest.raises(Conflict):
        await alerts(store, hook=True).set_hook(store, URL, None)


async def test_thresholds_are_sorted_and_bounded() -> None:
    """Whole numbers, not too many; none at all is a choice, and so are the usual ones."""
    store = MemoryAlertStore()
    watch = alerts(store)
    assert await watch.set_thresholds(store, KEY, [100, 50, 50], "credits") == (50, 100)
    assert await watch.set_thresholds(store, KEY, []) == ()
    assert await watch.set_thresholds(store, KEY, None) is None
    assert store.set_at == [("k", Unit.CREDITS, (50, 100)), ("k", None, ()), ("k", None, None)]
    for at, unit in (([0], None), ([1_001], None), (list(range(1, 12)), None), ([80], "euros")):
        with pytest.raises(InvalidValue):
            await watch.set_thresholds(store, KEY, at, unit)


async def test_the_files_thresholds_of_one_key_are_its_own() -> None:
    """By its name, in place of the usual ones and of those that were set; nobody sets others then."""
    ben = CREDITS._replace(allowance=2, name="ben", at=(10,))
    eva = CREDITS._replace(allowance=3, name="eva", spent=2)
    store = MemoryAlertStore([CREDITS, ben, eva])
    own = {Holder.KEY: {"ben": (70, 90), "eva": (20,), "k": ()}}
    watch = Alerts(store, FakeCourier(), FakeClock(), AlertTerms((50,), None, b"k" * 32, own), url_fault)
    await watch.tick()
    assert [(alert.allowance, alert.threshold) for alert in store.alerts.values()] == [(1, 50), (2, 70), (3, 20)]
    with pytest.raises(Conflict, match="thresholds of 'k'") as refusal:
        await watch.set_thresholds(store, KEY, [80])
    assert "alerts.keys.k" in refusal.value.hint
