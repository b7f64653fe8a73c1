"""What the API document says of alerts, and of the audit: what an operator watches."""

from collections.abc import Mapping
from datetime import UTC, datetime

from tollbar.domain import errors
from tollbar.domain.identity import Holder
from tollbar.domain.money import Unit
from tollbar.edge import audit_operations
from tollbar.edge.alert_schemas import (
    AlertList,
    AlertView,
    DeclaredView,
    ThresholdsSet,
    ThresholdsView,
    ThresholdsWish,
    TrialView,
    WebhookSet,
    WebhookWish,
)
from tollbar.edge.operation import READING, Operation
from tollbar.edge.schemas import NOTHING_MORE, NothingMore

TAG = "Alerts"
_AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
_DATA = {
    "threshold_percent": 80,
    "holder": "team",
    "holder_id": "team_3fK9x0PqLm",
    "name": "research",
    "unit": "dollars",
    "granted": "200",
    "spent": "160.25",
    "left": "39.75",
    "reset": "month",
    "period_start": "2026-11-01T00:00:00+00:00",
    "period_end": "2026-12-01T00:00:00+00:00",
}
_ALERT = AlertView(
    id="alert_5f0c1d2e3a4b5c6d7e8f9a0b",
    at=_AT,
    state="delivered",
    attempts=1,
    next_at=None,
    delivered_at=_AT,
    fault=None,
    data=_DATA,
)
_LIST = AlertList(
    webhook="https://hooks.example/tollbar",
    usual=[80, 100],
    declared=[DeclaredView(holder=Holder.KEY, name="ana", at=[50, 90])],
    thresholds=[ThresholdsView(owner="team_3fK9x0PqLm", unit=Unit.DOLLARS, at=[50, 80, 100])],
    data=[_ALERT],
)
_SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_THRESHOLDS = {"three": {"summary": "Half, most, all", "value": {"at": [50, 80, 100], "unit": "dollars"}}}

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/admin/api/alerts"): Operation(tag=TAG, summary="List alerts", answer=AlertList, example=_LIST),
    ("POST", "/admin/api/alerts/webhook"): Operation(
        tag=TAG,
        summary="Set where alerts go",
        body=WebhookWish,
        body_examples={"one": {"summary": "An address", "value": {"url": "https://hooks.example/tollbar"}}},
        answer=WebhookSet,
        example=WebhookSet(url="https://hooks.example/tollbar", secret=_SECRET),
        errors=(*READING, errors.Conflict),
    ),
    ("POST", "/admin/api/alerts/test"): Operation(
        tag=TAG,
        summary="Send a test alert",
        body=NothingMore,
        body_examples=NOTHING_MORE,
        answer=TrialView,
        example=TrialView(delivered=True, fault=None),
        errors=(*READING, errors.NotFound),
    ),
    ("POST", "/admin/api/keys/{key_id}/alerts"): Operation(
        tag=TAG,
        summary="Set the thresholds of a key",
        body=ThresholdsWish,
        body_examples=_THRESHOLDS,
        answer=ThresholdsSet,
        example=ThresholdsSet(owner="3fK9x0PqLm", unit=Unit.DOLLARS, at=[50, 80, 100]),
        errors=(*READING, errors.NotFound),
    ),
    ("POST", "/admin/api/teams/{team_id}/alerts"): Operation(
        tag=TAG,
        summary="Set the thresholds of a team",
        body=ThresholdsWish,
        body_examples=_THRESHOLDS,
        answer=ThresholdsSet,
        example=ThresholdsSet(owner="installation", unit=Unit.DOLLARS, at=[50, 80, 100]),
        errors=(*READING, errors.NotFound),
    ),
    **audit_operations.OPERATIONS,
}
