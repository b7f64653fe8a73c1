"""What one call holds while it lasts, and the one settlement that ends it.

The first outcome decides the bill; settling again only makes sure that the bill is written. The two rates of a key that
were taken as expected are corrected here to what was used.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass

from tollbar.domain.errors import InvalidValue
from tollbar.domain.identity import Allowance, AllowanceId, Principal
from tollbar.domain.limits import Bounds, Charge
from tollbar.domain.money import Unit
from tollbar.domain.records import Outcome
from tollbar.domain.repeats import Keeping
from tollbar.gateway.entries import entries
from tollbar.gateway.tariff import Bill, bill
from tollbar.gateway.visit import Visit
from tollbar.ports.clock import Clock
from tollbar.ports.money import Claim, Counters, Ledger, Reservation

EXIT_SECONDS = 10.0
"""How long an exit may take for each thing it must not leave undone."""


@dataclass(slots=True, eq=False)
class Hold:
    """A reservation and the token rates taken with it (`charges`, at `taken_at`), until `settle`."""

    visit: Visit
    bounds: Bounds
    reservation: Reservation
    charges: Sequence[Charge]
    taken_at: float
    ledger: Ledger
    counters: Counters
    clock: Clock
    bill: Bill | None = None
    is_written: bool = False

    async def committed(self) -> None:
        """Returns when the hold is durable: only then may a byte go to the caller. Raises Overloaded."""
        await self.reservation.committed()
        self.visit.is_held = True

    async def finish(self) -> None:
        """The answer is whole: settles it, or leaves that to whoever keeps the answer and knows its last bytes."""
        if self.visit.keeps:
            self.visit.finish = self._settle_kept
        else:
            await self.settle(Outcome.OK)

    async def _settle_kept(self, keeping: Keeping | None) -> None:
        await self.settle(Outcome.OK, keeping)

    async def settle(self, outcome: Outcome, keeping: Keeping | None = None) -> None:
        """Ends the hold, durably; raises Overloaded when the store cannot take it now. A hold that raised still stands.

        A complete answer that could not be settled is not sent: its bill is opened again for the ending that follows.
        """
        if self.is_written:
            return
        if self.bill is None:
            self.bill = self._close(outcome)
            self._correct(self.bill)
        visit = self.visit
        try:
            lines = entries(visit, self.bill, self.bounds, self.clock.now())
            await self.ledger.settle(self.reservation, charges_of(visit.principal, self.bill), lines, keeping)
        except Exception:
            if visit.outcome is Outcome.OK:
                self.bill = None
            raise
        self.is_written = True

    def _close(self, outcome: Outcome) -> Bill:
        visit = self.visit
        visit.outcome = outcome
        closed = bill(outcome, visit, self.bounds)
        visit.usage, visit.provenance, visit.credits = closed.usage, closed.provenance, closed.credits
        visit.cost_nano_dollars = closed.cost.nano_dollars if closed.cost else None
        return closed

    def _correct(self, closed: Bill) -> None:
        """Gives the token rates back that were not used, or takes what was used beyond them."""
        if self.charges:
            used = closed.usage.total_tokens
            unused = [Charge(scope, limit, amount - used) for scope, limit, amount in self.charges]
            self.charges = [Charge(scope, limit, used) for scope, limit, _ in self.charges]
            self.counters.give_back(unused, self.taken_at)


def claims_of(allowances: Iterable[AllowanceId], bounds: Bounds) -> list[Claim]:
    """What a call claims from each of the allowances; raises InvalidValue when a dollar price is unknown."""
    claims: list[Claim] = []
    for allowance in allowances:
        match allowance.unit:
            case Unit.CREDITS:
                claims.append(Claim(allowance, bounds.credits, bounds.credits))
            case Unit.TOKENS:
                claims.append(Claim(allowance, bounds.most_tokens, bounds.expected_tokens))
            case Unit.USES:
                claims.append(Claim(allowance, 1, 1))
            case Unit.DOLLARS:
                if bounds.most_nano_dollars is None or bounds.expected_nano_dollars is None:
                    raise InvalidValue(
                        "This key has a budget in dollars, and the price of this model is unknown.",
                        hint="Set 'price' (or 'free: true') for the model in tollbar.yaml.",
                        field="model",
                    )
                claims.append(Claim(allowance, bounds.most_nano_dollars, bounds.expected_nano_dollars))
    return [claim for claim in claims if claim.most]


def short(standing: Iterable[Allowance], bounds: Bounds, in_full: bool) -> list[Allowance]:
    """Those of the allowances in which a call does not fit as they stand; `in_full` the most that it may use must."""

    def fits(claim: Claim, left: int) -> bool:
        return claim.most <= left or (not in_full and left > 0 and claim.expected <= left)

    return [one for one in standing if not all(fits(claim, one.left) for claim in claims_of([one.id], bounds))]


def charges_of(principal: Principal, closed: Bill) -> list[tuple[AllowanceId, int]]:
    """What a bill takes from each allowance of its key."""
    owed = {
        Unit.CREDITS: closed.credits,
        Unit.TOKENS: closed.usage.total_tokens,
        Unit.DOLLARS: closed.cost.nano_dollars if closed.cost else 0,
        Unit.USES: closed.uses,
    }
    return [(allowance, owed[allowance.unit]) for allowance in principal.allowances]


async def to_the_end(work: Coroutine[object, object, None], seconds: float) -> None:
    """Runs the work although the calling task is cancelled meanwhile, then lets the cancellation through.

    Raises TimeoutError, with the work cancelled, when it takes longer than `seconds` between cancellations.
    """
    task = asyncio.ensure_future(work)
    cancellation: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task}, timeout=seconds)
        except asyncio.CancelledError as fault:
            cancellation = fault
            continue
        if not task.done():
            task.cancel()
            raise TimeoutError
    task.result()
    if cancellation is not None:
        raise cancellation
