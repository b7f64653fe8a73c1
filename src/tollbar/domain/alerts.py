"""Alerts: an allowance was used up to a threshold, and a webhook is told so, once for each threshold and period."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from tollbar.domain.identity import Holder, Reset
from tollbar.domain.money import Unit, to_decimal

FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(hours=3)
GIVEN_UP_AFTER = timedelta(days=3)
PREFIX = "whsec_"
SECRET_BYTES = (24, 64)
"""How many bytes a secret of Standard Webhooks has, at least and at most."""
REACHED = "allowance.threshold_reached"
TEST = "tollbar.test"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where alerts go, and what they are signed with: `whsec_` and base64, as Standard Webhooks has it."""

    url: str
    secret: str = field(repr=False)


class Standing(NamedTuple):
    """How an allowance stands, as far as thresholds go; `name` is its owner's, `period` names what it alerts once in.

    `at` are thresholds of its own, in per cent of what is granted; None means the usual ones.
    """

    allowance: int
    owner: str
    name: str
    holder: Holder
    unit: Unit
    granted: int
    spent: int
    reset: Reset
    period_start: datetime
    period_end: datetime | None
    at: tuple[int, ...] | None

    @property
    def period(self) -> int:
        """One alert for each threshold in it. Without a reset, another amount that is granted begins another."""
        return self.granted if self.reset is Reset.NEVER else int(self.period_start.timestamp())

    def crossed(self, usual: Sequence[int]) -> list[int]:
        """The thresholds that what was spent has reached."""
        return [at for at in (usual if self.at is None else self.at) if self.spent * 100 >= self.granted * at]


class Alert(NamedTuple):
    """One alert on its way, or there: `body` is what is sent, to the byte, however often."""

    id: str
    allowance: int
    threshold: int
    period: int
    body: str
    at: datetime
    attempts: int = 0
    next_at: datetime | None = None
    delivered_at: datetime | None = None
    fault: str | None = None

    @property
    def state(self) -> str:
        """`delivered`, `waiting`, or `given_up`."""
        if self.delivered_at is not None:
            return "delivered"
        return "given_up" if self.next_at is None else "waiting"


def alert_of(standing: Standing, threshold: int, now: datetime) -> Alert:
    """The alert that an allowance reached a threshold."""
    unit = standing.unit
    amounts = {"granted": standing.granted, "spent": standing.spent, "left": standing.granted - standing.spent}
    data = {
        "threshold_percent": threshold,
        "holder": standing.holder.value,
        "holder_id": standing.owner,
        "name": standing.name,
        "unit": unit.value,
        **{name: str(to_decimal(unit, amount)) for name, amount in amounts.items()},
        "reset": standing.reset.value,
        "period_start": None if standing.reset is Reset.NEVER else standing.period_start.isoformat(),
        "period_end": standing.period_end and standing.period_end.isoformat(),
    }
    body = body_of(REACHED, now, data)
    return Alert(new_id(), standing.allowance, threshold, standing.period, body, now, next_at=now)


def body_of(kind: str, now: datetime, data: object) -> str:
    """What is sent: a type, a moment and the data, as Standard Webhooks advises."""
    return json.dumps({"type": kind, "timestamp": now.isoformat(), "data": data}, separators=(",", ":"))


def new_id() -> str:
    """An id under which a receiver knows an alert again that comes twice."""
    return f"alert_{secrets.token_hex(12)}"


def new_secret() -> str:
    """A secret to sign with."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def secret_fault(secret: str) -> str:
    """What is wrong with a secret; empty when nothing is."""
    least, most = SECRET_BYTES
    try:
        size = len(_key(secret))
    except (binascii.Error, ValueError):
        size = 0
    if not secret.startswith(PREFIX) or not least <= size <= most:
        return f"is not {PREFIX!r} and {least} to {most} bytes in base64"
    return ""


def signed(hook: Webhook, alert_id: str, body: str, now: datetime) -> dict[str, str]:
    """The headers of one sending, by Standard Webhooks: id, moment, and HMAC-SHA256 over both and the body."""
    at = str(int(now.timestamp()))
    mac = hmac.digest(_key(hook.secret), f"{alert_id}.{at}.{body}".encode(), hashlib.sha256)
    signature = base64.b64encode(mac).decode()
    return {"webhook-id": alert_id, "webhook-timestamp": at, "webhook-signature": f"v1,{signature}"}


def wait_after(attempts: int) -> timedelta:
    """How long after so many attempts the next one is due."""
    return min(LONGEST_WAIT, FIRST_WAIT * 3 ** min(attempts - 1, 10))


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
