"""What became of a call, told to whoever's it was and to nobody else."""

import pytest

from tests.edge.stage import ADMIN_KEY, CALL_KEY, OTHER_KEY, Stage, a_stage, bearer
from tests.storage.making import a_line, a_record
from tollbar.domain.records import CallHistory

pytestmark = pytest.mark.anyio

OWN = CALL_KEY[8:18]


async def set_up() -> Stage:
    """A gateway that remembers a call of one key, and another key."""
    stage = await a_stage()
    await stage.add_key(OTHER_KEY, "other")
    record = a_record("mine")._replace(key_id=OWN)
    stage.histories["mine"] = CallHistory(record, (a_line("mine", key_id=OWN),))
    stage.histories["old"] = CallHistory(None, (a_line("old", key_id=OWN, cost_nano_dollars=None),))
    stage.histories["nobodys"] = CallHistory(record._replace(key_id="anonymous"), ())
    return stage


async def test_a_call_is_told_with_its_price() -> None:
    """Attempts, lines, what each kind of tokens cost, the price's version, and where the figures come from."""
    stage = await set_up()
    told = (await stage.ask("GET", "/v1/requests/mine", bearer(CALL_KEY))).json()
    assert (told["id"], told["key_id"], told["outcome"], told["status"]) == ("mine", OWN, "ok", 200)
    [line] = told["lines"]
    assert (line["dollars"], line["credits"], line["provenance"]) == (0.2, 1, "provider_final")
    assert (line["price_version"], line["paid"]) == ("2026-01", True)
    assert line["items"][0] == {"kind": "prompt", "tokens": 120, "dollars_per_million": 1}
    assert told["attempts"][0]["target"] == "main/m"


async def test_the_ledger_alone_can_tell() -> None:
    """Records are forgotten with age, lines are not; an unknown price is no price of nothing."""
    stage = await set_up()
    told = (await stage.ask("GET", "/v1/requests/old", bearer(CALL_KEY))).json()
    assert (told["route"], told["status"], told["attempts"], told["lines"][0]["dollars"]) == (None, None, [], None)


async def test_another_keys_call_is_as_unknown_as_none() -> None:
    """The same status and the same words; the admin is told of any."""
    stage = await set_up()
    foreign, unknown = [
        await stage.ask("GET", f"/v1/requests/{request_id}", bearer(OTHER_KEY)) for request_id in ("mine", "none")
    ]
    assert foreign.status == unknown.status == 404
    assert foreign.error["message"] == unknown.error["message"]
    assert (await stage.admin("GET", "/admin/api/requests/mine")).json()["key_id"] == OWN
    assert (await stage.admin("GET", "/admin/api/requests/none")).status == 404
    assert (await stage.ask("GET", "/admin/api/requests/mine", bearer(CALL_KEY))).status == 403
    assert (await stage.ask("GET", "/v1/requests/mine")).status == 401


async def test_a_running_call_is_ended_by_its_holder_and_by_the_admin() -> None:
    """Whose wish it is decides whose calls it may end; callers without a key are many people and end none."""
    stage = await set_up()
    for path, key in (("/v1/requests/mine", CALL_KEY), ("/admin/api/requests/mine", ADMIN_KEY)):
        told = await stage.ask("POST", f"{path}/cancel", bearer(key))
        assert (told.status, told.json()) == (202, {"object": "request.cancelled", "id": "mine"})
    assert stage.cancelled == [("mine", OWN), ("mine", None)]
    listed = (await stage.admin("GET", "/admin/api/requests")).json()
    assert ([(one["id"], one["tokens"]) for one in listed["data"]], listed["silent"]) == ([("mine", 12)], 1)
