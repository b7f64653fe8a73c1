"""Who may call, over real sockets: keys that callers fetch, the rotating key, tiers, uses, limits, nobody's key."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.journeys.bodies import chat
from tests.journeys.stand import ADMIN_KEY, LAB, LAB_KEY, Gateway, query, start, started, tollbar, wait_until
from tests.upstream import FakeUpstream

ADMIN_SECRET = "open sesame of the journeys"
VARIABLES = {
    "TOLLBAR_ADMIN_KEY": ADMIN_KEY,
    "LAB_KEY": LAB_KEY,
    "ADMIN_SECRET": ADMIN_SECRET,
    "TOLLBAR_SELF_SERVICE": "true",
}
MORE = """
server: {trusted_proxies: [127.0.0.1]}
self_service: {models: ["lab/*"], max_uses: 3}
tiers: {gold: {cost: 5}}
limits: {per_address: 1000/minute, routes: {"/v1/chat/*": {rates: 30/minute}}}
"""
_addresses = (f"203.0.113.{number}" for number in count(1))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A gateway that hands out keys, behind a proxy on this machine that says where callers are."""
    with started(tmp_path_factory.mktemp("callers"), up, MORE, VARIABLES) as gateway:
        yield gateway


@pytest.fixture
def here() -> str:
    """An address that no other test has."""
    return next(_addresses)


def fetch(gateway: Gateway, address: str) -> requests.Response:
    """A request for a key, from an address."""
    return requests.get(f"{gateway.url}/generate_api", headers={"x-forwarded-for": address}, timeout=30)


def ask(gateway: Gateway, key: str | None, address: str, model: str = "lab/ok", **more: Any) -> requests.Response:
    """A call from an address."""
    return gateway.post(key, chat(model, **more), headers={"x-forwarded-for": address})


def code(answer: requests.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, answer.json()["error"]["code"]


def test_fifty_at_once_from_one_address_get_one_key(gateway: Gateway, here: str) -> None:
    """Over fifty connections; sixty addresses at once get sixty keys."""
    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(lambda _: fetch(gateway, here), range(50)))
        others = list(pool.map(lambda number: fetch(gateway, f"198.51.100.{number}"), range(60)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 49
    (issued,) = [answer.json()["One Time API key"] for answer in answers if answer.ok]
    gateway.secrets |= {issued, *(answer.json()["One Time API key"] for answer in others)}
    assert len({answer.json()["One Time API key"] for answer in others}) == 60
    assert not [answer for answer in answers if not answer.ok and issued[:6] in answer.text]
    assert {code(answer) for answer in answers if not answer.ok} == {(409, "KEY_ALREADY_ISSUED")}
    assert ask(gateway, issued, here).status_code == 200


def test_a_fetched_key_is_good_for_so_many_calls_from_one_address(
    gateway: Gateway, up: FakeUpstream, here: str
) -> None:
    """Fifteen at once on three uses: exactly three are answered and sent; what fails is no use."""
    key = fetch(gateway, here).json()["One Time API key"]
    gateway.secrets.add(key)
    assert code(ask(gateway, key, next(_addresses))) == (401, "invalid_api_key")
    assert ask(gateway, key, here, "lab/error-400").status_code == 400
    assert ask(gateway, key, here, "lab/nothing/like", max_tokens="x").status_code == 400
    before = len(up.journal)
    with ThreadPoolExecutor(15) as pool:
        answers = list(pool.map(lambda _: ask(gateway, key, here, "lab/slow-headers:100"), range(15)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [401] * 12
    assert {code(answer) for answer in answers if not answer.ok} == {(401, "key_already_used")}
    assert len(up.journal) - before == 3
    last = ask(gateway, key, here)
    assert (code(last), last.headers["x-should-retry"]) == ((401, "key_already_used"), "false")


def test_the_rotating_key_is_shown_and_survives_a_restart(tmp_path: Path, up: FakeUpstream) -> None:
    """To who has the admin secret; a restart, and another process's death, change nothing of it."""
    (tmp_path / "tollbar.yaml").write_text(LAB % up.url)
    gateway = start(tmp_path, VARIABLES)

    def shown(secret: str | None) -> requests.Response:
        headers = {"admin-secret": secret} if secret else {}
        return requests.get(f"{gateway.url}/current-key", headers=headers, timeout=30)

    try:
        assert [shown(secret).status_code for secret in (None, "wrong")] == [401, 401]
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda _: shown(ADMIN_SECRET).json(), range(20)))
        assert all(answer == answers[0] for answer in answers)
        key = answers[0]["api_key"]
        gateway.secrets.add(key)
        assert gateway.post(None, chat("lab/ok"), headers={"x-api-key": key}).status_code == 200
        gateway.kill()
        gateway = start(tmp_path, VARIABLES)
        gateway.secrets.add(key)
        assert shown(ADMIN_SECRET).json() == answers[0]
        assert gateway.post(key, chat("lab/ok")).status_code == 200
        assert key not in str(query(tmp_path / "data", "select * from rotation"))
    finally:
        gateway.close()


def test_keys_of_other_systems_keep_working(tmp_path: Path, up: FakeUpstream) -> None:
    """Taken over while the server runs: the weekly key, and the table with its credits, exactly spent."""
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    (tmp_path / "current_key.json").write_text(json.dumps({"api_key": "sk-0123456789abcdef", "expiry": soon}))
    (tmp_path / "main.py").write_text('API_KEYS = {"a-key-of-the-table": {"credits": 5, "tier": "basic"}}')
    with started(tmp_path, up, "", VARIABLES) as gateway:
        for file in ("current_key.json", "main.py"):
            tollbar(tmp_path, "import", file, environment=VARIABLES)
        gateway.secrets |= {"sk-0123456789abcdef", "a-key-of-the-table"}
        wait_until(lambda: gateway.post("sk-0123456789abcdef", chat("lab/ok")).status_code == 200)
        headers = {"admin-secret": ADMIN_SECRET}
        shown = requests.get(f"{gateway.url}/current-key", headers=headers, timeout=30).json()
        assert shown["api_key"] == "sk-0123456789abcdef"
        with ThreadPoolExecutor(10) as pool:
            keys = [{"x_api_key": "a-key-of-the-table"}] * 10
            answers = list(pool.map(lambda key: gateway.post(None, chat("lab/ok"), headers=key).status_code, keys))
        assert sorted(answers) == [200] * 2 + [429] * 8


def test_a_call_costs_what_its_key_s_tier_costs(gateway: Gateway, here: str) -> None:
    """Also after the key moves to another tier; a key whose credits do not suffice is refused before the provider."""
    issued = gateway.issue("tiered", tier="gold", credits=11)
    spent = []
    for tier in ("gold", "basic", "premium", ""):
        gateway.admin("PATCH", f"/keys/{issued['id']}", {"tier": tier})
        assert ask(gateway, issued["key"], here).status_code == 200
        spent.append(gateway.settled(issued["key"])["spent"])
    assert spent == [5, 7, 8, 9]
    gateway.admin("PATCH", f"/keys/{issued['id']}", {"tier": "gold"})
    assert ask(gateway, issued["key"], here).status_code == 429
    assert gateway.me(issued["key"])["credits_per_call"] == 5
    refused = gateway.request("POST", "/admin/api/keys", ADMIN_KEY, json={"name": "x", "tier": "silver"})
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "tier")


def test_limits_of_a_route_by_address(gateway: Gateway, here: str) -> None:
    """Of sixty at once thirty pass; a key with limits of its own, and another address, are not counted."""
    key, limited = gateway.make_key("plain"), gateway.make_key("limited", rpm=1_000)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: ask(gateway, key, here), range(60)))
    refused = [answer for answer in answers if not answer.ok]
    assert (len(refused), {answer.status_code for answer in refused}) == (30, {429})
    assert refused[0].json()["error"]["message"] == "Rate limit exceeded: 30 per 1 minute"
    assert 1 <= int(refused[0].headers["retry-after"]) <= 61
    assert refused[0].headers["x-ratelimit-limit-requests"] == "30"
    assert ask(gateway, limited, here).status_code == 200
    assert ask(gateway, key, next(_addresses)).status_code == 200


def test_callers_without_a_key(tmp_path: Path, up: FakeUpstream, here: str) -> None:
    """Let in by the environment alone, within their limits; a wrong key is refused, and they administer nothing."""
    more = "anonymous: {models: [lab/ok, 'lab/paced:100'], limits: 5/minute}\nserver: {trusted_proxies: [127.0.0.1]}\n"
    with started(tmp_path, up, more, {**VARIABLES, "TOLLBAR_ANONYMOUS": "true"}) as gateway:
        assert ask(gateway, "wrong", here).status_code == 401
        assert ask(gateway, None, here, "lab/other").status_code == 403
        answers = [ask(gateway, None, here).status_code for _ in range(6)]
        assert answers == [200] * 4 + [429] * 2
        assert gateway.request("GET", "/admin/api/keys").status_code == 401
        wait_until(lambda: len(gateway.query("select * from ledger where key_id = 'anonymous'")) == 4)
        with ThreadPoolExecutor(1) as pool:  # a change of keys while somebody calls who is in no store
            stream = pool.submit(ask, gateway, None, "198.51.100.9", "lab/paced:100", stream=True)
            wait_until(lambda: gateway.calls() == 1)
            gateway.make_key("somebody else")
            assert stream.result(10).status_code == 200
        assert not [line for line in gateway.log() if line["event"] == "keys.unwatched"]
