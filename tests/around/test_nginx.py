"""The nginx configuration that is shipped, in a running nginx before a running Tollbar."""

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from bench.machine import free_port
from tests.around.proxying import Notes, Proxy, note_taker, proxied
from tests.journeys.bodies import chat
from tests.journeys.stand import Gateway, provider, started, wait_until
from tests.upstream import FakeUpstream


@pytest.fixture(scope="module")
def up() -> Iterator[FakeUpstream]:
    """The provider."""
    with provider() as up:
        yield up


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """Tollbar before it."""
    with started(tmp_path_factory.mktemp("gateway"), up) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, gateway: Gateway) -> Iterator[Proxy]:
    """nginx before Tollbar."""
    with proxied(tmp_path_factory.mktemp("nginx"), f"127.0.0.1:{gateway.port}") as proxy:
        yield proxy


@pytest.fixture(scope="module")
def noted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Proxy, Notes]]:
    """nginx before a server that notes what reaches it."""
    with note_taker() as notes, proxied(tmp_path_factory.mktemp("noting"), f"127.0.0.1:{notes.port}") as proxy:
        yield proxy, notes


def test_a_plain_call(proxy: Proxy, gateway: Gateway) -> None:
    """The answer and its headers are Tollbar's."""
    response = call(proxy, gateway.make_key("plain"), chat("lab/ok"))
    assert response.status_code == 200, response.text
    assert response.json()["choices"][0]["message"]["content"]
    assert response.headers["x-request-id"]


@pytest.mark.parametrize("name", ["x_api_key", "x-api-key"])
def test_a_key_in_either_header(proxy: Proxy, gateway: Gateway, name: str) -> None:
    """A header with underscores arrives as well as one without."""
    response = requests.get(f"{proxy.url}/v1/models", headers={name: gateway.make_key("header")}, timeout=30)
    assert response.status_code == 200, response.text


def test_a_stream_arrives_in_pieces(proxy: Proxy, gateway: Gateway) -> None:
    """What the provider says is passed on at once: the first word is here though nothing ever follows it."""
    with requests.post(
        f"{proxy.url}/v1/chat/completions",
        json=chat("lab/stall-middle", stream=True),
        headers={"authorization": f"Bearer {gateway.make_key('stream')}"},
        stream=True,
        timeout=30,
    ) as response:
        assert response.status_code == 200
        assert any(b"word0" in line for line in response.iter_lines(chunk_size=1))


def test_nothing_is_held_back(noted: tuple[Proxy, Notes]) -> None:
    """Half an answer arrives before the other half exists, whatever headers it has."""
    proxy, notes = noted
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
    connection.request("GET", "/paused")
    response = connection.getresponse()
    assert (response.read(3), response.isclosed()) == (b"not", False)
    notes.goes_on.set()
    assert response.read() == b"ed"
    connection.close()


def test_a_caller_who_leaves_ends_the_call(proxy: Proxy, gateway: Gateway, up: FakeUpstream) -> None:
    """nginx closes its connection too, so that the provider is told to stop."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
    headers = {"authorization": f"Bearer {gateway.make_key('leaver')}", "content-type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(chat("lab/paced:500", stream=True)), headers)
    connection.getresponse().read(20)
    assert gateway.calls() == 1
    connection.close()
    wait_until(lambda: gateway.calls() == 0)


def test_errors_are_tollbars_own(proxy: Proxy, gateway: Gateway) -> None:
    """A refusal comes through untouched."""
    direct, through = (
        requests.post(f"{url}/v1/chat/completions", json=chat("lab/ok"), timeout=30) for url in (gateway.url, proxy.url)
    )
    assert (direct.status_code, through.status_code) == (401, 401)
    assert direct.json()["error"]["code"] == through.json()["error"]["code"]


def test_the_callers_address_is_passed_on(noted: tuple[Proxy, Notes]) -> None:
    """Tollbar is told who connected; what the caller claims stands before it and does not replace it."""
    proxy, notes = noted
    notes.requests.clear()
    requests.get(f"{proxy.url}/x", headers={"x-forwarded-for": "203.0.113.9"}, timeout=30)
    requests.get(f"{proxy.url}/x", timeout=30)
    assert [headers["x-forwarded-for"] for _, headers in notes.requests] == ["203.0.113.9, 127.0.0.1", "127.0.0.1"]
    assert {headers["host"] for _, headers in notes.requests} == {f"127.0.0.1:{proxy.port}"}
    assert {headers["x-forwarded-proto"] for _, headers in notes.requests} == {"http"}


def test_no_key_gets_into_a_log(noted: tuple[Proxy, Notes]) -> None:
    """A query, where a key may stand, reaches Tollbar but no line of nginx."""
    proxy, notes = noted
    notes.requests.clear()
    requests.get(f"{proxy.url}/response?api_key=sk-never-to-be-seen", timeout=30)
    assert [line for line, _ in notes.requests] == ["GET /response?api_key=sk-never-to-be-seen HTTP/1.1"]
    wait_until(lambda: '"GET /response" 200' in proxy.output)
    assert "sk-never" not in proxy.output


def test_floods_are_refused_in_json(noted: tuple[Proxy, Notes]) -> None:
    """Far more requests than the burst from one address: some get 429, as JSON, with a time to wait."""
    proxy, _ = noted
    refused: list[requests.Response] = []
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):  # once on most machines; one that pauses gives nginx time to let more in
            answers = list(pool.map(lambda _: requests.get(f"{proxy.url}/x", timeout=30), range(400)))
            assert {answer.status_code for answer in answers} <= {200, 429}
            if refused := [answer for answer in answers if answer.status_code == 429]:
                break
    assert refused[0].json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert (refused[0].headers["retry-after"], refused[0].headers["content-type"]) == ("1", "application/json")


def test_too_much_is_refused_in_json(proxy: Proxy) -> None:
    """What even nginx does not take; less than that is for Tollbar to judge."""
    response = requests.post(f"{proxy.url}/x", b"", headers={"content-length": str(40 << 20)}, timeout=30)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")


def test_without_tollbar_the_answer_is_503_in_json(tmp_path: Path) -> None:
    """While Tollbar is away callers are told to come again, and the address that failed is not logged."""
    with proxied(tmp_path / "away", f"127.0.0.1:{free_port()}") as proxy:
        response = requests.get(f"{proxy.url}/response?api_key=sk-never-to-be-seen", timeout=30)
        assert (response.status_code, response.json()["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert response.headers["retry-after"] == "5"
        assert "sk-never" not in proxy.output


def call(proxy: Proxy, key: str, body: object) -> requests.Response:
    """A call through nginx."""
    headers = {"authorization": f"Bearer {key}"}
    return requests.post(f"{proxy.url}/v1/chat/completions", json=body, headers=headers, timeout=30)
