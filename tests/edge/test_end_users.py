"""End users over HTTP: what `tollbar keys end-users` does, by the admin key alone."""

import pytest

from tests.edge.stage import ADMIN_KEY, CALL_KEY, a_stage, bearer, call
from tollbar.domain.identity import EndUserTerms

pytestmark = pytest.mark.anyio


async def test_terms_are_set_and_end_users_are_seen_and_changed() -> None:
    """Of a key and of a team, by the same addresses."""
    stage = await a_stage()
    key = (await stage.admin("POST", "/admin/api/keys", {"name": "app"})).json()["id"]
    team = (await stage.admin("POST", "/admin/api/teams", {"name": "lab"})).json()["id"]
    for owner in (key, team):
        place = f"/admin/api/end-users/{owner}"
        assert (await stage.admin("GET", place)).json()["terms"]["told_apart"] is False
        told = (await stage.admin("PUT", place, {"dollars": 2.5, "reset": "day", "required": False})).json()
        [each] = told["each"]
        assert (each["granted"], each["reset"], told["required"], told["told_apart"]) == (2.5, "day", False, True)
        ana = await stage.end_users.admit(owner, "ana", EndUserTerms())
        await stage.end_users.admit(owner, "ben", EndUserTerms())
        ask = call(stage.application, "GET", place, (bearer(ADMIN_KEY),), query_string=b"user=ana")
        assert [one["name"] for one in (await ask.answer()).json()["data"]] == ["ana"]
        for reference in (ana.id, "ana"):
            blocked = await stage.admin("PATCH", f"{place}/{reference}", {"blocked": True, "renew": True})
            assert blocked.json()["blocked_at"]
        erased = (await stage.admin("DELETE", f"{place}/ana")).json()
        assert (erased["id"], "ana" in erased["name"]) == (ana.id, False)
        assert (await stage.admin("DELETE", place)).json()["told_apart"] is False
    assert stage.changed_keys[-1] == team


async def test_nobody_else_may() -> None:
    """And who does not exist has none, nor has the installation."""
    stage = await a_stage()
    assert (await stage.ask("GET", "/admin/api/end-users/x", bearer(CALL_KEY))).status == 403
    for method, body in (("GET", None), ("PUT", {"credits": 1}), ("DELETE", None)):
        assert (await stage.admin(method, "/admin/api/end-users/nobody", body)).status == 404
    assert (await stage.admin("PATCH", "/admin/api/end-users/nobody/user_x", {"blocked": True})).status == 404
    assert (await stage.admin("PUT", "/admin/api/end-users/nobody", {"uses": 1})).status == 422
