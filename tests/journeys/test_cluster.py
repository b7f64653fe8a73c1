"""Two servers on one Postgres and one Valkey, as on two machines; and what becomes of them when one of these dies."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.journeys.bodies import chat
from tests.journeys.crowd import Told, at_once
from tests.journeys.stand import ADMIN_KEY, LAB_KEY, Gateway, started, wait_until
from tests.postgres import Postgres
from tests.upstream import FakeUpstream
from tests.valkey import Valkey

MORE = "default_model: lab/ok\n"
SECRET = "a secret that both servers of the tests share"


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    """A Postgres that tests may kill."""
    made = Postgres()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def counters() -> Iterator[Valkey]:
    """A Valkey that tests may kill."""
    made = Valkey()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream, database: Postgres, counters: Valkey
) -> Iterator[list[Gateway]]:
    """Two servers with a data directory each; the second has two workers."""
    address = database.database()
    variables = {
        "TOLLBAR_ADMIN_KEY": ADMIN_KEY,
        "LAB_KEY": LAB_KEY,
        "TOLLBAR_SECRET": SECRET,
        "DATABASE_URL": address,
        "REDIS_URL": counters.address,
    }
    with ExitStack() as stack:
        made = []
        for workers in (1, 2):
            directory: Path = tmp_path_factory.mktemp("server")
            environment = {**variables, "TOLLBAR_WORKERS": str(workers)}
            made.append(stack.enter_context(started(directory, up, MORE, environment)))
        yield made


def on_both(servers: list[Gateway], key: str, number: int, model: str = "lab/ok") -> list[Told]:
    """So many calls on each server, at once."""
    with ThreadPoolExecutor(2) as pool:
        parts = pool.map(lambda server: at_once(server.url, key, [chat(model)] * number), servers)
        return [told for part in parts for told in part]


def gained(up: FakeUpstream, before: int) -> bool:
    """Whether more calls than so many have reached the provider."""
    return len(up.journal) > before


def statuses(answers: list[Told]) -> Counter[int]:
    """How often each status came."""
    return Counter(answer.status for answer in answers)


@pytest.mark.parametrize("amount", [1, 60, 300])
def test_so_many_credits_are_so_many_answers_of_all_servers(
    servers: list[Gateway], up: FakeUpstream, amount: int
) -> None:
    """Exactly as many as there are, whichever server is asked; leases on one are recalled for the other.

    What a slow machine does not get back within the half second of a recall is there for the calls that follow.
    """
    key, before = servers[0].make_key("crowd", credits=amount), len(up.journal)
    told = statuses(on_both(servers, key, 200))
    assert (set(told) <= {200, 429}, told[200] <= amount) == (True, True)
    for _ in range(amount - told[200]):
        assert statuses(at_once(servers[0].url, key, [chat("lab/ok")])) == {200: 1}
    assert statuses(on_both(servers, key, 5)) == {429: 10}
    assert len(up.journal) - before == amount
    for server in servers:
        account = server.settled(key)
        assert (account["spent"], account["held"], account["left"]) == (amount, 0, 0)


def test_rates_are_counted_together(servers: list[Gateway]) -> None:
    """Sixty calls on twenty a minute, on two servers: twenty pass."""
    key = servers[1].make_key("paced", rpm=20, concurrency=50)
    assert statuses(on_both(servers, key, 30)) == {200: 20, 429: 40}


def test_a_revoked_key_stops_on_the_other_server(servers: list[Gateway]) -> None:
    """Though it was in use there."""
    issued = servers[0].issue("gone")
    assert statuses(on_both(servers, issued["key"], 5)) == {200: 10}
    servers[0].admin("POST", f"/keys/{issued['id']}/revoke")
    wait_until(lambda: statuses(on_both(servers, issued["key"], 1)) == {401: 2})
    assert statuses(on_both(servers, issued["key"], 5)) == {401: 10}


def test_without_its_counters_calls_go_on(servers: list[Gateway], counters: Valkey, up: FakeUpstream) -> None:
    """Killed in the middle of calls: none of them fails. Each process counts for itself meanwhile, and money as ever;
    afterwards all count together, without a restart.
    """
    key, before = servers[0].make_key("paced", rpm=1_000, credits=60, concurrency=900), len(up.journal)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(on_both, servers, key, 10, "lab/slow-headers:60")
        wait_until(partial(gained, up, before))
        counters.kill()
        assert statuses(running.result(60)) == {200: 20}
    assert statuses(on_both(servers, key, 10)) == {200: 20}
    counters.start()

    def count_together() -> bool:
        fresh = servers[0].make_key("paced again", rpm=10)
        return statuses(on_both(servers, fresh, 10)) == {200: 10, 429: 10}

    wait_until(count_together)
    account = servers[0].settled(key)
    assert (account["spent"], account["held"]) == (40, 0)


@pytest.mark.slow
def test_without_its_store_nothing_is_charged_wrongly(
    servers: list[Gateway], database: Postgres, up: FakeUpstream
) -> None:
    """Killed in the middle of many calls: refusals are clear, nothing is oversold, every answer is in the ledger once,
    and all goes on when it is back. Only an answer that was being charged just then waits for that.
    """
    key, address = servers[0].make_key("survivor", credits=500), servers[0]
    calls = [chat("lab/slow-headers:40")] * 60
    answers: list[Told] = []
    caught: list[Future[list[Told]]] = []
    with ThreadPoolExecutor(4) as pool:
        for turn in range(6):
            before = len(up.journal)
            running = [pool.submit(at_once, server.url, key, calls) for server in servers]
            if turn == 2:
                wait_until(partial(gained, up, before))
                database.kill()
                caught = running
                continue
            if turn == 4:
                database.start()
            answers += [told for done in running for told in done.result(60)]
        answers += [told for done in caught for told in done.result(60)]
    assert set(statuses(answers)) <= {200, 429, 503}
    assert {told.status for told in answers if b"store" in told.body.lower()} <= {503}
    wait_until(lambda: statuses(at_once(address.url, key, [chat("lab/ok")])) == {200: 1}, 60)
    wait_until(lambda: not address.allowance(key)["held"], 60)
    spent = address.allowance(key)["spent"]
    whose = "key_id = (SELECT owner FROM allowances WHERE granted = 500) AND credits > 0"
    lines = database.sql(f"SELECT request_id, sum(credits) FROM ledger WHERE {whose} GROUP BY 1", database.newest)
    charged = {line.partition("|")[0]: int(line.partition("|")[2]) for line in lines.splitlines()}
    assert set(charged.values()) == {1}
    assert sum(charged.values()) == spent <= 500
    answered = {told.headers["x-request-id"] for told in answers if told.status == 200}
    assert answered <= set(charged)
