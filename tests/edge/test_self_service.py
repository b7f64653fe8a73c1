"""`/generate_api`: a key for whoever asks, one for each address, once a setting says so."""

import re
from ipaddress import ip_network
from typing import Any

import pytest

from tests.edge.stage import Answer, Stage, a_stage, bearer, call
from tollbar.admin.self_service import SelfServiceTerms
from tollbar.domain.digest import place_text
from tollbar.domain.limits import parse_rate
from tollbar.edge.address import Addresses
from tollbar.edge.services import Doors
from tollbar.gateway.rates import PageGate, Rates

pytestmark = pytest.mark.anyio

HOST = (b"host", b"localhost:8000")


async def a_generous_stage(**doors: Any) -> Stage:
    """A stage that hands out keys."""
    stage = await a_stage()
    gate = PageGate(stage.scene.counters, Rates((parse_rate("100/day"), parse_rate("20/minute"))))
    stage.rebuild(Doors(gate=gate, self_service=SelfServiceTerms(), public_url="https://llm.example.org", **doors))
    return stage


async def fetch(
    stage: Stage, *headers: tuple[bytes, bytes], client: Any = ("192.0.2.7", 1), method: str = "GET"
) -> Answer:
    """The answer to a caller at an address."""
    return await call(stage.application, method, "/generate_api", (HOST, *headers), client=client).answer()


async def test_the_answer_is_exactly_that_of_the_contract() -> None:
    """Three fields under their names, in their order; and no cache keeps it."""
    stage = await a_generous_stage()
    answer = await fetch(stage)
    assert (answer.status, list(answer.json())) == (200, ["One Time API key", "Generation Time", "!"])
    assert re.fullmatch(r"[A-Za-z0-9]{31}", answer.json()["One Time API key"])
    assert answer.json()["Generation Time"] == "2026-01-01 02:00:00"
    assert answer.json()["!"] == "Don't share this secret API key."
    assert answer.header("cache-control") == "no-store"
    assert answer.header("x-ratelimit-remaining-requests") == "19"
    assert len(stage.changed_keys) == 1


async def test_the_key_works_from_its_address_alone() -> None:
    """From elsewhere it is as unknown as any."""
    stage = await a_generous_stage()
    secret = (await fetch(stage)).json()["One Time API key"]
    hosts = ("192.0.2.7", "192.0.2.8")
    asked = [call(stage.application, "GET", "/v1/me", [bearer(secret)], client=(host, 1)) for host in hosts]
    here, elsewhere = [await one.answer() for one in asked]
    assert (here.status, here.json()["kind"]) == (200, "self_service")
    assert (elsewhere.status, elsewhere.error["code"]) == (401, "invalid_api_key")


async def test_a_second_key_is_refused() -> None:
    """409, and no part of the first; IPv6 by networks of 64 bits; trying again is no use."""
    stage = await a_generous_stage()
    first = (await fetch(stage, client=("2001:db8::1", 1))).json()["One Time API key"]
    again = await fetch(stage, client=("2001:db8::ffff", 1))
    assert (again.status, again.error["code"], again.header("x-should-retry")) == (409, "KEY_ALREADY_ISSUED", "false")
    assert not [first[start : start + 4] for start in range(28) if first[start : start + 4] in again.body.decode()]
    assert (await fetch(stage, client=("2001:db8:0:1::1", 1))).status == 200


async def test_it_is_off_until_a_setting_says_otherwise() -> None:
    """Then there is nothing here."""
    answer = await fetch(await a_stage())
    assert (answer.status, answer.error["code"]) == (404, "NOT_FOUND")


async def test_a_head_request_makes_no_key() -> None:
    """It would be lost."""
    stage = await a_generous_stage()
    answer = await fetch(stage, method="HEAD")
    assert (answer.status, answer.header("allow")) == (405, "GET")
    assert (await fetch(stage)).status == 200


@pytest.mark.parametrize(
    "header",
    [(b"sec-fetch-site", b"cross-site"), (b"sec-purpose", b"prefetch"), (b"host", b"rebound.example")],
)
async def test_another_site_cannot_fetch_it_for_a_visitor(header: tuple[bytes, bytes]) -> None:
    """The visitor's one key is not burnt."""
    stage = await a_generous_stage()
    headers = [header] if header[0] == b"host" else [HOST, header]
    refused = await call(stage.application, "GET", "/generate_api", headers).answer()
    assert (refused.status, refused.error["code"]) == (403, "FORBIDDEN")
    public = await call(stage.application, "GET", "/generate_api", [(b"host", b"llm.example.org")]).answer()
    assert public.status == 200


async def test_everybody_behind_a_proxy_has_a_key_of_their_own() -> None:
    """A proxy that does not say for whom it asks is a fault of the installation: 503, and no key for all together."""
    stage = await a_generous_stage(addresses=Addresses((ip_network("10.0.0.0/8"),)))
    proxy: Any = ("10.0.0.1", 1)
    assert (await fetch(stage, client=proxy)).status == 503
    answers = [await fetch(stage, (b"x-forwarded-for", b"203.0.113.%d" % n), client=proxy) for n in (1, 2, 1)]
    assert [answer.status for answer in answers] == [200, 200, 409]
    assert (await fetch(stage, (b"x-forwarded-for", b"junk"), client=proxy)).status == 422


async def test_a_caller_without_an_address_gets_none() -> None:
    """All callers of a Unix socket would be one."""
    assert (await fetch(await a_generous_stage(), client=None)).status == 403


async def test_what_is_stored_is_not_the_address() -> None:
    """Its digest is."""
    stage = await a_generous_stage()
    await fetch(stage)
    (key,) = [key for key in await stage.scene.keys.list() if key.bound_to]
    assert key.bound_to == place_text("192.0.2.7").encode()  # the stage's digest is the text itself
    assert (await stage.admin("GET", f"/admin/api/keys/{key.id}")).json()["is_bound"] is True


async def test_twenty_in_any_minute() -> None:
    """Refusals count as well; the limit is told."""
    stage = await a_generous_stage()
    answers = [await fetch(stage) for _ in range(21)]
    assert [answer.status for answer in answers] == [200, *[409] * 19, 429]
    assert answers[-1].error["message"] == "Rate limit exceeded: 20 per 1 minute"
