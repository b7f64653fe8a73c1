"""Teams over HTTP: what `tollbar teams` does, by the admin key alone."""

import pytest

from tests.edge.stage import CALL_KEY, a_stage, bearer

pytestmark = pytest.mark.anyio

TEAMS = "/admin/api/teams"


async def test_a_team_is_made_and_changed() -> None:
    """Two who change it at once are told apart by its version; a key is put into it."""
    stage = await a_stage()
    made = await stage.admin("POST", TEAMS, {"name": "lab", "dollars": 20, "reset": "month", "rpm": 9})
    team = made.json()
    assert (made.status, made.header("etag"), team["allowances"][0]["granted"]) == (201, '"1"', 20)
    place = f"{TEAMS}/{team['id']}"
    assert (await stage.admin("GET", place)).json() == team
    assert (await stage.admin("PATCH", place, {"models": ["a"], "version": 1})).json()["models"] == ["a"]
    assert (await stage.admin("PATCH", place, {"rpm": 1, "version": 1})).status == 409
    assert stage.changed_keys == [team["id"]]
    assert [one["name"] for one in (await stage.admin("GET", TEAMS)).json()["data"]] == ["lab"]
    key = await stage.admin("POST", "/admin/api/keys", {"name": "ana", "team": "lab"})
    assert key.json()["team"] == team["id"]


async def test_nobody_else_may() -> None:
    """Neither a key for calls nor what a team has no field for."""
    stage = await a_stage()
    assert (await stage.ask("GET", TEAMS, bearer(CALL_KEY))).status == 403
    for field in ("tier", "expires", "permission", "id"):
        assert (await stage.admin("POST", TEAMS, {"name": "lab", field: "x"})).status == 422
    assert (await stage.admin("GET", f"{TEAMS}/team_x")).status == 404
