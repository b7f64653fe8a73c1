"""The whole product in this process: a real store in a made directory, real providers behind real sockets."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.app.making import settings_of
from tests.edge.stage import JSON, bearer, call
from tests.storage.making import StepClock
from tests.upstream import FakeUpstream
from tollbar.admin.drafts import KeyDraft
from tollbar.admin.keys import issue_key, revoke_key
from tollbar.app.chores import POLL_SECONDS
from tollbar.app.wiring import Running, running
from tollbar.cli.store import open_store
from tollbar.clock import SystemClock
from tollbar.domain.records import Outcome
from tollbar.gateway.admit import Debt
from tollbar.logs import Sink, render_json
from tollbar.ports.clock import Clock
from tollbar.settings import GUIDE, Settings
from tollbar.storage.engine import StoreRefused
from tollbar.storage.ledger import StoredLedger

pytestmark = pytest.mark.anyio

CHAT = "/v1/chat/completions"
ADMIN = "an-admin-key-of-the-tests-0123456789"
LAB = 'providers: {lab: {wire: openai, base_url: "%s"}}\n'


@asynccontextmanager
async def a_product(
    settings: Settings, log: io.BytesIO | None = None, clock: Clock | None = None
) -> AsyncIterator[Running]:
    """The product of these settings, with a key for the first call."""
    sink = Sink(log or io.BytesIO(), render_json, SystemClock().now)
    async with running(settings, sink, makes_starter_key=True, clock=clock) as started:
        yield started


def a_body(model: str, **fields: object) -> bytes:
    """A request for a model."""
    return json.dumps(
        {"model": model, "messages": [{"role": "user", "content": "How do I make a key?"}], **fields}
    ).encode()


async def ask(product: Running, key: str | None, method: str, path: str, body: bytes = b"") -> Any:
    """The answer of a product that must succeed."""
    answer = await call(product.application, method, path, (bearer(key or ""), JSON), (body,)).answer()
    assert answer.status == 200, answer.body
    return answer.json()


async def test_a_product_starts_answers_and_closes(tmp_path: Path) -> None:
    """The keys that a start makes work; the call is logged and in the store; a second start shows no admin key."""
    settings, log = settings_of(tmp_path), io.BytesIO()
    async with a_product(settings, log) as product:
        answer = await ask(product, product.starter_key, "POST", CHAT, a_body("tollbar-guide"))
        assert "tollbar keys create" in answer["choices"][0]["message"]["content"]
        (key,) = [
            key
            for key in (await ask(product, product.admin_key, "GET", "/admin/api/keys"))["data"]
            if key["name"] == "starter"
        ]
        assert key["state"] == "active"
        assert len(product.gateway.recorder.visits) == 0
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["key"], line["target"]) for line in lines if line["event"] == "call"] == [
        ("starter", "tollbar/tollbar-guide")
    ]
    assert not [secret for secret in (product.starter_key, product.admin_key) if str(secret).encode() in log.getvalue()]
    async with a_product(settings) as again:
        assert (again.admin_key, again.starter_key == product.starter_key) == (None, False)
        await ask(again, product.starter_key, "GET", "/v1/me")  # until its day is over


async def test_what_is_owed_is_settled_before_the_store_is_closed(tmp_path: Path) -> None:
    """A call that ended while the store was away is charged what it cost, and not taken for one that was lost."""
    written: list[int] = []
    async with a_product(settings_of(tmp_path)) as product:

        async def settle(outcome: Outcome) -> None:
            ledger = product.gateway.admission._ledger
            assert isinstance(ledger, StoredLedger)
            written.append(len(await ledger.standing("nobody")))

        hold: Any = SimpleNamespace(settle=settle)
        product.gateway.admission._owed.append(Debt(hold, Outcome.BROKEN))
    assert written == [0]


async def test_a_request_with_tools_is_answered_by_the_guide(tmp_path: Path) -> None:
    """Clients that always offer tools can talk to it; it calls none."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    async with a_product(settings_of(tmp_path)) as product:
        answer = await ask(product, product.starter_key, "POST", CHAT, a_body("tollbar-guide", tools=tools))
        assert answer["choices"][0]["finish_reason"] == "stop"


async def test_servers_of_this_machine_are_served_and_listed(tmp_path: Path) -> None:
    """What was found is told, listed as the server names it, and can be called."""
    async with FakeUpstream() as up:
        settings = settings_of(tmp_path, OLLAMA_HOST=f"127.0.0.1:{up.port}")
        for _ in range(5):  # a server has 0.3 s to be found, which a busy machine may miss once
            async with a_product(settings) as product:
                if "ollama" not in [server.instance.name for server in product.servers]:
                    continue
                listed = await ask(product, product.starter_key, "GET", "/v1/models")
                names = [model["id"] for model in listed["data"]]
                assert {"tollbar-guide", "ollama/fake-1", "ollama/fake-2"} <= set(names)
                answer = await ask(product, product.starter_key, "POST", CHAT, a_body("ollama/ok"))
                assert answer["object"] == "chat.completion"
                return
        pytest.fail("the server was not found in five starts")


async def test_the_attempts_of_the_settings_hold_for_any_model(tmp_path: Path) -> None:
    """A model that nobody declared is tried as often as `retries.attempts` says."""
    async with FakeUpstream() as up:
        settings = settings_of(tmp_path, f"{LAB % up.url}retries: {{attempts: 1}}\n")
        async with a_product(settings) as product:
            head = (bearer(product.starter_key or ""), JSON)
            answer = await call(product.application, "POST", CHAT, head, (a_body("lab/error-503"),)).answer()
            assert answer.status >= 500
        assert len([entry for entry in up.journal if entry.path.endswith("/chat/completions")]) == 1


async def test_a_key_that_another_process_revokes_stops_at_once(tmp_path: Path) -> None:
    """Its calls under way end, told why, and its next one is refused."""
    async with FakeUpstream() as up, AsyncExitStack() as stack:
        settings = settings_of(tmp_path, LAB % up.url)
        product = await stack.enter_async_context(a_product(settings))
        desk = await stack.enter_async_context(open_store(settings))
        issued = await issue_key(desk.keys, desk.clock, desk.digest, KeyDraft(name="ana"))
        head, body = (bearer(issued.secret), JSON), a_body("lab/paced:500", stream=True)
        caller = call(product.application, "POST", CHAT, head, (body,))
        await caller.until(lambda: b"word2" in caller.body)
        await revoke_key(desk.keys, desk.clock, issued.key.id)
        answer = await caller.answer()
        assert b"The API key was revoked." in answer.body
        assert b"[DONE]" not in answer.body
        again = await call(product.application, "POST", CHAT, head, (body,)).answer()
        assert (again.status, again.error["code"]) == (401, "invalid_api_key")


async def test_a_drain_and_its_end(tmp_path: Path) -> None:
    """Readiness ends first; when the time is over, calls under way are told to come back."""
    async with FakeUpstream() as up, a_product(settings_of(tmp_path, LAB % up.url)) as product:
        head, body = (bearer(product.starter_key or ""), JSON), a_body("lab/paced:500", stream=True)
        caller = call(product.application, "POST", CHAT, head, (body,))
        await caller.until(lambda: b"word2" in caller.body)
        assert (await call(product.application, "GET", "/health/ready").answer()).status == 200
        product.drain()
        assert (await call(product.application, "GET", "/health/ready").answer()).status == 503
        assert not caller.is_whole
        product.expire()
        assert b"The gateway is shutting down." in (await caller.answer()).body


async def test_a_second_server_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    """The first goes on; once it is gone another may start."""
    settings = settings_of(tmp_path)
    async with a_product(settings) as product:
        with pytest.raises(StoreRefused):
            await a_product(settings).__aenter__()
        await ask(product, product.starter_key, "GET", "/v1/me")
    async with a_product(settings):
        pass


async def test_another_secret_is_refused(tmp_path: Path) -> None:
    """A store that was made with another secret is not opened: none of its keys would work."""
    async with a_product(settings_of(tmp_path)):
        pass
    with pytest.raises(StoreRefused, match="another secret"):
        await a_product(settings_of(tmp_path, TOLLBAR_SECRET="cB7nq0Lw2Zx8Vb3Nm6Yc1Ra7Hs5Kd9Pf")).__aenter__()


async def test_a_configured_admin_key_is_the_admin_key(tmp_path: Path) -> None:
    """Then none is made, and nothing is shown."""
    async with a_product(settings_of(tmp_path, TOLLBAR_ADMIN_KEY=ADMIN)) as product:
        assert product.admin_key is None
        await ask(product, ADMIN, "GET", "/admin/api/keys")


@pytest.mark.parametrize(
    ("yaml", "environment", "granted"),
    [
        ("", {}, None),
        ("", {"ENV": "development"}, "*"),
        ("cors: {origins: https://app.example}\n", {}, "https://app.example"),
        ("cors: {origins: https://app.example}\n", {"ENV": "development"}, "https://app.example"),
        ("cors: {origins: https://other.example}\n", {"ENV": "development"}, None),
    ],
)
async def test_web_pages_may_call_where_the_settings_say(
    tmp_path: Path, yaml: str, environment: dict[str, str], granted: str | None
) -> None:
    """In production none unless named; in development any, unless some are named."""
    async with a_product(settings_of(tmp_path, yaml, **environment)) as product:
        headers = [(b"origin", b"https://app.example"), (b"access-control-request-method", b"POST")]
        answer = await call(product.application, "OPTIONS", CHAT, headers).answer()
    assert answer.header("access-control-allow-origin") == granted
    assert answer.header("access-control-allow-credentials") is None


async def test_the_rotating_key_rotates_while_the_product_runs(tmp_path: Path) -> None:
    """At the instant its week is over another is valid, and it is not; calls that were under way go on."""
    clock = StepClock()
    settings = settings_of(tmp_path, ADMIN_SECRET="open sesame", TOLLBAR_ADMIN_KEY=ADMIN)
    log = io.BytesIO()

    async def shown(product: Running) -> Any:
        secret = (b"admin-secret", b"open sesame")
        return (await call(product.application, "GET", "/current-key", (secret,)).answer()).json()

    async def status(product: Running, key: str) -> tuple[int, str | None]:
        answer = await call(product.application, "POST", CHAT, (bearer(key), JSON), (a_body(GUIDE),)).answer()
        return answer.status, answer.error["code"] if answer.status != 200 else None

    async with a_product(settings, log, clock) as product:
        first = await shown(product)
        assert await status(product, first["api_key"]) == (200, None)
        clock.go_to(datetime.fromisoformat(first["expiry"]) - timedelta(seconds=1))
        await settled()
        assert await status(product, first["api_key"]) == (200, None)
        clock.advance(1)
        assert await status(product, first["api_key"]) == (401, "key_expired")
        await settled()
        keys = await ask(product, ADMIN, "GET", "/admin/api/keys")
        assert [key["version"] for key in keys["data"] if key["kind"] == "rotating"] == [2]  # though nobody asked
        second = await shown(product)
        assert await status(product, second["api_key"]) == (200, None)
    async with a_product(settings, log, clock) as product:
        assert await shown(product) == second
    clock.advance(8 * 86_400)
    async with a_product(settings, log, clock) as product:
        assert await status(product, second["api_key"]) == (401, "key_expired")
        third = await shown(product)
        assert await status(product, third["api_key"]) == (200, None)
    assert len({key["api_key"] for key in (first, second, third)}) == 3
    assert not [key for key in (first, second, third) if key["api_key"].encode() in log.getvalue()]


async def settled() -> None:
    """Lets what the clock woke run: chores that go to the store's threads and back."""
    for _ in range(20):
        await asyncio.sleep(0.01)


async def test_callers_without_a_key(tmp_path: Path) -> None:
    """Let in where a setting says so, to the models that it names, and counted by address; a wrong key stays wrong."""
    yaml = "anonymous: {models: [tollbar-guide], limits: 3/minute}\n"
    settings = settings_of(tmp_path, yaml, TOLLBAR_ANONYMOUS="true")

    async def status(product: Running, model: str, *headers: tuple[bytes, bytes], client: str = "192.0.2.7") -> int:
        head, body = (*headers, JSON), a_body(model)
        caller = call(product.application, "POST", CHAT, head, (body,), client=(client, 1))
        return (await caller.answer()).status

    async with a_product(settings) as product:
        assert await status(product, GUIDE, bearer("wrong")) == 401
        assert await status(product, "openai/gpt-4o") in {403, 404}
        assert [await status(product, GUIDE) for _ in range(3)] == [200, 200, 429]
        assert await status(product, GUIDE, client="192.0.2.8") == 200
        await asyncio.sleep(2 * POLL_SECONDS)  # whoever has no key is in nobody's store
        assert await status(product, GUIDE, bearer(product.starter_key or "")) == 200
    async with a_product(settings_of(tmp_path, yaml)) as product:
        assert await status(product, GUIDE) == 401


async def test_nothing_is_left_running(tmp_path: Path) -> None:
    """A product that has ended leaves no task behind, and its store free."""
    before = asyncio.all_tasks()
    async with a_product(settings_of(tmp_path)):
        assert asyncio.all_tasks() > before
    assert asyncio.all_tasks() == before
