"""Two gates: `enter` takes rates before the body is read, `hold` takes token rates and reserves allowances after it.

Rules of the hold:
- it ends exactly once, in one settlement; a release is a settlement of nothing;
- leaving the block by any door ends it, shielded from cancellation and within its own deadline;
- what each ending costs is the table in `tariff.py`; a figure the provider did not report is marked so;
- concurrency is given back, request rates are not, token rates are corrected to what was used;
- settling twice changes nothing; a settlement that failed, whatever it failed by, is owed, and tried again by `tick`;
- a crash is healed by the store, which knows whose holds they were.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tollbar.domain.catalogue import Plan
from tollbar.domain.errors import CallCancelled, Overloaded
from tollbar.domain.identity import Allowance, Principal
from tollbar.domain.limits import Bounds, Charge, Verdict
from tollbar.domain.records import Outcome
from tollbar.gateway.entries import estimated
from tollbar.gateway.hold import EXIT_SECONDS, Hold, claims_of, short, to_the_end
from tollbar.gateway.rates import CALLERS_ONLY, Rates, refusal
from tollbar.gateway.terms import TermsBook
from tollbar.gateway.visit import Visit
from tollbar.ports.clock import Clock
from tollbar.ports.money import Counters, Ledger

AWAY = (Overloaded, TimeoutError)
"""What a settlement fails by while the store is away; anything else is a fault of ours."""

Tell = Callable[[str, BaseException], None]
"""Told of a call, by its id, whose settlement failed by a fault of ours: once, however often it is tried again."""


@dataclass(slots=True, eq=False)
class Debt:
    """A hold that is still to be ended, and how."""

    hold: Hold
    outcome: Outcome
    is_told: bool = False


class Admission:
    """Lets calls in, and holds what they may cost while they last."""

    def __init__(
        self,
        counters: Counters,
        ledger: Ledger,
        clock: Clock,
        rates: Rates = CALLERS_ONLY,
        tell: Tell = lambda request_id, fault: None,
        is_strict: bool = False,
    ) -> None:
        self._counters = counters
        self._ledger = ledger
        self._clock = clock
        self._rates = rates
        self._tell = tell
        self._is_strict = is_strict
        self._owed: list[Debt] = []
        self._terms = TermsBook()

    async def enter(self, visit: Visit) -> None:
        """The first gate: requests and concurrency, all or none; raises RateLimited. `leave` gives the slot back."""
        principal, arrival = visit.principal, visit.arrival
        visit.terms = self._terms.of(principal, arrival.source)
        charges = visit.terms.entry
        place = self._rates.of_place(arrival.route, principal, arrival.source)
        if place:
            charges = [*charges, *place]
        if charges:
            await self._take(visit, charges)

    def leave(self, visit: Visit) -> None:
        """Gives the concurrency slot of an entered call back."""
        if visit.terms is not None and visit.terms.slots:
            self._counters.give_back(visit.terms.slots, visit.arrival.at)

    def hold(self, visit: Visit, plan: Plan, bounds: Bounds, in_full: bool = False) -> "Holding":
        """The second gate as a block: token rates and allowances, all or none; raises RateLimited or OutOfCredit.

        `in_full` admits a call only if the most that it may use fits, as the setting `strict` does.
        """
        return Holding(self, visit, plan, bounds, in_full)

    async def begin(self, visit: Visit, plan: Plan, bounds: Bounds, in_full: bool) -> Hold:
        """Takes what `hold` holds."""
        claims = claims_of(visit.principal.allowances, bounds)
        if in_full:
            claims = [claim._replace(expected=claim.most) for claim in claims]
        terms = visit.terms or self._terms.of(visit.principal, visit.arrival.source)
        charges = terms.token_charges(bounds)
        taken_at = (await self._take(visit, charges)).taken_at if charges else 0.0
        try:
            reservation = await self._ledger.reserve(
                visit.arrival.request_id, claims, lambda: estimated(visit, plan, bounds, self._clock.now())
            )
        except BaseException:
            self._counters.give_back(charges, taken_at)
            raise
        return Hold(visit, bounds, reservation, charges, taken_at, self._ledger, self._counters, self._clock)

    async def end(self, hold: Hold, outcome: Outcome) -> None:
        """Sees to it that a hold ends: a settlement that fails now is owed."""
        debt = Debt(hold, outcome)
        try:
            await to_the_end(self._settle_or_owe(debt), EXIT_SECONDS + 1)
        except TimeoutError:  # the process stood still, and all deadlines have passed at once
            self._owe(debt)

    async def standing(self, principal: Principal) -> list[Allowance]:
        """The allowances that cover the principal as they stand, with all that is held of them."""
        covering = {allowance.number for allowance in principal.allowances}
        found = await self._ledger.standing(principal.key_id, principal.end_users)
        return [one for one in found if one.id.number in covering]

    def short(self, standing: Iterable[Allowance], bounds: Bounds) -> list[Allowance]:
        """Those of the allowances that would keep a call out as they stand; nothing is held."""
        return short(standing, bounds, self._is_strict)

    async def tick(self) -> None:
        """Settles what is owed; the app calls this every few seconds. One that fails by itself holds up no other."""
        for debt in tuple(self._owed):
            fault = await self._settle(debt)
            if fault is None:
                self._owed.remove(debt)
            elif isinstance(fault, AWAY):
                return  # the store is still away, and the others would only wait for it as well

    @property
    def owed(self) -> int:
        """How many settlements wait for the store."""
        return len(self._owed)

    async def _take(self, visit: Visit, charges: Sequence[Charge]) -> Verdict:
        verdict = await self._counters.take(charges)
        visit.rooms += verdict.rooms
        if verdict.refused is not None:
            raise refusal(verdict.refused, verdict.retry_after_seconds, visit.rooms)
        return verdict

    async def _settle_or_owe(self, debt: Debt) -> None:
        if await self._settle(debt) is not None:
            self._owe(debt)

    def _owe(self, debt: Debt) -> None:
        if debt not in self._owed:
            self._owed.append(debt)

    async def _settle(self, debt: Debt) -> BaseException | None:
        """Tries to end the hold; returns what it failed by. The call is over: nobody is left to raise it to."""
        try:
            async with asyncio.timeout(EXIT_SECONDS):
                [fault] = await asyncio.gather(debt.hold.settle(debt.outcome), return_exceptions=True)
        except TimeoutError as late:
            return late
        if fault is not None and not isinstance(fault, AWAY) and not debt.is_told:
            debt.is_told = True
            self._tell(debt.hold.visit.arrival.request_id, fault)
        return fault


class Holding:
    """The block in which a call holds what it may cost; leaving it ends the hold, whatever happened."""

    __slots__ = ("_admission", "_begin", "_hold", "_visit")

    def __init__(self, admission: Admission, visit: Visit, plan: Plan, bounds: Bounds, in_full: bool) -> None:
        self._admission = admission
        self._visit = visit
        self._begin = (visit, plan, bounds, in_full)
        self._hold: Hold | None = None

    async def __aenter__(self) -> Hold:
        self._hold = await self._admission.begin(*self._begin)
        return self._hold

    async def __aexit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        if self._hold is not None and not self._hold.is_written:
            await self._admission.end(self._hold, _outcome(fault, self._visit))


def _outcome(fault: BaseException | None, visit: Visit) -> Outcome:
    """How a call ended that did not reach its end; no fault means that nobody read the answer to it.

    One that was ended at its caller's wish is as one that its caller left.
    """
    if isinstance(visit.interruption, CallCancelled):
        return Outcome.ABANDONED
    if visit.interruption is None and (fault is None or isinstance(fault, asyncio.CancelledError | GeneratorExit)):
        return Outcome.ABANDONED
    return Outcome.BROKEN if visit.has_delivered else Outcome.FAILED
