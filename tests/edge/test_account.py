"""What the holder of a key may know of it."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.edge.stage import CALL_KEY, OTHER_KEY, a_stage, bearer
from tests.fakes import FakeClock
from tests.making import BOUNDS, a_plan, a_visit
from tollbar.domain.limits import Limit, Measure
from tollbar.domain.money import NANO_PER_DOLLAR, Unit
from tollbar.gateway.entries import estimated
from tollbar.ports.keys import KeyChange
from tollbar.ports.money import Claim

pytestmark = pytest.mark.anyio

ID = CALL_KEY[8:18]
KEY = bearer(CALL_KEY)
ESTIMATE = estimated(a_visit(), a_plan(), BOUNDS, FakeClock().now())


async def test_a_key_without_bounds_says_so() -> None:
    """Every model, no limit, no allowance, no expiry; the public id, and no part of the secret."""
    stage = await a_stage()
    answer = await stage.ask("GET", "/v1/me", KEY)
    assert answer.json() == {
        "object": "key",
        "id": ID,
        "name": "caller",
        "kind": "issued",
        "tier": None,
        "credits_per_call": 1,
        "expires_at": None,
        "models": ["*"],
        "limits": [],
        "team": None,
        "allowances": [],
    }
    assert CALL_KEY[18:] not in answer.body.decode()
    assert answer.header("cache-control") == "no-store"


async def test_limits_are_told_to_people_and_programs() -> None:
    """Each with its text, measure, amount and window."""
    limits = (Limit(Measure.REQUESTS, 20, 60), Limit(Measure.TOKENS, 9, 3_600), Limit(Measure.CONCURRENCY, 4, 0))
    stage = await a_stage(key_limits=limits, key_models=("gpt-*",))
    told = (await stage.ask("GET", "/v1/me", KEY)).json()
    assert told["models"] == ["gpt-*"]
    assert told["limits"] == [
        {"text": "20 per 1 minute", "measure": "requests", "amount": 20, "window_seconds": 60},
        {"text": "9 per 1 hour", "measure": "tokens", "amount": 9, "window_seconds": 3_600},
        {"text": "4 at once", "measure": "concurrency", "amount": 4, "window_seconds": 0},
    ]


async def test_allowances_are_exact_and_add_up() -> None:
    """Dollars to the last of nine decimals as JSON numbers, credits and tokens whole; what calls hold is shown."""
    stage = await a_stage()
    ledger = stage.scene.ledger
    dollars = ledger.grant(Unit.DOLLARS, 10 * NANO_PER_DOLLAR, ID)
    ledger.grant(Unit.CREDITS, 100, ID)
    ledger.grant(Unit.DOLLARS, 987_654_321_987_654_321, ID)
    await ledger.reserve("r1", [Claim(dollars, 10_001, 1)], lambda: ESTIMATE)
    answer = await stage.ask("GET", "/v1/me", KEY)
    told = json.loads(answer.body, parse_float=Decimal)["allowances"]
    end = {
        "holder": "key",
        "reset": "never",
        "time_zone": "UTC",
        "resets_at": None,
        "top_up": None,
        "top_up_until": None,
    }
    assert told == [
        {
            "unit": "dollars",
            "granted": 10,
            "spent": 0,
            "held": Decimal("0.000010001"),
            "left": Decimal("9.999989999"),
            **end,
        },
        {"unit": "credits", "granted": 100, "spent": 0, "held": 0, "left": 100, **end},
        {
            "unit": "dollars",
            "granted": Decimal("987654321.987654321"),
            "spent": 0,
            "held": 0,
            "left": Decimal("987654321.987654321"),
            **end,
        },
    ]


async def test_an_allowance_below_nothing_is_told_as_it_is() -> None:
    """An overrun is shown, not hidden."""
    stage = await a_stage()
    ledger = stage.scene.ledger
    tokens = ledger.grant(Unit.TOKENS, 10, ID)
    await ledger.settle(await ledger.reserve("r1", [Claim(tokens, 10, 10)], lambda: ESTIMATE), [(tokens, 12)], [])
    told = (await stage.ask("GET", "/v1/me", KEY)).json()["allowances"][0]
    assert (told["spent"], told["left"]) == (12, -2)


async def test_moments_are_in_utc() -> None:
    """RFC 3339, so that every language reads them."""
    stage = await a_stage()
    await stage.scene.keys.change(ID, KeyChange(expires_at=stage.scene.clock.now() + timedelta(days=1)))
    assert (await stage.ask("GET", "/v1/me", KEY)).json()["expires_at"] == "2026-01-02T02:00:00Z"


async def test_a_key_sees_itself_alone() -> None:
    """Another's allowances are nowhere in the answer, and looking costs nothing."""
    stage = await a_stage()
    await stage.add_key(OTHER_KEY, "other")
    stage.scene.ledger.grant(Unit.CREDITS, 5, OTHER_KEY[8:18])
    answer = await stage.ask("GET", "/v1/me", KEY)
    assert answer.json()["allowances"] == []
    assert b"other" not in answer.body
    assert stage.scene.records == []


async def test_an_expired_key_is_told_so() -> None:
    """401 with its own code, at the moment it ends."""
    stage = await a_stage()
    await stage.scene.keys.change(ID, KeyChange(expires_at=stage.scene.clock.now() + timedelta(seconds=1)))
    assert (await stage.ask("GET", "/v1/me", KEY)).status == 200
    stage.scene.clock.advance(1)
    answer = await stage.ask("GET", "/v1/me", KEY)
    assert (answer.status, answer.error["code"]) == (401, "key_expired")
