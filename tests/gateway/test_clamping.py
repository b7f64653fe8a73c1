"""Answers that are made shorter, so that the call fits into what is left."""

from dataclasses import replace

import pytest

from tests.making import PRINCIPAL, Scene, a_body, a_plan, a_request, a_scene, an_arrival
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import OutOfCredit
from tollbar.domain.identity import Principal
from tollbar.domain.money import Unit
from tollbar.gateway.clamping import Clamp
from tollbar.gateway.estimate import estimate
from tollbar.gateway.visit import Visit
from tollbar.wire.shortening import shortened

pytestmark = pytest.mark.anyio


def clamping(unit: Unit, amount: int) -> tuple[Scene, Principal]:
    """A gateway that clamps, and a key with so much."""
    scene = a_scene()
    scene.gateway.clamp = Clamp(scene.gateway.admission, shortened)
    return scene, replace(PRINCIPAL, allowances=(scene.ledger.grant(unit, amount),))


async def call(scene: Scene, principal: Principal, request: CompletionRequest) -> tuple[Visit, int | None]:
    """A call to its end: its visit, and the length that the provider was asked for."""
    async with (
        scene.gateway.enter(principal, an_arrival()) as visit,
        scene.gateway.open(visit, request) as reply,
    ):
        async for _ in reply.events:
            pass
    return visit, scene.main.calls[-1].request.max_tokens


@pytest.mark.parametrize("unit", [Unit.TOKENS, Unit.DOLLARS])
async def test_the_longest_answer_that_fits_is_asked_for(unit: Unit) -> None:
    """To the token; a call that fits is left as it is, with a length or without."""
    bounds = estimate(a_request(max_tokens=40), a_plan(), 1)
    amount = bounds.most_tokens if unit is Unit.TOKENS else bounds.most_nano_dollars or 0
    for length in (5_000, None):
        scene, principal = clamping(unit, amount)
        visit, asked = await call(scene, principal, a_request(max_tokens=length))
        assert (visit.clamped, asked) == (40, 40)
        scene, principal = clamping(unit, 10**12)
        visit, asked = await call(scene, principal, a_request(max_tokens=length))
        assert (visit.clamped, asked) == (None, length)


async def test_where_no_answer_fits_the_usual_rule_holds() -> None:
    """What is expected to fit is admitted and holds all that is left; what is not, and credits, are refused."""
    size = len(a_body(max_tokens=5)) // 4
    scene, principal = clamping(Unit.TOKENS, size + 5)
    visit, asked = await call(scene, principal, a_request(max_tokens=5))
    assert (visit.clamped, asked) == (None, 5)
    for unit in (Unit.TOKENS, Unit.CREDITS):
        scene, principal = clamping(unit, 0)
        with pytest.raises(OutOfCredit):
            await call(scene, principal, a_request(max_tokens=5))
        assert scene.ledger.open == {}


async def test_what_others_took_meanwhile_is_looked_at_again() -> None:
    """It is lowered once more."""
    scene, principal = clamping(Unit.TOKENS, estimate(a_request(max_tokens=40), a_plan(), 1).most_tokens)
    [allowance] = principal.allowances
    points: list[str] = []

    async def hook(point: str) -> None:
        points.append(point)
        if points == ["reserve.before", "reserve.before"]:
            scene.ledger._spent[allowance] += 10

    scene.ledger.hook = hook
    visit, asked = await call(scene, principal, a_request(max_tokens=5_000))
    assert (visit.clamped, asked) == (30, 30)
