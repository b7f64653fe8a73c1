"""Which limits are charged: of the caller, its address, the route."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.fakes import FakeClock
from tests.making import PRINCIPAL
from tollbar.counters.memory import MemoryCounters
from tollbar.domain.errors import RateLimited
from tollbar.domain.identity import KeyKind, Principal
from tollbar.domain.limits import Charge, Limit, Measure
from tollbar.gateway.rates import CALLERS_ONLY, REMEMBERED, PageGate, Rates, RouteRate, refusal
from tollbar.gateway.terms import scope_of

pytestmark = pytest.mark.anyio

HERE = "192.0.2.7"
DAILY, PER_MINUTE = Limit(Measure.REQUESTS, 100, 86_400), Limit(Measure.REQUESTS, 20, 60)
TEN, OTHER = Limit(Measure.REQUESTS, 10, 60), Limit(Measure.REQUESTS, 5, 60)
AT_ONCE, TOKENS = Limit(Measure.CONCURRENCY, 2, 0), Limit(Measure.TOKENS, 9, 60)
LIMITED = replace(PRINCIPAL, limits=(OTHER, AT_ONCE, TOKENS))
ANONYMOUS = Principal("anonymous", "anonymous", kind=KeyKind.ANONYMOUS, limits=(OTHER, AT_ONCE, TOKENS))
RATES = Rates(
    (DAILY, PER_MINUTE),
    (
        RouteRate("/generate", (TEN,)),
        RouteRate("/v1/*", (TEN,), is_per_key=True),
        RouteRate("/v1/chat/*", (OTHER,)),
        RouteRate("/v1/chat/free", ()),
    ),
)


def taken(route: str, principal: Principal = PRINCIPAL, rates: Rates = RATES) -> Sequence[Charge]:
    """What a request on a route is charged."""
    return list(rates.of_place(route, principal, HERE))


def test_nothing_is_charged_where_nothing_holds() -> None:
    """Most calls; the limits of a caller are not those of a place."""
    for principal in (PRINCIPAL, LIMITED, ANONYMOUS):
        assert taken("/elsewhere", principal) == []
    assert taken("/v1/chat/free") == []
    assert taken("/generate", rates=CALLERS_ONLY) == []


def test_callers_without_a_key_are_told_apart_by_address() -> None:
    """Their limits are counted for each address, those of a key wherever it is used."""
    assert scope_of(ANONYMOUS, HERE) == f"anonymous:{HERE}"
    assert scope_of(LIMITED, HERE) == scope_of(LIMITED, "198.51.100.1") == "key:key"


@pytest.mark.parametrize("principal", [PRINCIPAL, LIMITED, ANONYMOUS])
def test_limits_of_an_address_hold_for_everybody_on_two_routes(principal: Principal) -> None:
    """They count together, whatever limits the caller has of its own."""
    both = [Charge(f"address:{HERE}", DAILY), Charge(f"address:{HERE}", PER_MINUTE)]
    assert taken("/response", principal) == taken("/generate_api", principal) == both


def test_limits_of_a_route_are_for_callers_without_limits_of_their_own() -> None:
    """By address or by key; a caller without a key is counted by address even where keys are counted."""
    assert taken("/generate") == [Charge(f"route:/generate:{HERE}", TEN)]
    assert taken("/generate", LIMITED) == []
    assert taken("/v1/models") == [Charge("route:/v1/*:key", TEN)]
    assert taken("/v1/models", ANONYMOUS) == [Charge(f"route:/v1/*:{HERE}", TEN)]


def test_the_most_exact_entry_holds() -> None:
    """The path itself, else the longest beginning; the paths below one beginning count together."""
    assert taken("/v1/chat/completions") == taken("/v1/chat/other") == [Charge(f"route:/v1/chat/*:{HERE}", OTHER)]
    assert taken("/v1/chat/free") == []
    assert taken("/generate/model") == []


def test_paths_without_end_are_not_remembered_without_end() -> None:
    """A route may have a parameter that callers fill in."""
    rates = Rates(routes=(RouteRate("/v1/*", (TEN,)),))
    for number in range(3 * REMEMBERED):
        assert taken(f"/v1/models/{number}", rates=rates) == [Charge(f"route:/v1/*:{HERE}", TEN)]
    assert len(vars(rates)["_places"]) <= REMEMBERED


async def test_a_page_takes_the_limits_of_its_address() -> None:
    """Of sixty at once as many pass as the tightest limit lets; the refusal names it, and says how all stand."""
    clock = FakeClock()
    gate = PageGate(MemoryCounters(clock), RATES)
    asked = [gate.enter("/generate_api", None, HERE) for _ in range(60)]
    ends = await asyncio.gather(*asked, return_exceptions=True)
    refused = [end for end in ends if isinstance(end, RateLimited)]
    assert (len(ends) - len(refused), len(refused)) == (20, 40)
    assert refused[0].message == "Rate limit exceeded: 20 per 1 minute"
    assert refused[0].details["scope"] == "address"
    assert [room.remaining for room in refused[0].rooms] == [80, 0]
    assert len(await gate.enter("/generate_api", None, "198.51.100.1")) == 2
    assert await gate.enter("/elsewhere", None, HERE) == ()
    clock.advance(refused[0].retry_after_seconds)
    assert [room.remaining for room in await gate.enter("/generate_api", None, HERE)] == [79, 19]


def test_a_refusal_says_what_was_refused() -> None:
    """In the contract's words; calls at once have words of their own."""
    assert refusal(Charge("route:/generate:x", TEN), 3.0, ()).details == {
        "limit": "10 per 1 minute",
        "measure": "requests",
        "scope": "route",
    }
    assert refusal(Charge("key:x", AT_ONCE), 1.0, ()).message == "Too many calls: 2 at once"
