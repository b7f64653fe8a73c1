"""Thresholds and signatures, as values."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from tollbar.domain.alerts import Standing, Webhook, alert_of, new_secret, secret_fault, signed, wait_after
from tollbar.domain.identity import Holder, Reset
from tollbar.domain.money import Unit

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
DOLLARS = Standing(7, "k", "ana", Holder.KEY, Unit.DOLLARS, 10**10, 8 * 10**9, Reset.MONTH, NOW, None, None)


@pytest.mark.parametrize(
    ("spent", "own", "crossed"),
    [
        (0, None, []),
        (8 * 10**9 - 1, None, [50]),
        (8 * 10**9, None, [50, 80]),
        (2 * 10**10, None, [50, 80, 100]),
        (10**10, (), []),
        (10**9, (10, 99), [10]),
    ],
)
def test_a_threshold_is_reached_exactly(spent: int, own: tuple[int, ...] | None, crossed: list[int]) -> None:
    """At its amount and not before; an allowance's own thresholds take the place of the usual ones."""
    assert DOLLARS._replace(spent=spent, at=own).crossed((50, 80, 100)) == crossed


def test_an_alert_says_what_was_reached() -> None:
    """Amounts in their unit, no secret; without a reset another amount is another period."""
    alert = alert_of(DOLLARS, 80, NOW)
    told = json.loads(alert.body)
    assert (told["type"], told["timestamp"]) == ("allowance.threshold_reached", NOW.isoformat())
    assert {name: told["data"][name] for name in ("name", "unit", "granted", "spent", "left", "threshold_percent")} == {
        "name": "ana",
        "unit": "dollars",
        "granted": "10",
        "spent": "8",
        "left": "2",
        "threshold_percent": 80,
    }
    never = DOLLARS._replace(reset=Reset.NEVER)
    assert (never.period, never._replace(granted=5).period, DOLLARS.period) == (10**10, 5, int(NOW.timestamp()))


def test_a_signature_is_that_of_standard_webhooks() -> None:
    """Checked by hand: the id, the seconds and the body, joined by points."""
    hook = Webhook("https://a", new_secret())
    headers = signed(hook, "alert_1", '{"a":1}', NOW)
    key = base64.b64decode(hook.secret.removeprefix("whsec_"))
    expected = hmac.new(key, f'alert_1.{int(NOW.timestamp())}.{{"a":1}}'.encode(), hashlib.sha256).digest()
    assert headers == {
        "webhook-id": "alert_1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": f"v1,{base64.b64encode(expected).decode()}",
    }


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!", "whsec_c2hvcnQ=", base64.b64encode(bytes(32)).decode()])
def test_a_secret_that_is_none(secret: str) -> None:
    """Too short, no base64, or without its prefix."""
    assert secret_fault(secret)
    assert not secret_fault(new_secret())


def test_attempts_become_rarer() -> None:
    """From seconds to three hours."""
    assert [wait_after(attempts) for attempts in (1, 2, 3, 40)] == [
        timedelta(seconds=15),
        timedelta(seconds=45),
        timedelta(seconds=135),
        timedelta(hours=3),
    ]
