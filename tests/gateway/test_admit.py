"""Two gates, and holds that end by whichever door a call is left."""

import asyncio
from dataclasses import replace

import pytest

from tests.fakes import FakeClock, HookedCounters, MemoryLedger
from tests.making import BOUNDS, PRINCIPAL, TARGET, a_plan, a_visit
from tests.simulation.loop import ProcessLoop
from tests.simulation.world import World
from tollbar.counters.memory import MemoryCounters
from tollbar.domain.errors import OutOfCredit, Overloaded, RateLimited, StreamBroken
from tollbar.domain.identity import AllowanceId, Principal
from tollbar.domain.limits import Charge, Limit, Measure
from tollbar.domain.money import Unit
from tollbar.domain.records import Outcome
from tollbar.gateway.admit import Admission
from tollbar.gateway.visit import Try, Visit

pytestmark = pytest.mark.anyio

PER_MINUTE = Limit(Measure.REQUESTS, 2, 60)
AT_ONCE = Limit(Measure.CONCURRENCY, 1, 0)
TOKENS = Limit(Measure.TOKENS, 50, 60)


class Gate:
    """An admission with all it needs."""

    def __init__(self, *limits: Limit, credits: int | None = None) -> None:  # noqa: A002
        self.clock = FakeClock()
        self.counters = MemoryCounters(self.clock)
        self.ledger = MemoryLedger()
        allowances: tuple[AllowanceId, ...] = ()
        if credits is not None:
            allowances = (self.ledger.grant(Unit.CREDITS, credits),)
        self.principal: Principal = replace(PRINCIPAL, limits=limits, allowances=allowances)
        self.admission = Admission(HookedCounters(self.counters, self.hook), self.ledger, self.clock)

    async def hook(self, point: str) -> None:
        """A real await, so that a cancellation can strike."""
        await asyncio.sleep(0)

    def visit(self) -> Visit:
        """A call of the key."""
        return a_visit(self.principal)

    async def left(self, limit: Limit) -> int:
        """What is left of one of the limits."""
        return (await self.counters.take([Charge("key:key", limit, 0)])).rooms[0].remaining


async def test_the_first_gate_takes_requests_and_slots() -> None:
    """All or none; tokens are the second gate's."""
    gate = Gate(PER_MINUTE, AT_ONCE, TOKENS)
    visit = gate.visit()
    await gate.admission.enter(visit)
    assert [(room.limit, room.remaining) for room in visit.rooms] == [(PER_MINUTE, 1), (AT_ONCE, 0)]
    with pytest.raises(RateLimited, match="Too many calls: 1 at once"):
        await gate.admission.enter(gate.visit())
    assert await gate.left(PER_MINUTE) == 1
    gate.admission.leave(visit)
    assert (await gate.left(AT_ONCE), await gate.left(PER_MINUTE)) == (1, 1)


async def test_a_refusal_names_the_limit_and_the_wait() -> None:
    """In the contract's words, with what a client needs to try again."""
    gate = Gate(PER_MINUTE)
    for _ in range(2):
        await gate.admission.enter(gate.visit())
    visit = gate.visit()
    with pytest.raises(RateLimited) as refusal:
        await gate.admission.enter(visit)
    assert refusal.value.message == "Rate limit exceeded: 2 per 1 minute"
    assert refusal.value.details == {"limit": "2 per 1 minute", "measure": "requests", "scope": "key"}
    assert 0 < refusal.value.retry_after_seconds <= 61
    assert [room.remaining for room in visit.rooms] == [0]


async def test_a_key_without_limits_asks_no_counter() -> None:
    """Nothing to take, nothing to give back."""
    gate = Gate()
    visit = gate.visit()
    await gate.admission.enter(visit)
    gate.admission.leave(visit)
    assert visit.rooms == ()


async def test_the_second_gate_takes_tokens_and_credits() -> None:
    """As expected, and for as long as the block lasts."""
    gate = Gate(TOKENS, credits=5)
    async with gate.admission.hold(gate.visit(), a_plan(), BOUNDS) as hold:
        assert await gate.left(TOKENS) == TOKENS.amount - BOUNDS.expected_tokens
        assert hold.reservation.held(gate.principal.allowances[0]) == BOUNDS.credits
    assert await gate.left(TOKENS) == TOKENS.amount
    assert gate.ledger.open == {}


async def test_a_long_completion_does_not_keep_a_short_prompt_out() -> None:
    """A call that is expected to use more than the whole limit takes all of it; one whose prompt does is refused."""
    gate = Gate(TOKENS)
    async with gate.admission.hold(gate.visit(), a_plan(), BOUNDS._replace(expected_tokens=5_000)):
        assert await gate.left(TOKENS) == 0
    with pytest.raises(RateLimited, match=r"Rate limit exceeded: 50 per 1 minute \(tokens\)"):
        async with gate.admission.hold(gate.visit(), a_plan(), BOUNDS._replace(prompt_tokens=51, expected_tokens=60)):
            pass


async def test_a_refusal_for_credit_gives_the_tokens_back() -> None:
    """All or nothing."""
    gate = Gate(TOKENS, credits=2)
    with pytest.raises(OutOfCredit):
        async with gate.admission.hold(gate.visit(), a_plan(), BOUNDS):
            pass
    assert await gate.left(TOKENS) == TOKENS.amount
    assert gate.ledger.open == {}


async def test_exactly_as_many_calls_pass_as_there_are_credits() -> None:
    """Fifty at once on seven calls' worth: seven, whatever the interleaving."""
    gate = Gate(credits=7 * BOUNDS.credits)
    gate.ledger.hook = gate.hook
    passed = asyncio.Event()

    async def call() -> bool:
        visit = gate.visit()
        try:
            async with gate.admission.hold(visit, a_plan(), BOUNDS) as hold:
                await passed.wait()
                await hold.settle(Outcome.OK)
        except OutOfCredit:
            return False
        return True

    calls = [asyncio.create_task(call()) for _ in range(50)]
    for _ in range(5):
        await asyncio.sleep(0)
    passed.set()
    assert sum(await asyncio.gather(*calls)) == 7
    assert gate.ledger.left(gate.principal.allowances[0]) == 0


@pytest.mark.parametrize(
    ("fault", "delivered", "outcome"),
    [
        (None, False, Outcome.ABANDONED),
        (None, True, Outcome.ABANDONED),
        (asyncio.CancelledError(), True, Outcome.ABANDONED),
        (GeneratorExit(), False, Outcome.ABANDONED),
        (StreamBroken("Cut."), True, Outcome.BROKEN),
        (StreamBroken("Cut."), False, Outcome.FAILED),
        (Overloaded("No."), False, Outcome.FAILED),
        (RuntimeError("a fault of ours"), True, Outcome.BROKEN),
    ],
)
async def test_every_door_ends_the_hold(fault: BaseException | None, delivered: bool, outcome: Outcome) -> None:
    """Once, with the outcome that fits; the fault goes through."""
    gate = Gate(credits=5)
    visit = gate.visit()
    visit.tries = [Try(TARGET, 0.0)]

    async def call() -> None:
        async with gate.admission.hold(visit, a_plan(), BOUNDS):
            visit.first_token_at = 1.0 if delivered else None
            if fault is not None:
                raise fault

    if fault is None:
        await call()
    else:
        with pytest.raises(type(fault)) as raised:
            await call()
        assert raised.value is fault
    assert (visit.outcome, gate.ledger.open, len(gate.ledger.charged)) == (outcome, {}, 1)


async def test_an_interrupted_call_was_not_left_by_its_caller() -> None:
    """We ended it, so it is no success."""
    gate = Gate(credits=5)
    for delivered, outcome in ((True, Outcome.BROKEN), (False, Outcome.FAILED)):
        visit = gate.visit()
        visit.interruption = Overloaded("We are going down.")
        visit.first_token_at = 1.0 if delivered else None
        with pytest.raises(asyncio.CancelledError):
            async with gate.admission.hold(visit, a_plan(), BOUNDS):
                raise asyncio.CancelledError
        assert (visit.outcome, visit.credits) == (outcome, 0)


async def test_a_settled_hold_is_not_settled_again() -> None:
    """Whatever the block is left by afterwards."""
    gate = Gate(credits=5)
    visit = gate.visit()

    async def call() -> None:
        async with gate.admission.hold(visit, a_plan(), BOUNDS) as hold:
            await hold.settle(Outcome.OK)
            raise StreamBroken("Late.")

    with pytest.raises(StreamBroken):
        await call()
    assert (visit.outcome, len(gate.ledger.charged)) == (Outcome.OK, 1)


async def test_what_the_store_cannot_take_is_owed_and_made_up_for() -> None:
    """The call ends all the same; ticks settle in order, and stop at the first that the store still refuses."""
    gate = Gate(credits=50)
    away = 5

    async def hook(point: str) -> None:
        nonlocal away
        if point == "settle.before" and away:
            away -= 1
            raise Overloaded("The store is away.")

    gate.ledger.hook = hook
    for _ in range(3):
        async with gate.admission.hold(gate.visit(), a_plan(), BOUNDS):
            pass
    assert (gate.admission.owed, len(gate.ledger.open), away) == (3, 3, 2)
    await gate.admission.tick()
    assert (gate.admission.owed, away) == (3, 1)
    await gate.admission.tick()
    await gate.admission.tick()
    assert (gate.admission.owed, gate.ledger.open, away) == (0, {}, 0)


def test_a_settlement_that_a_standstill_outlasts_is_owed() -> None:
    """A process that was stopped for a while finds all its deadlines passed at once, and forgets no hold over it."""
    world = World(1)
    loop = ProcessLoop(world, "p1")
    gate = Gate(credits=50)

    async def hook(point: str) -> None:
        if point == "settle.before":
            await asyncio.sleep(0.5)
            raise Overloaded("The store is away.")

    async def call() -> None:
        async with gate.admission.hold(gate.visit(), a_plan(), BOUNDS):
            gate.ledger.hook = hook

    task = loop.create_task(call())
    world.after(0.1, lambda: loop.stop_for(60.0, is_frozen=True))
    world.run(task.done)
    assert (task.exception(), world.failure) == (None, "")
    assert (gate.admission.owed, len(gate.ledger.open)) == (1, 1)


async def test_an_unforeseen_fault_of_a_settlement_is_owed_and_told_once() -> None:
    """Whatever it fails by, the hold is ended later; it is told once, and keeps no other from being settled."""
    gate = Gate(credits=50)
    broken = {1, 3, 4}
    told: list[tuple[str, str]] = []
    calls = 0

    async def hook(point: str) -> None:
        nonlocal calls
        if point == "settle.before":
            calls += 1
            if calls in broken:
                raise RuntimeError("disk image is malformed")

    gate.ledger.hook = hook
    gate.admission = Admission(
        gate.counters, gate.ledger, gate.clock, tell=lambda request_id, fault: told.append((request_id, str(fault)))
    )
    for _ in range(3):
        async with gate.admission.hold(gate.visit(), a_plan(), BOUNDS):
            pass
    assert (gate.admission.owed, len(gate.ledger.open), calls) == (2, 2, 3)
    await gate.admission.tick()
    assert (gate.admission.owed, len(gate.ledger.open), calls) == (1, 1, 5)
    await gate.admission.tick()
    assert (gate.admission.owed, gate.ledger.open) == (0, {})
    assert [text for _, text in told] == ["disk image is malformed"] * 2


async def test_an_answer_whose_settlement_failed_is_not_charged_as_complete() -> None:
    """The caller got an error in its place, whatever the fault was."""
    gate = Gate(credits=5)
    is_broken = True

    async def hook(point: str) -> None:
        if point == "settle.before" and is_broken:
            raise RuntimeError("a fault of ours")

    gate.ledger.hook = hook
    visit = gate.visit()
    visit.tries = [Try(TARGET, 0.0)]
    with pytest.raises(RuntimeError):
        async with gate.admission.hold(visit, a_plan(), BOUNDS) as hold:
            await hold.settle(Outcome.OK)
    is_broken = False
    await gate.admission.tick()
    assert (visit.outcome, visit.credits, gate.ledger.open) == (Outcome.FAILED, 0, {})


async def test_a_tick_that_is_cancelled_loses_nothing() -> None:
    """What was not settled stays owed."""
    gate = Gate(credits=50)
    stuck = asyncio.Event()
    is_away = True

    async def hook(point: str) -> None:
        if point == "settle.before":
            if is_away:
                raise Overloaded("The store is away.")
            await stuck.wait()

    gate.ledger.hook = hook
    for _ in range(2):
        async with gate.admission.hold(gate.visit(), a_plan(), BOUNDS):
            pass
    is_away = False
    ticking = asyncio.create_task(gate.admission.tick())
    for _ in range(3):
        await asyncio.sleep(0)
    ticking.cancel()
    await asyncio.wait({ticking})
    assert gate.admission.owed == 2
    stuck.set()
    await gate.admission.tick()
    assert (gate.admission.owed, gate.ledger.open) == (0, {})


async def test_a_cancellation_while_the_hold_is_made_leaves_nothing_behind() -> None:
    """Neither tokens nor credits."""
    gate = Gate(TOKENS, credits=5)
    gate.ledger.hook = gate.hook

    async def call() -> None:
        async with gate.admission.hold(gate.visit(), a_plan(), BOUNDS):
            await asyncio.Event().wait()

    for cycles in range(1, 7):
        task = asyncio.create_task(call())
        for _ in range(cycles):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        assert (gate.ledger.open, await gate.left(TOKENS)) == ({}, TOKENS.amount)
