"""Who may use a page: each row's class of access, and nothing beside the table."""

from ipaddress import ip_network

import pytest
from fastapi import FastAPI, Request

from tests.edge.stage import ADMIN_KEY, CALL_KEY, OTHER_KEY, Answer, Stage, a_stage, bearer, call
from tests.edge.test_errors import DIALECT_PLACES, SWITCHED_OFF, filled, word
from tollbar.domain.identity import KEY_PREFIX, KeyKind, Principal
from tollbar.domain.limits import parse_rate
from tollbar.edge.address import Addresses
from tollbar.edge.application import control_plane
from tollbar.edge.guards import guard, is_from_this_machine, refuse_unguarded, unguarded
from tollbar.edge.routes import CALLS, PAGES, Access
from tollbar.edge.services import Doors
from tollbar.gateway.authenticate import Authenticator, CallerTerms
from tollbar.gateway.rates import PageGate, Rates, RouteRate

pytestmark = pytest.mark.anyio

LOOPBACK = ("127.0.0.1", 50_000)


def rows(access: Access) -> list[tuple[str, str]]:
    """The method and address of every row of a class."""
    return [(row.method, filled(row.path)) for row in (*CALLS, *PAGES) if row.access is access]


async def refusal(stage: Stage, method: str, path: str, *headers: tuple[bytes, bytes]) -> tuple[int, str]:
    """The status and code of a refusal; 0 and nothing when the guard lets through."""
    answer = await stage.ask(method, path, *headers)
    return (answer.status, answer.error["code"].lower()) if answer.status in {401, 403} else (0, "")


def missing(path: str) -> tuple[int, str]:
    """The refusal of a caller without a key: the unified shape has one code for all that is wrong with one."""
    return (401, word(path, "missing_api_key") if path.startswith(DIALECT_PLACES) else "invalid_api_key")


async def test_public_pages_ask_for_nothing() -> None:
    """Health and documents answer without a key, and do not mind one that is wrong."""
    stage = await a_stage()
    for method, path in rows(Access.PUBLIC):
        if path in SWITCHED_OFF:
            continue
        assert (await stage.ask(method, path, bearer("nonsense"))).status == 200


async def test_pages_for_keys_want_a_key_for_calls() -> None:
    """No key is 401, a wrong one 401, the admin key 403."""
    for method, path in rows(Access.KEY):
        stage = await a_stage()
        stage.is_ready = False  # so that a stream of events ends
        assert await refusal(stage, method, path) == missing(path)
        assert await refusal(stage, method, path, bearer("sk-nobody")) == (401, word(path, "invalid_api_key"))
        assert await refusal(stage, method, path, bearer(ADMIN_KEY)) == (403, word(path, "forbidden"))
        assert await refusal(stage, method, path, bearer(CALL_KEY)) == (0, "")


async def test_admin_pages_want_the_admin_key() -> None:
    """No key is 401, a key for calls 403, and the remedy is named."""
    for method, path in rows(Access.ADMIN):
        stage = await a_stage()
        assert await refusal(stage, method, path) == missing(path)
        assert await refusal(stage, method, path, bearer(CALL_KEY)) == (403, "forbidden")
        assert await refusal(stage, method, path, bearer(ADMIN_KEY)) == (0, "")
    stage = await a_stage()
    answer = await stage.ask("GET", "/admin/api/keys", bearer(CALL_KEY))
    assert "tollbar admin reset" in answer.error["message"]


@pytest.mark.parametrize(
    "header",
    [
        (b"authorization", b"Basic " + ADMIN_KEY.encode()),
        (b"authorization", b"Bearer"),
        (b"authorization", b"Bearer " + ADMIN_KEY[:-1].encode()),
        (b"authorization", b"Bearer " + ADMIN_KEY.lower().encode()),
        (b"authorization", b"Bearer " + KEY_PREFIX.encode()),
        (b"authorization", b"Bearer ' OR 1=1 --"),
        (b"authorization", b"Bearer " + ADMIN_KEY.encode() + b"\x00"),
        (b"authorization", b"Bearer \xff\xfe"),
        (b"x-api-key", b"*"),
        (b"x-api-key", b"admin"),
        (b"cookie", b"key=" + ADMIN_KEY.encode()),
        (b"proxy-authorization", b"Bearer " + ADMIN_KEY.encode()),
        (b"x-forwarded-for", b"127.0.0.1"),
        (b"host", b"localhost"),
    ],
)
async def test_mangled_credentials_open_nothing(header: tuple[bytes, bytes]) -> None:
    """Near misses, injections and keys in wrong places are 401 on every admin page."""
    found = rows(Access.ADMIN)
    for start in range(0, len(found), 15):  # after twenty bad keys, an address is told to wait
        stage = await a_stage()
        for method, path in found[start : start + 15]:
            status, _ = await refusal(stage, method, path, header)
            assert status == 401


async def test_a_key_in_the_address_opens_nothing() -> None:
    """A query parameter is never a credential."""
    stage = await a_stage()
    query = f"api_key={ADMIN_KEY}&key={ADMIN_KEY}".encode()
    caller = call(stage.application, "GET", "/admin/api/keys", query_string=query)
    assert (await caller.answer()).error["code"] == "INVALID_API_KEY"


async def test_bad_keys_are_counted_per_address_and_good_ones_still_pass() -> None:
    """After twenty wrong keys in a minute an address hears 429 for wrong ones; a right one from there is served."""
    stage = await a_stage()
    answers = [await stage.ask("GET", "/v1/models", bearer("wrong")) for _ in range(21)]
    assert [answer.status for answer in answers] == [401] * 20 + [429]
    assert answers[-1].header("retry-after") is not None
    assert answers[-1].header("x-should-retry") is None
    assert (await stage.ask("GET", "/v1/models", bearer(CALL_KEY))).status == 200


async def test_bad_keys_are_counted_for_the_caller_behind_a_proxy() -> None:
    """IPv6 by networks of 64 bits, on pages and calls together; another network is not held to account."""
    stage = await a_stage()
    stage.rebuild(Doors(Addresses((ip_network("192.0.2.0/24"),))))

    async def status(address: str, method: str = "GET", path: str = "/v1/models") -> int:
        headers = (bearer("wrong"), (b"x-forwarded-for", address.encode()))
        return (await stage.ask(method, path, *headers)).status

    assert [await status(f"2001:db8::{number:x}") for number in range(20)] == [401] * 20
    assert [await status("2001:db8::ffff"), await status("2001:db8:0:1::1")] == [429, 401]
    assert await status("2001:db8::fff1", "POST", "/v1/chat/completions") == 429


def limited(stage: Stage, *, trusted: str | None = None, **routes: str) -> None:
    """Gives the stage limits of routes: `health="2/minute"`."""
    entries = [RouteRate(f"/{name.replace('__', '/')}", (parse_rate(rate),)) for name, rate in routes.items()]
    gate = PageGate(stage.scene.counters, Rates(routes=entries))
    stage.rebuild(Doors(Addresses((ip_network(trusted),) if trusted else ()), gate=gate))


async def test_pages_have_the_limits_of_their_routes() -> None:
    """The answers tell how the limit stands, the refusal in the contract's words when to come back."""
    stage = await a_stage()
    limited(stage, health="2/minute", docs="1/hour")
    answers = [await stage.ask("GET", "/health") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.header("x-ratelimit-remaining-requests") for answer in answers] == ["1", "0", "0"]
    assert answers[-1].error["message"] == "Rate limit exceeded: 2 per 1 minute"
    assert 1 <= int(answers[-1].header("retry-after") or "") <= 61
    assert (await stage.ask("GET", "/healthz")).header("x-ratelimit-limit-requests") is None
    assert [(await stage.ask("GET", "/docs")).status for _ in range(2)] == [200, 429]


async def test_pages_for_keys_have_limits_unless_the_key_has_its_own() -> None:
    """A wrong key takes nothing of the route's limit: it has a count of its own."""
    stage = await a_stage()
    limited(stage, v1__me="2/minute")
    await stage.add_key(OTHER_KEY, "limited", limits=(parse_rate("100/minute"),))
    answers = [(await stage.ask("GET", "/v1/me", bearer("wrong"))).status for _ in range(5)]
    answers += [(await stage.ask("GET", "/v1/me", bearer(CALL_KEY))).status for _ in range(3)]
    answers += [(await stage.ask("GET", "/v1/me", bearer(OTHER_KEY))).status for _ in range(3)]
    assert answers == [401] * 5 + [200, 200, 429] + [200] * 3


async def test_probes_of_health_are_not_counted() -> None:
    """From this machine and from trusted networks; whoever comes through a trusted proxy is counted."""
    stage = await a_stage()
    limited(stage, health="1/minute", docs="1/minute", trusted="10.0.0.0/8")

    async def statuses(path: str, client: str, *headers: tuple[bytes, bytes]) -> list[int]:
        asked = [call(stage.application, "GET", path, headers, client=(client, 1)) for _ in range(3)]
        return [(await one.answer()).status for one in asked]

    host = (b"host", b"localhost:8000")
    assert await statuses("/health", "127.0.0.1", host) == [200, 200, 200]
    assert await statuses("/health", "10.1.2.3") == [200, 200, 200]
    assert await statuses("/health", "10.1.2.3", (b"x-forwarded-for", b"203.0.113.9")) == [200, 429, 429]
    assert await statuses("/health", "127.0.0.1", host, (b"x-forwarded-for", b"127.0.0.1")) == [200, 429, 429]
    assert await statuses("/docs", "10.1.2.3") == [200, 429, 429]


async def test_callers_without_a_key_reach_pages_for_keys_where_they_are_let_in() -> None:
    """Those and no others: the administration and the metrics stay shut, and a wrong key is wrong."""
    stage = await a_stage()
    keys, clock = stage.scene.keys, stage.scene.clock
    anonymous = Principal("anonymous", "anonymous", kind=KeyKind.ANONYMOUS)
    authenticator = Authenticator(
        keys, lambda text: text.encode(), stage.scene.counters, clock, CallerTerms(anonymous=anonymous)
    )
    stage.scene.gateway.authenticator = authenticator
    assert (await stage.ask("GET", "/v1/me")).json()["kind"] == "anonymous"
    assert (await stage.ask("GET", "/v1/models")).status == 200
    assert (await stage.ask("GET", "/v1/me", bearer("wrong"))).status == 401
    assert (await stage.ask("GET", "/admin/api/keys")).error["code"] == "INVALID_API_KEY"
    assert (await stage.ask("GET", "/metrics")).status == 401


async def metrics(stage: Stage, *headers: tuple[bytes, bytes], client: tuple[str, int] | None = LOOPBACK) -> Answer:
    """The answer of /metrics to a caller."""
    return await call(stage.application, "GET", "/metrics", headers, client=client).answer()


async def test_metrics_are_for_this_machine_or_the_admin_key() -> None:
    """A program on this machine needs no key; everybody else needs the admin key; a wrong key is never forgiven."""
    stage = await a_stage()
    here, there = (b"host", b"localhost:8000"), ("192.0.2.7", 1)
    assert (await metrics(stage, here)).status == 200
    assert (await metrics(stage, here, client=("::1", 1))).status == 200
    assert (await metrics(stage, here, client=("::ffff:127.0.0.1", 1))).status == 200
    assert (await metrics(stage, here, bearer(ADMIN_KEY), client=there)).status == 200
    assert (await metrics(stage, here, client=there)).status == 401
    assert (await metrics(stage, here, client=None)).status == 401
    assert (await metrics(stage, here, bearer("wrong"))).status == 401
    assert (await metrics(stage, here, bearer(CALL_KEY))).status == 403


@pytest.mark.parametrize(
    "header",
    [
        (b"x-forwarded-for", b"127.0.0.1"),
        (b"forwarded", b"for=127.0.0.1"),
        (b"x-real-ip", b"127.0.0.1"),
        (b"via", b"1.1 proxy"),
        (b"host", b"rebound.example"),
        (b"host", b"localhost.example"),
        (b"host", b"127.0.0.1.example:8000"),
    ],
)
async def test_what_came_through_a_proxy_or_by_another_name_is_not_from_here(header: tuple[bytes, bytes]) -> None:
    """A proxy on this machine, and a page that rebinds its name to it, do not make strangers local."""
    stage = await a_stage()
    assert (await metrics(stage, header)).status == 401


def test_a_request_without_a_host_is_from_where_its_socket_is() -> None:
    """HTTP/1.0 probes send no Host."""
    request = Request({"type": "http", "headers": [], "client": LOOPBACK})
    assert is_from_this_machine(request) is True


async def test_the_real_application_is_guarded() -> None:
    """Every address of the control plane is a row of the table, with its row's guard."""
    stage = await a_stage()
    app = control_plane(stage.services)
    assert unguarded(app) == []


async def test_an_address_beside_the_table_keeps_the_server_from_starting() -> None:
    """A route that nobody entered, a wrong handler, and a missing guard are each named."""
    stage = await a_stage()

    async def extra() -> None:
        """A page that somebody forgot to enter."""

    app = control_plane(stage.services)
    app.add_api_route("/debug", extra)
    app.add_api_route("/health", extra)
    app.add_api_route("/v1/me", next(page.handler for page in PAGES if page.path == "/v1/me"))
    app.mount("/files", FastAPI(openapi_url=None))
    assert unguarded(app) == ["/debug", "/health", "/v1/me", "/files"]
    with pytest.raises(RuntimeError, match="/debug, /health, /v1/me, /files"):
        refuse_unguarded(app)


def test_each_class_of_access_has_its_guard() -> None:
    """No two classes share a guard, so that the check can tell them apart."""
    assert len({guard(access) for access in Access}) == len(Access)
