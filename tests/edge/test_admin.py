"""Keys over HTTP: made, shown, changed, rotated, revoked, by the admin key alone."""

import json
from typing import Any

import pytest

from tests.edge.stage import ADMIN_KEY, CALL_KEY, JSON, Stage, a_stage, bearer
from tollbar.domain.identity import is_well_formed

pytestmark = pytest.mark.anyio

KEYS = "/admin/api/keys"
ID = CALL_KEY[8:18]
FOREIGN = {
    "role": "admin",
    "is_admin": True,
    "kind": "rotating",
    "bound_to": "00",
    "allowed_models": ["*"],
    "ip": "127.0.0.1",
    "user_id": 1,
    "expires_at": "2030-01-01",
    "revoked_at": None,
    "rate_limit": 10,
    "id": "other",
    "digest": "00",
    "hint": "x",
    "__proto__": {},
}


async def made(stage: Stage, **fields: Any) -> dict[str, Any]:
    """A key that was made by the admin."""
    answer = await stage.admin("POST", KEYS, {"name": "ana", **fields})
    assert answer.status == 201, answer.body
    document: dict[str, Any] = answer.json()
    return document


async def test_a_new_key_works_and_is_shown_once() -> None:
    """Its secret is in the answer that made it and in no later one, whole or in part, except its last four."""
    stage = await a_stage()
    issued = await made(stage, credits=100, rpm=20, models=["gpt-*"], expires="30d")
    secret = issued["key"]
    assert is_well_formed(secret)
    assert (await stage.ask("GET", "/v1/me", bearer(secret))).json()["name"] == "ana"
    later = [await stage.admin("GET", KEYS), await stage.admin("GET", f"{KEYS}/{issued['id']}")]
    for answer in later:
        assert secret[18:40] not in answer.body.decode()
        assert b"digest" not in answer.body
    assert later[1].json() == {name: value for name, value in issued.items() if name != "key"}
    assert stage.changed_keys == [issued["id"]]


async def test_a_key_is_told_in_full() -> None:
    """All that its keeper set, with what stands of it."""
    stage = await a_stage()
    issued = await made(stage, dollars=9.99999, reset="month", rpm=20, concurrency=4, models=["a", "b/*"], expires="1d")
    assert issued["object"] == "key"
    assert (issued["permission"], issued["state"], issued["version"]) == ("call", "active", 1)
    assert issued["hint"] == f"sk-toll-…{issued['key'][-4:]}"
    assert issued["created_at"] == "2026-01-01T02:00:00Z"
    assert issued["expires_at"] == "2026-01-02T02:00:00Z"
    assert issued["models"] == ["a", "b/*"]
    assert [limit["text"] for limit in issued["limits"]] == ["20 per 1 minute", "4 at once"]
    allowance = issued["allowances"][0]
    assert (allowance["unit"], allowance["granted"], allowance["reset"]) == ("dollars", 9.99999, "month")


@pytest.mark.parametrize(
    ("written", "granted"),
    [("9.99999", "9.99999"), ('"9.99999"', "9.99999"), ("0.1", "0.1"), ("123456789.123456789", "123456789.123456789")],
)
async def test_dollars_are_exact(written: str, granted: str) -> None:
    """As a number or as a string, no digit is lost on the way in or out."""
    stage = await a_stage()
    body = f'{{"name": "ana", "dollars": {written}}}'.encode()
    answer = await stage.ask("POST", KEYS, bearer(ADMIN_KEY), JSON, body=body)
    assert f'"granted":{granted},'.encode() in answer.body


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ("{}", "missing_required_field", "name"),
        ('{"name": ""}', "invalid_value", "name"),
        ('{"name": "  "}', "invalid_value", "name"),
        ('{"name": 3}', "invalid_type", "name"),
        ('{"name": "\\ud800"}', "invalid_value", "name"),
        ('{"name": "a", "credits": true}', "invalid_type", "credits"),
        ('{"name": "a", "credits": -1}', "invalid_value", "credits"),
        ('{"name": "a", "credits": 0.5}', "invalid_value", "credits"),
        ('{"name": "a", "credits": "many"}', "invalid_type", "credits"),
        ('{"name": "a", "credits": 1e999999999}', "invalid_value", "credits"),
        ('{"name": "a", "tokens": 1e-999999999}', "invalid_value", "tokens"),
        ('{"name": "a", "dollars": 0.0000000001}', "invalid_value", "dollars"),
        ('{"name": "a", "dollars": "NaN"}', "invalid_value", "dollars"),
        ('{"name": "a", "dollars": "Infinity"}', "invalid_value", "dollars"),
        ('{"name": "a", "dollars": 99999999999999999999}', "invalid_value", "dollars"),
        ('{"name": "a", "rpm": "5"}', "invalid_type", "rpm"),
        ('{"name": "a", "rpm": 5.5}', "invalid_type", "rpm"),
        ('{"name": "a", "rpm": 99999999999999999999}', "invalid_value", "rpm"),
        ('{"name": "a", "concurrency": -1}', "invalid_value", "concurrency"),
        ('{"name": "a", "reset": "month"}', "invalid_value", "reset"),
        ('{"name": "a", "credits": 1, "reset": "fortnight"}', "invalid_value", "reset"),
        ('{"name": "a", "models": "gpt-4o"}', "invalid_type", "models"),
        ('{"name": "a", "models": ["a", 3]}', "invalid_type", "models[1]"),
        ('{"name": "a", "expires": "yesterday"}', "invalid_value", "expires"),
        ('{"name": "a", "expires": "2020-01-01"}', "invalid_value", "expires"),
        ('{"name": "a", "permission": "root"}', "invalid_value", "permission"),
    ],
)
async def test_a_faulty_wish_names_its_field(body: str, code: str, param: str) -> None:
    """400 with the path of the fault; nothing was made."""
    stage = await a_stage()
    answer = await stage.ask("POST", KEYS, bearer(ADMIN_KEY), JSON, body=body.encode())
    assert (answer.status, answer.error["code"], answer.error.get("field")) == (422, code.upper(), param)
    assert len(await stage.scene.keys.list()) == 2


@pytest.mark.parametrize("name", FOREIGN)
async def test_a_field_that_is_not_ours_is_refused_by_name(name: str) -> None:
    """Nothing rides along on any write, and nothing is ignored in silence."""
    stage = await a_stage()
    before = await stage.scene.keys.get(ID)
    for method, path, wish in (
        ("POST", KEYS, {"name": "ana"}),
        ("PATCH", f"{KEYS}/{ID}", {"rpm": 1}),
        ("POST", f"{KEYS}/{ID}/rotate", {}),
        ("POST", f"{KEYS}/{ID}/revoke", {}),
    ):
        answer = await stage.admin(method, path, {**wish, name: FOREIGN[name]})
        assert (answer.status, answer.error["code"], answer.error["field"]) == (422, "INVALID_VALUE", name)
    assert await stage.scene.keys.get(ID) == before
    assert stage.changed_keys == []


async def test_a_slip_in_a_field_names_the_right_one() -> None:
    """`credit` was meant to be `credits`."""
    answer = await (await a_stage()).admin("POST", KEYS, {"name": "ana", "credit": 1})
    assert answer.error["message"] == "The field 'credit' is not known here. Did you mean 'credits'?"


@pytest.mark.parametrize(
    "kind",
    [
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x",
        b"text/plain",
        b"application/json-patch+json",
        b"",
    ],
)
async def test_what_a_form_could_send_is_refused(kind: bytes) -> None:
    """Only application/json is read, so that no page of another site can make a browser write."""
    stage = await a_stage()
    for method, path in (("POST", KEYS), ("PATCH", f"{KEYS}/{ID}"), ("POST", f"{KEYS}/{ID}/revoke")):
        body = b'{"name": "ana"}'
        answer = await stage.ask(method, path, bearer(ADMIN_KEY), (b"content-type", kind), body=body)
        assert (answer.status, answer.error["field"]) == (422, "content-type")
    answer = await stage.ask("POST", KEYS, bearer(ADMIN_KEY), body=b'{"name": "ana"}')
    assert (answer.status, answer.error["field"]) == (422, "content-type")
    assert stage.changed_keys == []


async def test_a_charset_and_capitals_in_the_type_are_fine() -> None:
    """`Application/JSON; charset=utf-8` is JSON."""
    kind = (b"content-type", b"Application/JSON; charset=utf-8")
    answer = await (await a_stage()).ask("POST", KEYS, bearer(ADMIN_KEY), kind, body=b'{"name": "ana"}')
    assert answer.status == 201


async def test_a_name_in_use_is_a_conflict() -> None:
    """409, and no second key."""
    stage = await a_stage()
    await made(stage)
    answer = await stage.admin("POST", KEYS, {"name": "ana"})
    assert (answer.status, answer.error["code"]) == (409, "CONFLICT")


async def test_a_change_touches_what_it_names() -> None:
    """Other limits, the name and the secret stay; the version grows and is the ETag."""
    stage = await a_stage()
    issued = await made(stage, credits=100, rpm=20, tpd=1_000)
    answer = await stage.admin("PATCH", f"{KEYS}/{issued['id']}", {"rpm": 60, "credits": 500})
    changed = answer.json()
    assert [limit["text"] for limit in changed["limits"]] == ["1000 per 1 day", "60 per 1 minute"]
    assert changed["allowances"][0]["granted"] == 500
    assert (changed["name"], changed["version"], answer.header("etag")) == ("ana", 2, '"2"')
    assert "key" not in changed
    assert stage.changed_keys == [issued["id"]] * 2
    assert (await stage.ask("GET", "/v1/me", bearer(issued["key"]))).status == 200


@pytest.mark.parametrize("header", ['"1"', 'W/"1"', "1"])
async def test_of_two_editors_the_second_is_told(header: str) -> None:
    """A change that names an older version is 409, whether by If-Match or in the body."""
    stage = await a_stage()
    issued = await made(stage)
    path = f"{KEYS}/{issued['id']}"
    match = (b"if-match", header.encode())
    first = await stage.ask("PATCH", path, bearer(ADMIN_KEY), JSON, match, body=b'{"rpm": 1}')
    assert first.status == 200
    second = await stage.ask("PATCH", path, bearer(ADMIN_KEY), JSON, match, body=b'{"rpm": 2}')
    assert (second.status, second.error["code"]) == (409, "CONFLICT")
    in_body = await stage.admin("PATCH", path, {"rpm": 2, "version": 1})
    assert in_body.status == 409
    assert (await stage.admin("PATCH", path, {"rpm": 2, "version": 2})).status == 200


async def test_a_version_that_cannot_be_read_or_contradicts_is_refused() -> None:
    """Better no change than one that its sender did not mean; `*` stands for any version."""
    stage = await a_stage()
    path = f"{KEYS}/{ID}"
    for header, body, param in (
        (b"latest", b'{"rpm": 1}', "if-match"),
        (b'"1", "2"', b'{"rpm": 1}', "if-match"),
        (b'"1"', b'{"rpm": 1, "version": 2}', "version"),
    ):
        answer = await stage.ask("PATCH", path, bearer(ADMIN_KEY), JSON, (b"if-match", header), body=body)
        assert (answer.status, answer.error["field"]) == (422, param)
    answer = await stage.ask("PATCH", path, bearer(ADMIN_KEY), JSON, (b"if-match", b"*"), body=b'{"rpm": 1}')
    assert answer.status == 200


async def test_what_a_key_opens_cannot_be_changed() -> None:
    """An ordinary key never becomes an admin key."""
    answer = await (await a_stage()).admin("PATCH", f"{KEYS}/{ID}", {"permission": "admin"})
    assert (answer.status, answer.error["field"]) == (422, "permission")


async def test_a_rotated_key_has_another_secret() -> None:
    """The new one works at once; the old one stops at once, or after its grace."""
    stage = await a_stage()
    issued = await made(stage)
    path = f"{KEYS}/{issued['id']}/rotate"
    second = (await stage.admin("POST", path)).json()
    assert (second["id"], second["name"]) == (issued["id"], "ana")
    assert (await stage.ask("GET", "/v1/me", bearer(second["key"]))).status == 200
    assert (await stage.ask("GET", "/v1/me", bearer(issued["key"]))).status == 401
    third = (await stage.admin("POST", path, {"grace_seconds": 60})).json()
    for key in (second["key"], third["key"]):
        assert (await stage.ask("GET", "/v1/me", bearer(key))).status == 200
    stage.scene.clock.advance(60)
    assert (await stage.ask("GET", "/v1/me", bearer(second["key"]))).status == 401
    assert (await stage.ask("GET", "/v1/me", bearer(third["key"]))).status == 200


@pytest.mark.parametrize("grace", [-1, 30 * 86_400 + 1, "1h", 0.5, None])
async def test_a_grace_out_of_bounds_is_refused(grace: object) -> None:
    """Whole seconds up to thirty days; the old secret is untouched."""
    stage = await a_stage()
    answer = await stage.admin("POST", f"{KEYS}/{ID}/rotate", {"grace_seconds": grace})
    assert (answer.status, answer.error["field"]) == (422, "grace_seconds")
    assert (await stage.ask("GET", "/v1/me", bearer(CALL_KEY))).status == 200


async def test_a_revoked_key_stops_at_once_and_stays_so() -> None:
    """Its next request is 401, revoking again changes nothing, and it cannot be rotated."""
    stage = await a_stage()
    issued = await made(stage)
    path = f"{KEYS}/{issued['id']}"
    assert (await stage.ask("GET", "/v1/me", bearer(issued["key"]))).status == 200
    revoked = (await stage.admin("POST", f"{path}/revoke")).json()
    assert revoked["state"] == "revoked"
    assert (await stage.ask("GET", "/v1/me", bearer(issued["key"]))).status == 401
    assert (await stage.admin("POST", f"{path}/revoke")).json() == revoked
    assert (await stage.admin("POST", f"{path}/rotate")).status == 409


async def test_an_unknown_key_is_not_found() -> None:
    """404 on every address of a key, also for a secret in the place of an id."""
    stage = await a_stage()
    for key_id in ("nobody", "a" * 5_000, "%00", CALL_KEY):
        for method, tail in (("GET", ""), ("PATCH", ""), ("POST", "/rotate"), ("POST", "/revoke")):
            answer = await stage.admin(method, f"{KEYS}/{key_id}{tail}", None if method == "GET" else {})
            assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")


async def test_the_list_is_whole_and_new_keys_come_first() -> None:
    """Every key, revoked ones too."""
    stage = await a_stage()
    stage.scene.clock.advance(1)
    issued = await made(stage)
    await stage.admin("POST", f"{KEYS}/{ID}/revoke")
    listed = (await stage.admin("GET", KEYS)).json()
    assert listed["object"] == "list"
    assert listed["data"][0]["name"] == "ana"
    assert {key["name"]: key["state"] for key in listed["data"]} == {
        "ana": "active",
        "caller": "revoked",
        "admin": "active",
    }
    assert listed["data"][0] == {name: value for name, value in issued.items() if name != "key"}


async def test_answers_are_never_kept() -> None:
    """No proxy or browser stores a secret."""
    stage = await a_stage()
    answer = await stage.admin("POST", KEYS, {"name": "ana"})
    assert answer.header("cache-control") == "no-store"
    assert answer.header("content-type") == "application/json"
    assert json.loads(answer.body)["name"] == "ana"
