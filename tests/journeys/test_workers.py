"""Four workers of one server, over real sockets: what is one stays one, whichever of them is asked, or dies."""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.journeys.bodies import chat, frames
from tests.journeys.crowd import Told, at_once
from tests.journeys.stand import ADMIN_KEY, LAB, LAB_KEY, STOP_SECONDS, Gateway, start, started, wait_until
from tests.upstream import FakeUpstream

WORKERS = 4
VARIABLES = {"TOLLBAR_ADMIN_KEY": ADMIN_KEY, "LAB_KEY": LAB_KEY, "TOLLBAR_WORKERS": str(WORKERS)}
MORE = "default_model: lab/ok\nlimits: {per_address: 20/minute}\n"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A server of four workers."""
    with started(tmp_path_factory.mktemp("workers"), up, MORE, VARIABLES) as gateway:
        serving: set[str] = set()

        def all_serve() -> bool:
            serving.add(requests.get(f"{gateway.url}/health", timeout=30).headers["x-request-id"][:-8])
            return len(serving) == WORKERS

        wait_until(all_serve, 60)
        yield gateway


def processes(gateway: Gateway) -> list[int]:
    """The workers' process ids."""
    pid = gateway.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def statuses(answers: list[Told]) -> Counter[int]:
    """How often each status came."""
    return Counter(answer.status for answer in answers)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("amount", [1, 5, 50])
def test_so_many_credits_are_so_many_answers(gateway: Gateway, up: FakeUpstream, amount: int, stream: bool) -> None:
    """Two hundred calls at once: exactly as many are answered, and reach the provider, as there are credits."""
    key, before = gateway.make_key("crowd", credits=amount), len(up.journal)
    answers = at_once(gateway.url, key, [chat("lab/ok", stream=stream)] * 200)
    assert statuses(answers) == {200: amount, 429: 200 - amount}
    assert len(up.journal) - before == amount
    account = gateway.settled(key)
    assert (account["spent"], account["held"], account["left"]) == (amount, 0, 0)
    assert len({answer.worker for answer in answers}) > 1


@pytest.mark.slow
def test_of_two_thousand_calls_on_a_thousand_credits_a_thousand_succeed(gateway: Gateway, up: FakeUpstream) -> None:
    """Leases, recalls and all: not one too many, not one too few, each with its line and its call of the provider."""
    key, before = gateway.make_key("thousand", credits=1_000), len(up.journal)
    answers = at_once(gateway.url, key, [chat("lab/ok")] * 2_000)
    assert statuses(answers) == {200: 1_000, 429: 1_000}
    assert len(up.journal) - before == 1_000
    account = gateway.settled(key)
    assert (account["spent"], account["held"], account["left"]) == (1_000, 0, 0)
    answered = {answer.headers["x-request-id"] for answer in answers if answer.status == 200}
    assert answered <= {line["request_id"] for line in gateway.ledger() if line["credits"] == 1}


def test_what_others_keep_ready_is_recalled(gateway: Gateway) -> None:
    """With leases in all workers, one worker alone can still use the last credit."""
    key = gateway.make_key("last", credits=400)
    answers = at_once(gateway.url, key, [chat("lab/ok")] * 80)
    assert statuses(answers) == {200: 80}
    with gateway.sdk(key) as client:  # one connection, so one worker
        for _ in range(320):
            client.chat.completions.create(model="lab/ok", messages=[{"role": "user", "content": "x"}])
    account = gateway.settled(key)
    assert (account["spent"], account["left"]) == (400, 0)


def test_rates_are_counted_together(gateway: Gateway, up: FakeUpstream) -> None:
    """Sixty calls at once, on twenty a minute of a key or of an address: twenty pass."""
    before = len(up.journal)
    answers = at_once(gateway.url, gateway.make_key("paced", rpm=20), [chat("lab/ok")] * 60)
    assert statuses(answers) == {200: 20, 429: 40}
    plain = gateway.make_key("plain")
    answers = at_once(gateway.url, plain, [{"message": "x", "tokens": 5}] * 60, "/response")
    assert statuses(answers) == {200: 20, 429: 40}
    assert len(up.journal) - before == 40


def test_a_revoked_key_stops_in_every_worker(gateway: Gateway, up: FakeUpstream) -> None:
    """It is known to all of them; soon none lets it in, and a stream of it has ended long before its end.

    They look for news four times a second. All are asked once alone, for an address that is refused often has to wait.
    """
    issued = gateway.issue("gone")
    key = issued["key"]
    warm = at_once(gateway.url, key, [chat("lab/ok")] * 40)
    assert statuses(warm) == {200: 40}
    with ThreadPoolExecutor(1) as pool:
        before = len(up.journal)
        stream = pool.submit(at_once, gateway.url, key, [chat("lab/paced:500", stream=True)] * 4)
        wait_until(lambda: len(up.journal) - before == 4)
        gateway.admin("POST", f"/keys/{issued['id']}/revoke")
        assert {b"error" in told.body for told in stream.result(30)} == {True}
        time.sleep(3.0)
        assert statuses(at_once(gateway.url, key, [chat("lab/ok")] * 16)) == {401: 16}


def test_a_call_is_ended_by_whichever_worker_is_asked(gateway: Gateway) -> None:
    """A stream in one worker, the wish in another: it ends well within a second or so, whoever was asked."""
    key = gateway.make_key("ends", credits=20)
    headers = {"authorization": f"Bearer {key}"}
    workers: set[bool] = set()
    for _ in range(20):
        with requests.post(
            f"{gateway.url}/v1/chat/completions",
            json=chat("lab/paced:500", stream=True),
            headers=headers,
            stream=True,
            timeout=30,
        ) as stream:
            name = stream.headers["x-request-id"]
            asked = requests.post(f"{gateway.url}/v1/requests/{name}/cancel", headers=headers, timeout=30)
            assert asked.status_code == 202, asked.text
            assert frames(stream.content)[-1] == "[DONE]"
        workers.add(name[:-8] == asked.headers["x-request-id"][:-8])
        if workers == {True, False}:
            break
    assert False in workers


def test_metrics_are_of_all_workers(gateway: Gateway) -> None:
    """Whichever is asked; soon after the calls are over."""
    route = 'toll_calls_total{outcome="ok",route="/question"}'

    def counted() -> float:
        text = gateway.request("GET", "/metrics", ADMIN_KEY).text
        found = re.search(rf"^{re.escape(route)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    answers = at_once(gateway.url, gateway.make_key("asks"), [{"text": "x"}] * 60, "/question")
    assert statuses(answers) == {200: 60}
    assert len({answer.worker for answer in answers}) > 1
    wait_until(lambda: [counted() for _ in range(8)] == [60.0] * 8)


def test_a_worker_that_is_killed_is_replaced_and_its_calls_are_resolved(gateway: Gateway, up: FakeUpstream) -> None:
    """The others serve on; what it held comes back at once, slots of concurrency included; the books agree."""
    key = gateway.make_key("survivor", credits=100, concurrency=8)
    victims = processes(gateway)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(at_once, gateway.url, key, [chat("lab/slow-headers:1500")] * 8)
        wait_until(lambda: gateway.allowance(key)["held"] == 8)
        os.kill(victims[0], signal.SIGKILL)
        answers = held.result(60)
    assert set(statuses(answers)) <= {0, 200}
    wait_until(lambda: len(set(processes(gateway)) - set(victims)) == 1)
    account = gateway.settled(key)
    assert account["spent"] == statuses(answers)[200]
    wait_until(lambda: statuses(at_once(gateway.url, key, [chat("lab/slow-headers:300")] * 8)) == {200: 8})


def test_a_stop_lets_every_worker_finish(tmp_path: Path, up: FakeUpstream) -> None:
    """Streams end as they should, new connections are refused, and the status is 0."""
    with started(tmp_path, up, MORE, VARIABLES) as gateway:
        wait_until(lambda: len(processes(gateway)) == WORKERS)
        key = gateway.make_key("patient")
        before = len(up.journal)
        with ThreadPoolExecutor(1) as pool:
            streams = pool.submit(at_once, gateway.url, key, [chat("lab/paced:60", stream=True)] * 12)
            wait_until(lambda: len(up.journal) - before == 12)
            gateway.terminate()
            answers = streams.result(60)
        assert [frames(answer.body)[-1] for answer in answers] == ["[DONE]"] * 12
        assert gateway.process.wait(STOP_SECONDS) == 0
        assert not (tmp_path / "data" / "shared").exists()


def test_workers_end_when_their_supervisor_was_killed(tmp_path: Path, up: FakeUpstream) -> None:
    """Nobody else can serve from the directory until they have; then a start is as any other."""
    (tmp_path / "tollbar.yaml").write_text(LAB % up.url)
    gateway = start(tmp_path, VARIABLES)
    wait_until(lambda: len(processes(gateway)) == WORKERS)
    orphans = processes(gateway)
    gateway.kill()
    wait_until(lambda: not any(Path(f"/proc/{orphan}").exists() for orphan in orphans))
    again = start(tmp_path, VARIABLES)
    assert again.post(again.make_key("again"), chat("lab/ok")).ok
    again.close()


def test_the_first_keys_are_told_once_and_work_everywhere(tmp_path: Path) -> None:
    """One banner, one admin key, one line to paste; and one log file for all."""
    gateway = start(tmp_path, {"TOLLBAR_WORKERS": "3"})
    try:
        keys = re.findall(r"sk-toll-[0-9A-Za-z]{44}", gateway.banner)
        assert (len(keys), gateway.banner.count("listens on")) == (2, 1)
        bodies = [chat("tollbar-guide")] * 30
        answers = at_once(gateway.url, keys[1], bodies)
        assert statuses(answers) == {200: 30}
        assert gateway.request("GET", "/admin/api/keys", keys[0]).ok
    finally:
        gateway.close()
    logged = (tmp_path / "data" / "app.log").read_text()
    assert logged.count('"event":"call"') == 30
