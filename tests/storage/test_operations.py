"""Reservations, settlements and returns, as the event loop sees them."""

import asyncio

import pytest

from tests.storage.making import a_line
from tollbar.domain.errors import Overloaded
from tollbar.domain.identity import AllowanceId
from tollbar.domain.money import Unit
from tollbar.storage.lease import Lease
from tollbar.storage.operations import NUMBER_BITS, Change, Held, Return, Settlement

pytestmark = pytest.mark.anyio

CREDITS, DOLLARS = AllowanceId(1, Unit.CREDITS), AllowanceId(2, Unit.DOLLARS)


def a_lease(allowance: int = 1, free: int = 100, left: int = 10**9) -> Lease:
    """A lease in the period that starts at 7."""
    return Lease(allowance, period=7, free=free, left=left)


def a_hold(*parts: tuple[Lease, int, bool]) -> Held:
    """A reservation of parts."""
    held = Held(3 << NUMBER_BITS | 1, "r1")
    for lease, amount, is_direct in parts:
        lease.free -= 0 if is_direct else amount
        held.add(lease, amount, is_direct)
    return held


def test_a_reservation_knows_what_it_holds_and_whose_it_is() -> None:
    """By allowance; and the process is in its number."""
    held = a_hold((a_lease(1), 5, False), (a_lease(2), 9, True))
    assert [held.held(one) for one in (CREDITS, DOLLARS, AllowanceId(3, Unit.TOKENS))] == [5, 9, 0]
    assert (held.process, held.id) == (3, str(held.number))


def test_undoing_puts_everything_back() -> None:
    """The leases are as before, and the reservation holds nothing."""
    lease = a_lease(free=100)
    held = a_hold((lease, 30, False))
    assert (lease.free, lease.held) == (70, 30)
    held.undo()
    assert (lease.free, lease.held, held.parts) == (100, 0, [])


@pytest.mark.parametrize(
    ("charge", "is_direct", "left", "leased", "free", "is_overrun"),
    [
        (4, False, 10**9, 4, 6, False),
        (10, False, 10**9, 10, 0, False),
        (0, False, 10**9, 0, 10, False),
        (13, False, 10**9, 10, 0, True),
        (4, True, 10**9, 10, 0, False),
        (4, False, 640, 10, 0, False),
    ],
)
def test_where_the_rest_of_a_hold_goes(
    charge: int, is_direct: bool, left: int, leased: int, free: int, is_overrun: bool
) -> None:
    """Back to the lease; to the store if it came from there or little is left there. An overrun leaves no rest."""
    lease = a_lease(free=0 if is_direct else 10, left=left)
    held = a_hold((lease, 10, is_direct))
    settlement = Settlement(held, [(CREDITS, charge)], [a_line()])
    assert (settlement.changes, settlement.is_overrun) == ([Change(1, 7, charge, leased)], is_overrun)
    settlement.finish()
    assert (lease.free, lease.held) == (free, 0)


def test_a_charge_without_a_hold_is_an_overrun() -> None:
    """It is charged by itself."""
    settlement = Settlement(a_hold((a_lease(), 1, False)), [(CREDITS, 1), (DOLLARS, 5)], [])
    assert (settlement.unheld, settlement.is_overrun) == ({2: 5}, True)
    assert not Settlement(a_hold((a_lease(), 1, False)), [(CREDITS, 1), (DOLLARS, 0)], []).is_overrun


def test_a_settlement_that_failed_changes_nothing() -> None:
    """The hold stands, and can be settled again."""
    lease = a_lease(free=10)
    held = a_hold((lease, 10, False))
    held.settlement = settlement = Settlement(held, [], [])
    settlement.fault = Overloaded("no")
    settlement.finish()
    assert (lease.free, lease.held, held.settlement) == (0, 10, None)


@pytest.mark.parametrize(("fault", "free"), [(None, 0), (Overloaded("no"), 10)])
def test_a_return_takes_what_is_free(fault: Exception | None, free: int) -> None:
    """While it is under way nobody else can use it; if it fails, it is free again."""
    lease = a_lease(free=10)
    back = Return(3, lease)
    assert (lease.free, lease.held, back.amount) == (0, 10, 10)
    back.fault = fault
    back.finish()
    assert (lease.free, lease.held) == (free, 0)


def test_only_a_settlement_of_something_is_written() -> None:
    """Nothing held, nothing charged and nothing to say needs no transaction."""
    empty, held = a_hold(), a_hold((a_lease(), 0, False))
    settlements = [Settlement(empty, [], []), Settlement(empty, [], [a_line()]), Settlement(held, [], [])]
    assert [settlement.is_empty for settlement in settlements] == [True, False, False]
    assert [settlement.process for settlement in settlements] == [None, None, 3]


async def test_an_answer_that_may_be_charged_waits_to_be_whole() -> None:
    """What begins is told at once that nobody knows; what ends is not told before somebody does."""
    fault = Overloaded("The store cannot be reached at the moment.")
    held = a_hold((a_lease(), 1, False))
    settlement = Settlement(held, [(CREDITS, 1)], [a_line()])
    waiting = asyncio.create_task(settlement.wait())
    await asyncio.sleep(0)
    for operation in (held, settlement):
        operation.doubted(fault)
    with pytest.raises(Overloaded, match="cannot be reached"):
        await held.wait()
    await asyncio.sleep(0)
    assert not waiting.done()
    settlement.finish()
    await waiting
