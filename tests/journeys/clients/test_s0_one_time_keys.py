"""S0, the chatbot that hands out one-time keys: its documented requests, from a server with its token in `.env`."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.journeys.clients.telling import WORDS, Answer, curl, moved_in
from tests.journeys.stand import Gateway, wait_until
from tests.upstream import FakeUpstream

TOKEN = "hf_0123456789abcdefghijklmnop"
ENV_FILE = f"HF_TOKEN={TOKEN}\nAPI_PORT=0\nTOLLBAR_SELF_SERVICE=true\n"
YAML = """\
providers: {huggingface: {vendor: huggingface, base_url: "%s"}}
models: {tuned: {targets: [huggingface/our/tuned-32b], context: 131072}}
default_model: tuned
server: {query_key: true}
self_service: {models: [tuned], credits: 1000%s
"""
BODY = {
    "system_prompt": "You are Machine learning Engineer, write your response in 100 words.",
    "message": "What is Linear Regression?",
    "tokens": 200,
}
_addresses = (f"203.0.113.{number}" for number in count(1))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A server with the system's model and self-service on."""
    with moved_in(tmp_path_factory.mktemp("s0"), ENV_FILE, YAML % (up.url, "}")) as gateway:
        gateway.secrets.add(TOKEN)
        yield gateway


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """The same with keys that work once, behind a proxy that says where callers are."""
    yaml = YAML % (up.url, ", max_uses: 1}")
    yaml = yaml.replace("query_key: true", "trusted_proxies: [127.0.0.1]")
    with moved_in(tmp_path_factory.mktemp("s0-strict"), ENV_FILE, yaml) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def issued(gateway: Gateway) -> Answer:
    """What this address's one request for a key got."""
    answer = curl(f"{gateway.url}/generate_api")
    gateway.secrets.add(answer.json["One Time API key"])
    return answer


@pytest.fixture(scope="module")
def key(issued: Answer) -> str:
    """The key in it."""
    return issued.json["One Time API key"]


def fetch(gateway: Gateway, address: str) -> requests.Response:
    """A request for a key from an address."""
    return requests.get(f"{gateway.url}/generate_api", headers={"x-forwarded-for": address}, timeout=30)


def ask(gateway: Gateway, key: str, address: str, **changes: Any) -> requests.Response:
    """The documented request from an address."""
    headers = {"x-forwarded-for": address, "authorization": f"Bearer {key}"}
    return requests.get(f"{gateway.url}/response", headers=headers, json={**BODY, **changes}, timeout=30)


def test_s0_generate_api(issued: Answer) -> None:
    """Three fields under their names and in their order: 31 characters, the moment in its format, the warning."""
    assert (issued.status, list(issued.json)) == (200, ["One Time API key", "Generation Time", "!"])
    assert re.fullmatch(r"[A-Za-z0-9]{31}", issued.json["One Time API key"])
    assert issued.json["!"] == "Don't share this secret API key."
    moment = datetime.strptime(issued.json["Generation Time"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=2)


def test_s0_second_key_for_the_address(gateway: Gateway, key: str) -> None:
    """Refused without any part of the first; that one goes on working."""
    answer = curl(f"{gateway.url}/generate_api")
    assert (answer.status, answer.error["code"]) == (409, "KEY_ALREADY_ISSUED")
    assert key[:6].encode() not in answer.body


@pytest.mark.parametrize("header", ["Authorization: Bearer KEY", "x-api-key: KEY", "x_api_key: KEY"])
def test_s0_response(gateway: Gateway, up: FakeUpstream, key: str, header: str) -> None:
    """GET with the documented JSON body; the provider gets the prompt, the message, the length, and the token."""
    headers = (header.replace("KEY", key), "Content-Type: application/json")
    answer = curl(f"{gateway.url}/response", *headers, method="GET", data=json.dumps(BODY, indent=4))
    assert (answer.status, answer.json) == (200, {"response": WORDS})
    sent = up.journal[-1]
    assert sent.headers["authorization"] == f"Bearer {TOKEN}"
    assert (sent.json["model"], sent.json["max_tokens"]) == ("our/tuned-32b", 200)
    assert [message["content"] for message in sent.json["messages"]] == [BODY["system_prompt"], BODY["message"]]


def test_s0_response_in_a_browser(gateway: Gateway, key: str) -> None:
    """As parameters, with the key among them where the setting allows it; it reaches no log, which closing checks."""
    answer = requests.get(f"{gateway.url}/response", params={**BODY, "api_key": key}, timeout=30)
    assert (answer.status_code, answer.json()) == (200, {"response": WORDS})


def test_s0_key_that_is_wrong(gateway: Gateway) -> None:
    """401, and a line in the log about it, without the key."""
    answer = curl(f"{gateway.url}/response", "x-api-key: 1a2b3C4d5E6f7G8h9I0J1K2L3M4N5O6", method="GET", data="{}")
    assert (answer.status, answer.error["code"]) == (401, "INVALID_API_KEY")
    (line,) = gateway.lines_of(answer.headers["x-request-id"])
    assert (line["event"], line["error"], line["address"]) == ("call.refused", "invalid_api_key", "127.0.0.1")


def test_s0_what_the_model_cannot_take(strict: Gateway, up: FakeUpstream) -> None:
    """An answer of too many tokens, a message of too many letters, a prompt beyond 131,072 tokens: nothing is sent."""
    address = next(_addresses)
    key = fetch(strict, address).json()["One Time API key"]
    before = len(up.journal)
    for change, field in (({"tokens": 16_385}, "tokens"), ({"message": "x" * 1_001}, "message")):
        error = ask(strict, key, address, **change).json()["error"]
        assert (error["code"], error["field"]) == ("INVALID_VALUE", field)
    messages = [{"role": "user", "content": "x" * 2_200_000}]
    answer = strict.post(key, {"model": "tuned", "messages": messages}, headers={"x-forwarded-for": address})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")
    assert "131072" in answer.text
    assert len(up.journal) == before


def test_s0_key_works_once(strict: Gateway, up: FakeUpstream) -> None:
    """With `max_uses: 1` the key is a one-time key; a call that fails is no use, and no other address can use it."""
    here, elsewhere = next(_addresses), next(_addresses)
    key = fetch(strict, here).json()["One Time API key"]
    assert ask(strict, key, elsewhere).json()["error"]["code"] == "INVALID_API_KEY"
    up.plan("error-400")
    assert ask(strict, key, here).status_code == 400
    assert ask(strict, key, here).json() == {"response": WORDS}
    again = ask(strict, key, here)
    assert (again.status_code, again.json()["error"]["code"]) == (401, "KEY_ALREADY_USED")


def test_s0_twenty_a_minute(strict: Gateway) -> None:
    """The twenty-first request of an address within a minute is refused, on both of its addresses together."""
    here = next(_addresses)
    key = fetch(strict, here).json()["One Time API key"]
    statuses = [ask(strict, key, here).status_code for _ in range(19)]
    assert set(statuses) == {200, 401}
    refused = ask(strict, key, here)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert refused.json()["error"]["message"] == "Rate limit exceeded: 20 per 1 minute"
    assert 1 <= int(refused.headers["retry-after"]) <= 61
    assert fetch(strict, here).status_code == 429
    assert fetch(strict, next(_addresses)).status_code == 200


def test_s0_a_hundred_a_day(tmp_path: Path, up: FakeUpstream) -> None:
    """The other window by itself: of 101 requests a hundred pass."""
    yaml = YAML % (up.url, "}") + "limits: {per_address: 100/day}\n"
    with moved_in(tmp_path, ENV_FILE, yaml) as gateway:
        statuses = [gateway.request("GET", "/generate_api").status_code for _ in range(101)]
        assert statuses == [200, *[409] * 99, 429]


def test_s0_app_log(strict: Gateway) -> None:
    """`app.log` has what stderr has: refusals, faults and calls."""
    address = next(_addresses)
    request_id = ask(strict, "1a2b3C4d5E6f7G8h9I0J1K2L3M4N5O6", address).headers["x-request-id"]
    file = strict.directory / "data" / "app.log"
    wait_until(lambda: file.exists() and request_id in file.read_text())
