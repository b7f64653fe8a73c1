"""Keys while the server runs: made, shown, rotated and revoked from the terminal and over HTTP, counting at once."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.bodies import chat, frames, text_of
from tests.journeys.stand import ADMIN_KEY, Gateway, started, tollbar, wait_until
from tests.upstream import FakeUpstream


def code_of(gateway: Gateway, key: str) -> int:
    """What a call with this key is answered."""
    return gateway.post(key, chat("lab/ok")).status_code


@pytest.fixture(scope="module")
def cli_key(gateway: Gateway) -> str:
    """A key that `tollbar keys create` made while the server ran."""
    arguments = ("keys", "create", "--name", "cli", "--credits", "5", "--rpm", "100", "--expires", "1d", "--quiet")
    key = tollbar(gateway.directory, *arguments)
    gateway.secrets.add(key)
    return key


def test_a_key_from_the_terminal_works_at_once(gateway: Gateway, cli_key: str) -> None:
    """`--quiet` prints the key alone; the running server knows it, with its credits and its rate."""
    assert re.fullmatch(r"sk-toll-[0-9A-Za-z]{44}", cli_key)
    answer = gateway.post(cli_key, chat("lab/ok"))
    assert (answer.status_code, answer.headers["x-ratelimit-limit-requests"]) == (200, "100")
    assert gateway.settled(cli_key)["left"] == 4


def test_lists_show_everything_but_the_secret(gateway: Gateway, cli_key: str) -> None:
    """`list` and `show` tell name, state and what is left, for people and as JSON, and never the key."""
    gateway.settled(cli_key)
    texts = [tollbar(gateway.directory, "keys", "list"), tollbar(gateway.directory, "keys", "show", "cli")]
    shown = json.loads(tollbar(gateway.directory, "keys", "show", "cli", "--json"))
    (listed,) = (
        key for key in json.loads(tollbar(gateway.directory, "keys", "list", "--json"))["data"] if key["name"] == "cli"
    )
    assert listed == shown
    assert shown == gateway.admin("GET", f"/keys/{shown['id']}")
    assert (shown["state"], shown["allowances"][0]["granted"]) == ("active", 5)
    assert shown["hint"].endswith(cli_key[-4:])
    for text in (*texts, json.dumps(listed)):
        assert cli_key not in text
        assert "cli" in text


def test_rotation_with_and_without_grace(gateway: Gateway, cli_key: str) -> None:
    """With grace both secrets work and share one account; without, the earlier one stops within a second."""
    second = tollbar(gateway.directory, "keys", "rotate", "cli", "--grace", "1h", "--quiet")
    gateway.secrets.add(second)
    assert {200} == {code_of(gateway, cli_key), code_of(gateway, second)}
    assert gateway.settled(second) == gateway.settled(cli_key)
    third = tollbar(gateway.directory, "keys", "rotate", "cli", "--quiet")
    gateway.secrets.add(third)
    wait_until(lambda: code_of(gateway, second) == 401)
    wait_until(lambda: code_of(gateway, cli_key) == 401)
    assert gateway.request("GET", "/v1/me", third).status_code == 200
    shown = json.loads(tollbar(gateway.directory, "keys", "show", "cli", "--json"))
    assert shown["allowances"][0]["granted"] == 5


def test_a_short_grace_ends_by_itself(gateway: Gateway) -> None:
    """When the grace is over the earlier secret is refused, though nobody did anything."""
    issued = gateway.issue("brief")
    rotated_at = time.monotonic()
    rotated = gateway.admin("POST", f"/keys/{issued['id']}/rotate", {"grace_seconds": 1})
    gateway.secrets.add(rotated["key"])
    assert code_of(gateway, issued["key"]) == 200 or time.monotonic() - rotated_at > 1
    wait_until(lambda: code_of(gateway, issued["key"]) == 401)
    assert code_of(gateway, rotated["key"]) == 200


@pytest.mark.parametrize("door", ["terminal", "http"])
def test_revoking_stops_calls_and_ends_streams(gateway: Gateway, up: FakeUpstream, door: str) -> None:
    """A revoked key is refused, and its stream ends with an error in-band long before its end, not as if complete."""
    issued = gateway.issue(f"gone by {door}", credits=5)
    key = issued["key"]
    with gateway.post(key, chat("lab/paced:500", stream=True), stream=True) as stream:
        pieces = stream.iter_content(None)
        heard = b""
        while b"word1" not in heard:
            heard += next(pieces)
        if door == "terminal":
            tollbar(gateway.directory, "keys", "revoke", issued["id"])
        else:
            gateway.admin("POST", f"/keys/{issued['id']}/revoke", {})
        wait_until(lambda: code_of(gateway, key) == 401)
        events = frames(heard + b"".join(pieces))
    assert text_of(events).startswith("word0 word1")
    assert "[DONE]" not in events
    assert events[-1]["error"]["code"] == "invalid_api_key"
    wait_until(lambda: up.journal[-1].closed_early_at is not None)
    shown = gateway.admin("GET", f"/keys/{issued['id']}")
    assert (shown["state"], shown["allowances"][0]["spent"], shown["allowances"][0]["held"]) == ("revoked", 0, 0)


def test_revoking_one_key_leaves_the_others_alone(gateway: Gateway) -> None:
    """Somebody else's stream goes on to its end."""
    mine, other = gateway.make_key("mine"), gateway.issue("other")
    with ThreadPoolExecutor(1) as pool:
        stream = pool.submit(gateway.post, mine, chat("lab/paced:40", stream=True))
        wait_until(lambda: gateway.calls() == 1)
        gateway.admin("POST", f"/keys/{other['id']}/revoke", {})
        assert frames(stream.result(5).content)[-1] == "[DONE]"


def test_keys_over_http(gateway: Gateway) -> None:
    """Made, listed, shown, changed with a version, refused when somebody was quicker, and never with a typo."""
    made = gateway.request(
        "POST",
        "/admin/api/keys",
        ADMIN_KEY,
        json={"name": "web", "models": ["lab/ok"], "dollars": 2.5, "reset": "month"},
    )
    assert made.status_code == 201
    issued = made.json()
    gateway.secrets.add(issued["key"])
    path = f"/admin/api/keys/{issued['id']}"
    assert [model["id"] for model in gateway.request("GET", "/v1/models", issued["key"]).json()["data"]] == []
    tag = made.headers["etag"]
    changed = gateway.request("PATCH", path, ADMIN_KEY, json={"models": ["lab/*"]}, headers={"if-match": tag})
    assert (changed.status_code, changed.json()["models"]) == (200, ["lab/*"])
    late = gateway.request("PATCH", path, ADMIN_KEY, json={"name": "late"}, headers={"if-match": tag})
    assert (late.status_code, late.json()["error"]["code"]) == (409, "CONFLICT")
    typo = gateway.request("PATCH", path, ADMIN_KEY, json={"model": ["lab/ok"]})
    assert (typo.status_code, typo.json()["error"]["field"]) == (422, "model")
    assert "models" in typo.json()["error"]["message"]
    assert gateway.request("POST", "/admin/api/keys", ADMIN_KEY, json={"name": "web"}).status_code == 409
    assert gateway.request("GET", "/admin/api/keys/nobody", ADMIN_KEY).status_code == 404


def test_the_admin_api_wants_the_admin_key(gateway: Gateway, key: str) -> None:
    """No key, a caller's key and a wrong one open nothing; the admin key calls no model."""
    assert gateway.request("GET", "/admin/api/keys").status_code == 401
    assert gateway.request("GET", "/admin/api/keys", key).status_code == 403
    assert gateway.request("GET", "/admin/api/keys", ADMIN_KEY + "x").status_code == 401
    assert gateway.post(ADMIN_KEY, chat("lab/ok")).status_code == 403
    form = gateway.request("POST", "/admin/api/keys", ADMIN_KEY, data={"name": "form"})
    assert form.status_code == 422
    told: Any = gateway.admin("GET", "/keys")
    assert ADMIN_KEY not in json.dumps(told)


def test_the_admin_key_of_the_environment(tmp_path: Path) -> None:
    """`TOLLBAR_ADMIN_KEY` is not printed, and another value replaces it; a key made before any start works."""
    early = tollbar(tmp_path, "keys", "create", "--name", "early", "--quiet")
    keys = ["the-first-admin-key-0123456789", "the-second-admin-key-0123456789"]
    answers: list[list[int]] = []
    for current in keys:
        with started(tmp_path, environment={"TOLLBAR_ADMIN_KEY": current}) as gateway:
            assert "Admin key" not in gateway.banner
            answers.append([gateway.request("GET", "/admin/api/keys", key).status_code for key in keys])
            assert gateway.post(early, chat("tollbar-guide")).status_code == 200
    assert answers == [[200, 401], [401, 200]]


def test_what_the_store_keeps_opens_nothing(gateway: Gateway, cli_key: str) -> None:
    """Neither the database nor what lies beside it holds a key of any kind."""
    files = [path.read_bytes() for path in (gateway.directory / "data").iterdir()]
    secrets = {*gateway.secrets, ADMIN_KEY, cli_key}
    assert len(secrets) > 5
    assert not [secret for secret in secrets for content in files if secret.encode() in content]
    assert not [secret for secret in secrets for content in files if secret[18:-6].encode() in content]
    assert {"0o600"} == {oct(path.stat().st_mode & 0o777) for path in (gateway.directory / "data").iterdir()}
