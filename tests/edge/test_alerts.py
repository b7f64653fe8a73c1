"""Alerts over HTTP: set by the admin key, and told to nobody else."""

import pytest

from tests.edge.stage import ADMIN_KEY, CALL_KEY, a_stage, bearer

pytestmark = pytest.mark.anyio

ALERTS = "/admin/api/alerts"
KEY = "/admin/api/keys/callcallca/alerts"


async def test_a_webhook_is_set_and_tried() -> None:
    """Its secret is shown once; the audit is told who set it."""
    stage = await a_stage()
    set_up = await stage.admin("POST", f"{ALERTS}/webhook", {"url": "https://hooks.example/x"})
    assert (set_up.status, set_up.json()["secret"][:6]) == (200, "whsec_")
    assert [actor.name.startswith("admin key") for actor in stage.alert_store.actors] == [True]
    assert (await stage.admin("POST", f"{ALERTS}/test", {})).json() == {
        "object": "alert.test",
        "delivered": True,
        "fault": None,
    }
    shown = await stage.admin("GET", ALERTS)
    assert shown.json()["webhook"] == "https://hooks.example/x"
    assert set_up.json()["secret"].encode() not in shown.body
    stage.courier.status = 500
    assert not (await stage.admin("POST", f"{ALERTS}/test", {})).json()["delivered"]
    gone = await stage.admin("POST", f"{ALERTS}/webhook", {})
    assert gone.json() == {"object": "alert.webhook", "url": None, "secret": None}
    assert (await stage.admin("POST", f"{ALERTS}/test", {})).status == 404


async def test_thresholds_of_a_key_and_a_team() -> None:
    """Of all allowances, or of one; nobody else's, and no nonsense."""
    stage = await a_stage()
    told = await stage.admin("POST", KEY, {"at": [100, 50], "unit": "credits"})
    assert told.json() == {"object": "alert.thresholds", "owner": "callcallca", "unit": "credits", "at": [50, 100]}
    assert (await stage.admin("POST", "/admin/api/keys/nobody/alerts", {"at": [50]})).status == 404
    for wrong in ({"at": [0]}, {"at": ["x"]}, {"at": [50], "unit": "euros"}, {"at": [50], "unit": "uses"}):
        assert (await stage.admin("POST", KEY, wrong)).status == 422
    assert (await stage.admin("GET", ALERTS)).json()["thresholds"] == [
        {"owner": "callcallca", "unit": "credits", "at": [50, 100]}
    ]


async def test_nobody_else_may() -> None:
    """A key for calls opens none of it."""
    stage = await a_stage()
    for method, path in (("GET", ALERTS), ("POST", f"{ALERTS}/webhook"), ("POST", KEY)):
        assert (await stage.ask(method, path, bearer(CALL_KEY))).status == 403
    assert (await stage.ask("GET", ALERTS, bearer(ADMIN_KEY))).status == 200
