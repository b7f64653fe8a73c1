"""What the settings say of callers, in the product's own values."""

from functools import partial
from ipaddress import ip_network
from pathlib import Path

from tests.app.making import settings_of
from tests.fakes import FakeClock
from tests.making import PRINCIPAL
from tollbar.admin.self_service import SelfServiceTerms
from tollbar.app.callers import STATIC, addresses, doors, rates, terms
from tollbar.counters.memory import MemoryCounters
from tollbar.domain.digest import digest
from tollbar.domain.identity import Grant, KeyKind, Permission, Principal
from tollbar.domain.limits import Limit, Measure
from tollbar.domain.money import Unit
from tollbar.gateway.rates import PageGate


def test_trusted_proxies_are_networks(tmp_path: Path) -> None:
    """Nobody by default; an address alone is a network of one."""
    assert addresses(settings_of(tmp_path)).trusted == ()
    settings = settings_of(tmp_path, "server: {trusted_proxies: [10.1.2.3/8, 127.0.0.1]}\n")
    assert addresses(settings).trusted == (ip_network("10.0.0.0/8"), ip_network("127.0.0.1/32"))


def test_tiers_have_their_price_and_their_name(tmp_path: Path) -> None:
    """Those of the settings, over the two that are there by default."""
    counters = MemoryCounters(FakeClock())
    settings = settings_of(tmp_path, "tiers: {gold: {cost: 0}, basic: {cost: 5}}\n")
    assert terms(settings, str.encode).tiers == {"gold": 0, "basic": 5, "premium": 1}
    assert doors(settings, PageGate(counters, rates(settings)), str.encode, None).tiers == {"gold", "basic", "premium"}


def test_the_documents_are_shown_unless_the_settings_say_so(tmp_path: Path) -> None:
    """`server.documents` closes them."""

    def shown(yaml: str) -> bool:
        settings = settings_of(tmp_path, yaml)
        return doors(settings, PageGate(MemoryCounters(FakeClock()), rates(settings)), str.encode, None).shows_documents

    assert (shown(""), shown("server: {documents: false}\n")) == (True, False)


def test_nobody_is_anonymous_unless_the_settings_say_so(tmp_path: Path) -> None:
    """By the file or by the environment; with models, limits and a price of their own."""
    assert terms(settings_of(tmp_path, "anonymous: {models: [openai/x], cost: 3}\n"), str.encode).anonymous is None
    yaml = "anonymous: {models: [openai/x], limits: 5/minute, cost: 3}\n"
    assert terms(settings_of(tmp_path, yaml, TOLLBAR_ANONYMOUS="true"), str.encode).anonymous == Principal(
        "anonymous",
        "anonymous",
        models=("openai/x",),
        limits=(Limit(Measure.REQUESTS, 5, 60),),
        credit_cost=3,
        kind=KeyKind.ANONYMOUS,
    )


def test_rates_of_the_contract_hold_by_default(tmp_path: Path) -> None:
    """And each can be set: an entry for a route replaces that route's, and no other's."""

    def told(yaml: str, route: str) -> list[str]:
        settings = settings_of(tmp_path, yaml)
        return [str(charge.limit) for charge in rates(settings).of_place(route, PRINCIPAL, "192.0.2.7")]

    assert told("", "/generate_api") == told("", "/response") == ["100 per 1 day", "20 per 1 minute"]
    assert told("", "/generate") == ["10 per 1 minute"]
    assert told("", "/local/generate") == ["20 per 1 minute"]
    assert told("", "/health") == ["30 per 1 minute"]
    assert told("", "/v1/chat/completions") == told("", "/healthz") == []
    yaml = "limits: {per_address: [], routes: {/generate: {per: key, rates: [7/hour]}, '/v1/*': {rates: 9/day}}}\n"
    assert told(yaml, "/response") == []
    assert told(yaml, "/generate") == ["7 per 1 hour"]
    assert told(yaml, "/health") == ["30 per 1 minute"]
    assert told(yaml, "/v1/models") == ["9 per 1 day"]


def test_keys_are_handed_out_on_the_terms_of_the_settings(tmp_path: Path) -> None:
    """Nobody gets one unless they say so."""
    gate = PageGate(MemoryCounters(FakeClock()), rates(settings_of(tmp_path)))
    assert doors(settings_of(tmp_path), gate, str.encode, None).self_service is None
    yaml = "self_service: {models: [openai/x], credits: 5, max_uses: 1, limits: 3/hour, renew: true}\n"
    settings = settings_of(tmp_path, yaml, TOLLBAR_SELF_SERVICE="true")
    assert doors(settings, gate, str.encode, None).self_service == SelfServiceTerms(
        ("openai/x",),
        (Limit(Measure.REQUESTS, 3, 3_600),),
        (Grant(Unit.CREDITS, 5), Grant(Unit.USES, 1)),
        may_renew=True,
    )


def test_the_key_of_the_environment_opens_calls(tmp_path: Path) -> None:
    """Under the name that it has there; by its digest, so that nothing here holds it."""
    assert terms(settings_of(tmp_path), str.encode).fixed == {}
    made = terms(settings_of(tmp_path, x_api_key="swordfish-1"), partial(digest, b"pepper"))
    assert made.fixed == {digest(b"pepper", "swordfish-1"): STATIC}
    assert (STATIC.kind, STATIC.permission, STATIC.credit_cost) == (KeyKind.STATIC, Permission.CALL, 1)
