"""The shapes of alerts: what was sent, what is set, and what can be."""

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from tollbar.admin.alerts import GREATEST, MOST_THRESHOLDS, Alerts
from tollbar.domain.alerts import Alert
from tollbar.domain.identity import Holder
from tollbar.domain.money import Unit
from tollbar.edge.schemas import Shape, Wish


class AlertView(Shape):
    """One alert, and how its sending stands."""

    id: str = Field(description="The header `webhook-id` of each of its sendings.")
    at: datetime
    state: Literal["delivered", "waiting", "given_up"]
    attempts: int
    next_at: datetime | None
    delivered_at: datetime | None
    fault: str | None = Field(description="What the last sending ended with, where it failed.")
    data: dict[str, Any] = Field(description="What was reached, as the webhook is told it.")

    @classmethod
    def of(cls, alert: Alert) -> "AlertView":
        """How it is told."""
        return cls(
            id=alert.id,
            at=alert.at,
            state=alert.state,  # type: ignore[arg-type]
            attempts=alert.attempts,
            next_at=alert.next_at,
            delivered_at=alert.delivered_at,
            fault=alert.fault,
            data=json.loads(alert.body)["data"],
        )


class ThresholdsView(Shape):
    """The thresholds of one allowance that were set."""

    owner: str = Field(description="The id of a key or team, or `installation`.")
    unit: Unit
    at: list[int]


class DeclaredView(Shape):
    """The thresholds that `tollbar.yaml` gives to one key or team; they win over all others."""

    holder: Holder
    name: str
    at: list[int]


class AlertList(Shape):
    """Where alerts go, at which thresholds, and the last of them."""

    object: Literal["list"] = "list"
    webhook: str | None = Field(description="Its address; null where none is set.")
    usual: list[int] = Field(description="The thresholds of allowances that have none of their own, in per cent.")
    declared: list[DeclaredView] = Field(description="Those of the file, by name.")
    thresholds: list[ThresholdsView]
    data: list[AlertView]


async def listed(alerts: Alerts) -> AlertList:
    """How alerts stand."""
    hook, thresholds = await alerts.hook(), await alerts.thresholds()
    return AlertList(
        webhook=None if hook is None else hook.url,
        usual=list(alerts.usual),
        declared=[DeclaredView(holder=holder, name=name, at=list(at)) for holder, name, at in alerts.declared],
        thresholds=[ThresholdsView(owner=owner, unit=unit, at=list(at)) for owner, unit, at in thresholds],
        data=[AlertView.of(alert) for alert in await alerts.newest()],
    )


class ThresholdsWish(Wish):
    """Thresholds of a key's or a team's allowances."""

    at: list[Annotated[int, Field(ge=1, le=GREATEST)]] | None = Field(
        None,
        max_length=MOST_THRESHOLDS,
        description=f"Per cent of what is granted, each from 1 to {GREATEST}; none at all is [], null the usual ones.",
    )
    unit: str | None = Field(
        None,
        description="The allowance that is meant; all of them by default.",
        json_schema_extra={"enum": [*Unit, None]},
    )


class ThresholdsSet(Shape):
    """What was set."""

    object: Literal["alert.thresholds"] = "alert.thresholds"
    owner: str
    unit: Unit | None
    at: list[int] | None


class WebhookWish(Wish):
    """Where alerts are to go."""

    url: str | None = Field(None, description="Its address; null takes it away.")
    secret: str | None = Field(None, description="`whsec_` and 24 to 64 bytes in base64; one is made by default.")


class WebhookSet(Shape):
    """Where alerts go from now on; the secret is shown this once."""

    object: Literal["alert.webhook"] = "alert.webhook"
    url: str | None
    secret: str | None


class TrialView(Shape):
    """How the webhook took a test alert."""

    object: Literal["alert.test"] = "alert.test"
    delivered: bool
    fault: str | None = Field(description="What went wrong, where something did.")
