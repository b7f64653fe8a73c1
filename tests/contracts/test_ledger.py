"""What every implementation of the `Ledger` port promises. It sees the store through the ports alone."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from tests.contracts.stores import STORES
from tests.storage.making import StepClock, a_key, a_line, estimating
from tollbar.domain.errors import OutOfCredit
from tollbar.domain.identity import Allowance, AllowanceId, Grant, Reset
from tollbar.domain.money import Unit
from tollbar.ports.keys import KeyStore
from tollbar.ports.money import Claim, Ledger, Reservation

pytestmark = pytest.mark.anyio


class Living(Ledger, Protocol):
    """A ledger that must say every few seconds that its process lives."""

    async def tick(self) -> None:
        """Says so."""
        ...


@dataclass(frozen=True, slots=True)
class Bank:
    """A ledger under test, with what grants its allowances and what tells its time."""

    ledger: Living
    keys: KeyStore
    clock: StepClock

    async def grant(self, *grants: Grant, key: str = "somebody") -> list[AllowanceId]:
        """The allowances of a new key."""
        added = await self.keys.add(a_key(key), key.encode(), grants)
        return [allowance.id for allowance in added.allowances]

    async def reserve(self, *claims: Claim, request_id: str = "r1") -> Reservation:
        """A durable reservation."""
        reservation = await self.ledger.reserve(request_id, claims, estimating(request_id))
        await reservation.committed()
        return reservation

    async def standing(self, key: str = "somebody") -> list[tuple[int, int, int]]:
        """Spent, held and left of each allowance."""
        return [(one.spent, one.held, one.left) for one in await self.ledger.standing(key)]


@pytest.fixture(params=sorted(STORES))
async def bank(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bank]:
    """One implementation after the other, new, on a Thursday morning."""
    clock = StepClock()
    async with STORES[request.param](tmp_path, clock) as storage:
        yield Bank(storage.ledger, storage.keys, clock)


def claim(allowance: AllowanceId, most: int, expected: int | None = None) -> Claim:
    """A claim that is expected to need all of it, unless told otherwise."""
    return Claim(allowance, most, most if expected is None else expected)


async def test_a_reservation_holds_and_a_settlement_charges(bank: Bank) -> None:
    """What is held is not left; what is charged is spent, and the rest of the hold is left again."""
    (coins,) = await bank.grant(Grant(Unit.CREDITS, 1_000))
    reservation = await bank.reserve(claim(coins, 5))
    assert reservation.held(coins) == 5
    assert await bank.standing() == [(0, 5, 995)]
    await bank.ledger.settle(reservation, [(coins, 3)], [a_line(credits=3)])
    assert await bank.standing() == [(3, 0, 997)]


async def test_a_settlement_of_nothing_releases(bank: Bank) -> None:
    """A call that costs nothing leaves the allowance as it was."""
    (coins,) = await bank.grant(Grant(Unit.CREDITS, 10))
    reservation = await bank.reserve(claim(coins, 5))
    await bank.ledger.settle(reservation, [], [])
    assert await bank.standing() == [(0, 0, 10)]


async def test_settling_twice_charges_once(bank: Bank) -> None:
    """A second settlement changes nothing, whether it comes later or at the same time, whatever it says."""
    (coins,) = await bank.grant(Grant(Unit.CREDITS, 10))
    reservation = await bank.reserve(claim(coins, 5))
    await asyncio.gather(*(bank.ledger.settle(reservation, [(coins, 2)], [a_line()]) for _ in range(5)))
    await bank.ledger.settle(reservation, [(coins, 5)], [a_line()])
    assert await bank.standing() == [(2, 0, 8)]


@pytest.mark.parametrize("amount", [1, 5, 50])
async def test_of_many_calls_at_once_exactly_as_many_pass_as_there_are_credits(bank: Bank, amount: int) -> None:
    """200 calls on K credits: K are admitted, the others hear that the allowance is used up, and the balance is 0."""
    (allowance,) = await bank.grant(Grant(Unit.CREDITS, amount))

    async def call(number: int) -> str:
        try:
            reservation = await bank.reserve(claim(allowance, 1), request_id=f"r{number}")
        except OutOfCredit:
            return "refused"
        await bank.ledger.settle(reservation, [(allowance, 1)], [a_line(f"r{number}")])
        return "charged"

    ends = await asyncio.gather(*(call(number) for number in range(200)))
    assert Counter(ends) == {"charged": amount, "refused": 200 - amount}
    assert await bank.standing() == [(amount, 0, 0)]


async def test_what_failed_calls_return_can_be_used_to_the_last(bank: Bank) -> None:
    """Calls that are released make room again, until exactly the granted number was charged."""
    (allowance,) = await bank.grant(Grant(Unit.CREDITS, 300))
    charged = 0
    for number in range(450):
        reservation = await bank.reserve(claim(allowance, 1), request_id=f"r{number}")
        is_charged = number % 3 != 0
        charged += is_charged
        charges = [(allowance, 1)] if is_charged else []
        await bank.ledger.settle(reservation, charges, [a_line(f"r{number}")])
    assert await bank.standing() == [(charged, 0, 300 - charged)]
    with pytest.raises(OutOfCredit):
        await bank.reserve(claim(allowance, 300 - charged + 1), request_id="last")


async def test_nobody_is_refused_while_enough_is_there(bank: Bank) -> None:
    """Calls at once on a new allowance that covers all of them are all admitted."""
    (allowance,) = await bank.grant(Grant(Unit.CREDITS, 5_000))
    reservations = await asyncio.gather(
        *(bank.reserve(claim(allowance, 10), request_id=f"r{number}") for number in range(500))
    )
    assert sum(reservation.held(allowance) for reservation in reservations) == 5_000
    assert await bank.standing() == [(0, 5_000, 0)]


async def test_several_allowances_are_held_all_or_none(bank: Bank) -> None:
    """When one allowance is short, nothing is held of the others, and the error names the short one."""
    coins, dollars = await bank.grant(Grant(Unit.CREDITS, 1_000_000), Grant(Unit.DOLLARS, 100))
    first = await bank.reserve(claim(coins, 1), claim(dollars, 60))
    with pytest.raises(OutOfCredit) as refusal:
        await bank.reserve(claim(coins, 1), claim(dollars, 60), request_id="r2")
    assert refusal.value.details["unit"] == "dollars"
    assert await bank.standing() == [(0, 1, 999_999), (0, 60, 40)]
    await bank.ledger.settle(first, [(coins, 1), (dollars, 20)], [a_line(cost_nano_dollars=20)])
    assert await bank.standing() == [(1, 0, 999_999), (20, 0, 80)]


async def test_a_call_that_is_expected_to_fit_is_admitted_with_what_is_left(bank: Bank) -> None:
    """Where the most does not fit but the expected does, all that is left is held."""
    (dollars,) = await bank.grant(Grant(Unit.DOLLARS, 100))
    reservation = await bank.reserve(claim(dollars, 150, expected=40))
    assert reservation.held(dollars) == 100
    with pytest.raises(OutOfCredit):
        await bank.reserve(claim(dollars, 150, expected=1), request_id="r2")


async def test_a_charge_above_its_hold_is_written_in_full(bank: Bank) -> None:
    """What the provider bills is spent, even if the balance goes below zero by it."""
    (dollars,) = await bank.grant(Grant(Unit.DOLLARS, 100))
    reservation = await bank.reserve(claim(dollars, 150, expected=40))
    await bank.ledger.settle(reservation, [(dollars, 130)], [a_line(cost_nano_dollars=130)])
    assert await bank.standing() == [(130, 0, -30)]


async def test_a_charge_of_an_allowance_that_was_not_held_is_written(bank: Bank) -> None:
    """A charge counts although nothing was claimed of its allowance."""
    coins, tokens = await bank.grant(Grant(Unit.CREDITS, 10), Grant(Unit.TOKENS, 10))
    reservation = await bank.reserve(claim(coins, 1))
    await bank.ledger.settle(reservation, [(coins, 1), (tokens, 4)], [a_line()])
    assert await bank.standing() == [(1, 0, 9), (4, 0, 6)]


async def test_a_call_without_allowances_is_always_admitted(bank: Bank) -> None:
    """A key without allowances reserves and settles, and holds nothing."""
    await bank.grant()
    reservation = await bank.reserve()
    await bank.ledger.settle(reservation, [], [a_line()])
    assert await bank.ledger.standing("somebody") == ()


@pytest.mark.parametrize("turns", range(6))
async def test_a_caller_who_goes_away_while_reserving_holds_nothing(bank: Bank, turns: int) -> None:
    """Cancelling a reservation that is not made yet leaves nothing held, whenever it comes."""
    (coins,) = await bank.grant(Grant(Unit.CREDITS, 10))
    task = asyncio.create_task(bank.ledger.reserve("r1", [claim(coins, 4)], estimating()))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    result = (await asyncio.gather(task, return_exceptions=True))[0]
    if not isinstance(result, BaseException):
        await bank.ledger.settle(result, [], [])
    # The release may still be on its way; each look at the allowances waits for what was sent before it.
    standings = [await bank.standing() for _ in range(5)]
    assert standings[-1] == [(0, 0, 10)]


async def test_a_settlement_ends_the_hold_although_its_caller_goes_away(bank: Bank) -> None:
    """Cancelling the wait for a settlement does not undo it; asking again waits for the same one."""
    (coins,) = await bank.grant(Grant(Unit.CREDITS, 10))
    reservation = await bank.reserve(claim(coins, 4))
    task = asyncio.create_task(bank.ledger.settle(reservation, [(coins, 3)], [a_line()]))
    await asyncio.sleep(0)
    task.cancel()
    await bank.ledger.settle(reservation, [(coins, 4)], [a_line()])
    assert await bank.standing() == [(3, 0, 7)]


PERIODS = [
    (Reset.HOUR, datetime(2026, 1, 1, 3, tzinfo=UTC)),
    (Reset.DAY, datetime(2026, 1, 2, tzinfo=UTC)),
    (Reset.WEEK, datetime(2026, 1, 5, tzinfo=UTC)),
    (Reset.MONTH, datetime(2026, 2, 1, tzinfo=UTC)),
]


@pytest.mark.parametrize("granted", [10, 100_000])
@pytest.mark.parametrize(("reset", "at"), PERIODS)
async def test_a_period_ends_on_time_and_all_is_there_again(
    bank: Bank, reset: Reset, at: datetime, granted: int
) -> None:
    """An allowance begins anew at the end of its hour, day, week or month in UTC, and not a moment before."""
    (coins,) = await bank.grant(Grant(Unit.CREDITS, granted, reset))
    reservation = await bank.reserve(claim(coins, granted // 10))
    await bank.ledger.settle(reservation, [(coins, granted // 10)], [a_line()])
    assert [one.resets_at for one in await bank.ledger.standing("somebody")] == [at]

    bank.clock.go_to(at - timedelta(seconds=1))
    await bank.ledger.tick()
    with pytest.raises(OutOfCredit):
        await bank.reserve(claim(coins, granted), request_id="r2")
    bank.clock.go_to(at)
    await bank.ledger.tick()
    assert await bank.standing() == [(0, 0, granted)]
    assert (await bank.reserve(claim(coins, granted), request_id="r3")).held(coins) == granted


@pytest.mark.parametrize("granted", [10, 100_000])
async def test_a_hold_belongs_to_the_period_of_its_admission(bank: Bank, granted: int) -> None:
    """A call that began yesterday is charged to yesterday: it neither spends today's allowance nor returns to it."""
    (coins,) = await bank.grant(Grant(Unit.CREDITS, granted, Reset.DAY))
    old = [await bank.reserve(claim(coins, 2), request_id=f"r{number}") for number in range(3)]
    bank.clock.go_to(datetime(2026, 1, 2, tzinfo=UTC))
    await bank.ledger.tick()
    new = await bank.reserve(claim(coins, 1), request_id="new")
    await bank.ledger.settle(old[0], [(coins, 2)], [a_line("r0")])
    await bank.ledger.settle(old[1], [(coins, 5)], [a_line("r1")])
    await bank.ledger.settle(old[2], [], [])
    assert await bank.standing() == [(0, 1, granted - 1)]
    await bank.ledger.settle(new, [(coins, 1)], [a_line("new")])
    assert await bank.standing() == [(1, 0, granted - 1)]
    rest = await bank.reserve(claim(coins, granted - 1), request_id="rest")
    assert rest.held(coins) == granted - 1


async def test_a_clock_that_steps_back_brings_no_period_back(bank: Bank) -> None:
    """What was spent in a period stays spent when the clock is set back before its beginning."""
    (coins,) = await bank.grant(Grant(Unit.CREDITS, 10, Reset.DAY))
    bank.clock.go_to(datetime(2026, 1, 2, tzinfo=UTC))
    await bank.ledger.tick()
    reservation = await bank.reserve(claim(coins, 10))
    await bank.ledger.settle(reservation, [(coins, 10)], [a_line()])
    bank.clock.step_seconds = -86_400.0
    with pytest.raises(OutOfCredit):
        await bank.reserve(claim(coins, 1), request_id="r2")


async def test_the_standing_of_a_stranger_is_empty(bank: Bank) -> None:
    """A key that does not exist has no allowances."""
    assert await bank.ledger.standing("nobody") == ()


async def test_a_standing_says_what_was_granted(bank: Bank) -> None:
    """Allowances come in the order of their granting, with their unit and reset."""
    coins, dollars = await bank.grant(Grant(Unit.CREDITS, 7), Grant(Unit.DOLLARS, 9, Reset.MONTH))
    expected = (
        Allowance(coins, 7, 0, 0),
        Allowance(dollars, 9, 0, 0, Reset.MONTH, datetime(2026, 2, 1, tzinfo=UTC)),
    )
    assert await bank.ledger.standing("somebody") == expected
