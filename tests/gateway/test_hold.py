"""What a call claims, and the one settlement that ends its hold."""

import asyncio
from dataclasses import replace

import pytest

from tests.fakes import FakeClock, MemoryLedger
from tests.making import BOUNDS, PRINCIPAL, TARGET, a_plan, a_visit
from tollbar.counters.memory import MemoryCounters
from tollbar.domain.errors import InvalidValue, Overloaded
from tollbar.domain.identity import AllowanceId
from tollbar.domain.limits import Charge, Limit, Measure
from tollbar.domain.money import Cost, Unit
from tollbar.domain.records import Outcome, Provenance
from tollbar.domain.usage import Usage
from tollbar.gateway.entries import estimated
from tollbar.gateway.hold import Hold, charges_of, claims_of, to_the_end
from tollbar.gateway.tariff import Bill
from tollbar.gateway.visit import Try, Visit
from tollbar.ports.money import Claim

pytestmark = pytest.mark.anyio

KEY = replace(
    PRINCIPAL, allowances=(AllowanceId(1, Unit.CREDITS), AllowanceId(2, Unit.TOKENS), AllowanceId(3, Unit.DOLLARS))
)
LIMIT = Limit(Measure.TOKENS, 1_000, 60)


def claimed(claims: list[Claim]) -> list[tuple[Unit, int, int]]:
    """Claims as unit, most and expected."""
    return [(claim.allowance.unit, claim.most, claim.expected) for claim in claims]


async def test_each_allowance_is_claimed_in_its_unit() -> None:
    """Credits exactly, tokens and dollars at the most and as expected."""
    assert claimed(claims_of(KEY.allowances, BOUNDS)) == [
        (Unit.CREDITS, 3, 3),
        (Unit.TOKENS, 100, 40),
        (Unit.DOLLARS, 90_000, 30_000),
    ]


async def test_a_use_is_one_whatever_a_call_costs() -> None:
    """A free call is a use, too; only a success is charged one."""
    key = replace(PRINCIPAL, allowances=(AllowanceId(4, Unit.USES),))
    assert claimed(claims_of(key.allowances, BOUNDS._replace(credits=0))) == [(Unit.USES, 1, 1)]
    closed = Bill(0, Usage(), Provenance.COUNTED, None)
    assert [charges_of(key, closed._replace(uses=uses))[0][1] for uses in (0, 1)] == [0, 1]


async def test_nothing_is_claimed_for_what_is_free() -> None:
    """A free model passes a key whose allowance is used up."""
    free = BOUNDS._replace(credits=0, most_nano_dollars=0, expected_nano_dollars=0)
    assert claimed(claims_of(KEY.allowances, free)) == [(Unit.TOKENS, 100, 40)]


async def test_an_unknown_price_is_refused_only_where_dollars_are_counted() -> None:
    """A budget cannot be kept by guessing; a key without one does not mind."""
    unknown = BOUNDS._replace(most_nano_dollars=None, expected_nano_dollars=None)
    with pytest.raises(InvalidValue) as fault:
        claims_of(KEY.allowances, unknown)
    assert fault.value.field == "model"
    assert claimed(claims_of(KEY.allowances[:2], unknown)) == [
        (Unit.CREDITS, 3, 3),
        (Unit.TOKENS, 100, 40),
    ]


async def test_a_bill_is_charged_in_every_unit() -> None:
    """Also what was not claimed: an overrun is written, too."""
    closed = Bill(3, Usage(10, 5), Provenance.COUNTED, Cost(77, ()))
    assert [amount for _, amount in charges_of(KEY, closed)] == [3, 15, 77]
    assert [amount for _, amount in charges_of(KEY, closed._replace(cost=None))] == [3, 15, 0]


async def refuse(point: str) -> None:
    """A ledger that must not be asked."""
    raise AssertionError(point)


class Desk:
    """A call with a hold on it."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.clock = FakeClock()
        self.counters = MemoryCounters(self.clock)
        self.ledger = ledger
        self.visit = self.sent()

    @staticmethod
    def sent() -> Visit:
        """A call that delivered 40 bytes."""
        return a_visit(tries=[Try(TARGET, 0.0)], first_token_at=1.0, output_bytes=40)

    async def hold(self) -> Hold:
        """The hold, with 500 tokens taken from the rate."""
        charge = Charge("key:key", LIMIT, 500)
        taken = await self.counters.take([charge])
        reservation = await self.ledger.reserve(
            "r1", [], lambda: estimated(self.visit, a_plan(), BOUNDS, self.clock.now())
        )
        return Hold(self.visit, BOUNDS, reservation, [charge], taken.taken_at, self.ledger, self.counters, self.clock)

    async def left(self) -> int:
        """What is left of the token rate."""
        return (await self.counters.take([Charge("key:key", LIMIT, 0)])).rooms[0].remaining


async def test_a_settlement_corrects_the_rate_and_writes_the_bill() -> None:
    """The tokens that were not used are free again; the visit knows what the call cost."""
    desk = Desk(MemoryLedger())
    hold = await desk.hold()
    await hold.settle(Outcome.OK)
    visit = desk.visit
    assert (visit.credits, visit.usage, visit.provenance) == (3, Usage(10, 10), Provenance.COUNTED)
    assert visit.cost_nano_dollars == desk.ledger.entries[0].cost_nano_dollars
    assert await desk.left() == 1_000 - 20
    assert desk.ledger.open == {}


async def test_more_than_was_taken_is_taken_afterwards() -> None:
    """Even beyond the limit: the next callers wait."""
    desk = Desk(MemoryLedger())
    hold = await desk.hold()
    desk.visit.reported = Usage(900, 300)
    await hold.settle(Outcome.OK)
    assert await desk.left() == 0


async def test_settling_again_changes_nothing() -> None:
    """One bill, one correction, the first outcome, and the ledger is not even asked."""
    desk = Desk(MemoryLedger())
    hold = await desk.hold()
    await hold.settle(Outcome.OK)
    desk.ledger.hook = refuse
    await hold.settle(Outcome.FAILED)
    assert (len(desk.ledger.entries), desk.visit.outcome, await desk.left()) == (1, Outcome.OK, 980)


@pytest.mark.parametrize(
    ("first", "second", "credits_due"),
    [(Outcome.OK, Outcome.FAILED, 0), (Outcome.ABANDONED, Outcome.FAILED, 3)],
)
async def test_a_settlement_that_failed_is_made_up_for(first: Outcome, second: Outcome, credits_due: int) -> None:
    """A complete answer that could not be settled is not sent, hence not charged; any other ending stays as it was."""
    points: list[str] = []

    async def hook(point: str) -> None:
        points.append(point)
        if points.count("settle.before") == 1:
            raise Overloaded("The store is away.")

    desk = Desk(MemoryLedger())
    hold = await desk.hold()
    desk.ledger.hook = hook
    with pytest.raises(Overloaded):
        await hold.settle(first)
    assert (desk.ledger.entries, hold.is_written) == ([], False)
    await hold.settle(second)
    (line,) = desk.ledger.entries
    assert line.credits == credits_due
    assert line.outcome is (second if first is Outcome.OK else first)
    assert await desk.left() == 1_000 - line.usage.total_tokens


async def test_the_hold_is_known_to_be_durable() -> None:
    """The edge asks before it says a first word."""
    desk = Desk(MemoryLedger())
    hold = await desk.hold()
    assert not desk.visit.is_held
    await hold.committed()
    assert desk.visit.is_held


async def test_work_goes_on_to_its_end_although_the_caller_is_cancelled() -> None:
    """However often; then the cancellation goes through."""
    done: list[str] = []
    gate = asyncio.Event()

    async def work() -> None:
        await gate.wait()
        done.append("work")

    task = asyncio.create_task(to_the_end(work(), 5.0))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["work"]


async def test_work_that_nobody_disturbs_just_ends() -> None:
    """With its own error, if it has one."""
    await to_the_end(asyncio.sleep(0), 5.0)

    async def fail() -> None:
        raise Overloaded("No.")

    with pytest.raises(Overloaded):
        await to_the_end(fail(), 5.0)


async def test_work_that_takes_too_long_is_given_up() -> None:
    """An exit has a deadline of its own, so that nothing hangs for ever."""
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(TimeoutError):
        await to_the_end(work(), 0.01)
    await asyncio.wait_for(cancelled.wait(), 60)
