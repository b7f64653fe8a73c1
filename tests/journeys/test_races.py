"""Many at the same moment, over real sockets: what is one stays one."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from tests.journeys.stand import ADMIN_KEY, LAB_KEY, Gateway, started, tollbar
from tests.upstream import FakeUpstream

ADMIN_SECRET = "the admin secret of the races"
VARIABLES = {
    "TOLLBAR_ADMIN_KEY": ADMIN_KEY,
    "LAB_KEY": LAB_KEY,
    "ADMIN_SECRET": ADMIN_SECRET,
    "TOLLBAR_SELF_SERVICE": "true",
}
MORE = """\
models: {cloud: 'lab/slow-headers:60', dear: {targets: ['lab/slow-headers:60'], multiplier: 3}, down: lab/error-400}
default_model: cloud
default_local_model: cloud
self_service: {models: [cloud], credits: 100}
server: {trusted_proxies: [127.0.0.1]}
limits: {per_address: 1000/minute}
"""
_addresses = (f"203.0.{number // 250}.{number % 250 + 1}" for number in count())
_lock = threading.Lock()


def somewhere() -> str:
    """An address from which nobody has asked yet."""
    with _lock:
        return next(_addresses)


@pytest.fixture(scope="module", params=["1", "4"], ids=["one-worker", "four-workers"])
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream
) -> Iterator[Gateway]:
    """A gateway whose proxy says where callers are, of one process and of four."""
    variables = {**VARIABLES, "TOLLBAR_WORKERS": request.param}
    with started(tmp_path_factory.mktemp("races"), up, MORE, variables) as gateway:
        yield gateway


def ask(gateway: Gateway, endpoint: str, body: object = None, key: str = "", **headers: str) -> requests.Response:
    """A request on a connection and from an address of its own, unless it says otherwise."""
    method, _, path = endpoint.partition(" ")
    given = {"x-forwarded-for": headers.get("address") or somewhere(), **({"x-api-key": key} if key else {})}
    if "secret" in headers:
        given["admin-secret"] = headers["secret"]
    return requests.request(method, gateway.url + path, json=body, headers=given, timeout=30)


def at_once(callers: list[Callable[[], requests.Response]]) -> list[requests.Response]:
    """The answers to requests that all begin at the same moment."""
    barrier = threading.Barrier(len(callers))

    def begin(caller: Callable[[], requests.Response]) -> requests.Response:
        barrier.wait(60)
        return caller()

    with ThreadPoolExecutor(len(callers)) as pool:
        return list(pool.map(begin, callers))


def told(answer: requests.Response) -> tuple[int, str]:
    """The status, and the code where something is wrong."""
    return answer.status_code, "" if answer.ok else answer.json()["error"]["code"]


class Seen(NamedTuple):
    """What a reader of the rotating key saw: the key shown, whether it and the first one opened, and the key after."""

    before: str
    opens: int
    earlier: int
    after: str


@pytest.mark.parametrize(("number", "rounds"), [(2, 20), (50, 2)])
def test_one_address_gets_one_key(gateway: Gateway, number: int, rounds: int) -> None:
    """Whoever is first; the others are told that it was given, and no part of it. No second secret is stored."""
    for _ in range(rounds):
        address = somewhere()
        answers = at_once([lambda address=address: ask(gateway, "GET /generate_api", address=address)] * number)
        (issued,) = [answer.json()["One Time API key"] for answer in answers if answer.ok]
        gateway.secrets.add(issued)
        assert sorted(map(told, answers)) == [(200, ""), *[(409, "KEY_ALREADY_ISSUED")] * (number - 1)]
        assert not [answer for answer in answers if not answer.ok and issued[:6] in answer.text]
        assert ask(gateway, "POST /response", {"message": "x"}, issued, address=address).ok
    keys = gateway.query("select id from keys where kind = 'self_service'")
    secrets = gateway.query("select key_id as id from secrets where key_id in (select id from keys"
                            " where kind = 'self_service')")  # fmt: skip
    assert sorted(row["id"] for row in keys) == sorted(row["id"] for row in secrets)


@pytest.mark.parametrize("path", ["/generate", "/generate?stream=true", "/question", "/chat", "/response"])
@pytest.mark.parametrize("amount", [1, 7])
def test_so_many_credits_are_so_many_answers(gateway: Gateway, up: FakeUpstream, path: str, amount: int) -> None:
    """Thirty calls at once: exactly as many are answered, and reach the provider, as there are credits."""
    key, before = gateway.make_key("crowd", credits=amount), len(up.journal)
    body = {"prompt": "x", "text": "x", "message": "x"}
    answers = at_once([lambda: ask(gateway, f"POST {path}", body, key)] * 30)
    refused = [(403, "INSUFFICIENT_CREDITS")] * (30 - amount)
    assert sorted(map(told, answers)) == [*[(200, "")] * amount, *refused]
    assert len(up.journal) - before == amount
    account = gateway.settled(key)
    assert (account["spent"], account["held"], account["left"]) == (amount, 0, 0)


def test_a_dear_model_and_a_tier_multiply(gateway: Gateway) -> None:
    """Two credits a call of the tier, three times for the model: twenty credits are three answers, and two remain."""
    key = gateway.make_key("dear", credits=20, tier="basic")
    answers = at_once([lambda: ask(gateway, "POST /generate/dear", {"prompt": "x"}, key)] * 15)
    assert sorted(map(told, answers)) == [*[(200, "")] * 3, *[(403, "INSUFFICIENT_CREDITS")] * 12]
    account = gateway.settled(key)
    assert (account["spent"], account["left"]) == (18, 2)


@pytest.mark.parametrize("uses", [1, 4])
def test_so_many_uses_are_so_many_answers(gateway: Gateway, up: FakeUpstream, uses: int) -> None:
    """Twenty calls at once; a call that failed was no use."""
    key = gateway.make_key("guest", max_uses=uses)
    assert not ask(gateway, "POST /generate/down", {"prompt": "x"}, key).ok
    before = len(up.journal)
    answers = at_once([lambda: ask(gateway, "POST /generate", {"prompt": "x"}, key)] * 20)
    assert sorted(map(told, answers)) == [*[(200, "")] * uses, *[(401, "KEY_ALREADY_USED")] * (20 - uses)]
    assert len(up.journal) - before == uses
    assert told(ask(gateway, "POST /generate", {"prompt": "x"}, key)) == (401, "KEY_ALREADY_USED")


def bring_key(gateway: Gateway, file: Path) -> str:
    """A rotating key that every worker knows, with half of its time left: as long as this machine took so far."""
    for seconds in (4, 8, 16, 32):
        key, expiry = f"sk-abcdefgh{seconds:08d}", datetime.now(UTC) + timedelta(seconds=seconds)
        file.write_text(json.dumps({"api_key": key, "expiry": expiry.isoformat()}))
        with suppress(AssertionError):  # it has expired before the command reads it
            tollbar(gateway.directory, "import", str(file), environment=VARIABLES)
        gateway.secrets.add(key)
        while datetime.now(UTC) < expiry - timedelta(seconds=seconds / 2):
            if all(shown(gateway) == key for _ in range(8)):
                return key
    raise AssertionError("it was never in force for long enough")


def test_readers_of_the_rotating_key_see_one_and_only_one(gateway: Gateway, tmp_path: Path) -> None:
    """While it changes by itself: the one that is shown opens, and the one before it does not."""
    first = bring_key(gateway, tmp_path / "key.json")
    seen: list[Seen] = []

    def read() -> None:
        left = 20  # readings when it has changed
        while left:
            before = shown(gateway)
            opens = ask(gateway, "GET /v1/me", key=before).status_code
            earlier = ask(gateway, "GET /v1/me", key=first).status_code
            seen.append(Seen(before, opens, earlier, shown(gateway)))
            left -= before != first

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(read) for _ in range(8)]
    for reader in readers:
        reader.result()
    second = shown(gateway)
    gateway.secrets.add(second)
    assert {one.before for one in seen} == {one.after for one in seen} == {first, second}
    # Where one key was shown before and after, it was in force between.
    assert {one.opens for one in seen if one.before == one.after} == {200}
    assert {one.earlier for one in seen if one.before == second} == {401}
    assert told(ask(gateway, "POST /question", {"text": "x"}, first)) == (401, "KEY_EXPIRED")


def shown(gateway: Gateway) -> str:
    """The rotating key that is in force."""
    answer = ask(gateway, "GET /current-key", secret=ADMIN_SECRET)
    assert answer.ok, answer.text
    return str(answer.json()["api_key"])


def test_a_key_that_is_rotated_under_load_is_never_missed(gateway: Gateway) -> None:
    """With a grace both secrets open while it lasts; without one the old one stops, and the new one opens at once."""
    issued = gateway.issue("busy")
    current, stop, faults = [issued["key"]], threading.Event(), list[str]()

    def call() -> None:
        while not stop.is_set():
            key = current[0]
            answer = ask(gateway, "GET /v1/me", key=key)
            if not answer.ok and key == current[0]:
                faults.append(answer.text)

    with ThreadPoolExecutor(6) as pool:
        callers = [pool.submit(call) for _ in range(6)]
        for _ in range(5):
            old = current[0]
            current[0] = gateway.admin("POST", f"/keys/{issued['id']}/rotate", {"grace_seconds": 60})["key"]
            gateway.secrets.add(current[0])
            assert ask(gateway, "GET /v1/me", key=old).ok
            time.sleep(0.05)
        stop.set()
        for caller in callers:
            caller.result(60)
    assert faults == []
