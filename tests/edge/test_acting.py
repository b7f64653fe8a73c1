"""Who makes a change by a request."""

import pytest

from tests.edge.stage import ADMIN_KEY, a_stage

pytestmark = pytest.mark.anyio


async def test_the_admin_key_and_the_request_are_named() -> None:
    """For keys and for teams; the id is the one that the answer told."""
    stage = await a_stage()
    made = await stage.admin("POST", "/admin/api/keys", {"name": "ana"})
    team = await stage.admin("POST", "/admin/api/teams", {"name": "lab"})
    [by_key], [by_team] = stage.scene.keys.actors, stage.teams.actors
    assert by_key.name == by_team.name == f"admin key {ADMIN_KEY[8:18]} (admin)"
    assert (by_key.request_id, by_team.request_id) == (made.header("x-request-id"), team.header("x-request-id"))
