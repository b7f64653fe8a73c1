"""Lowers the length of an answer to what an allowance has left, for a call that would not fit as it is asked for.

A call whose upper bound fits is held as it is, and pays nothing for this. If not even the shortest answer fits, the
usual rule holds: what is expected to fit is admitted, and holds all that is left.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tollbar.domain.catalogue import Plan
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import OutOfCredit
from tollbar.domain.limits import Bounds
from tollbar.gateway.admit import Admission, Holding
from tollbar.gateway.estimate import estimate, longest_answer
from tollbar.gateway.hold import Hold, short
from tollbar.gateway.visit import Visit

TRIES = 3
"""How often it is tried again when others took what was left meanwhile."""
Shorten = Callable[[CompletionRequest, int], CompletionRequest | None]
"""The request with another length of its answer; None where its dialect has no word for that."""


@dataclass(frozen=True, slots=True)
class Clamp:
    """The way to hold where the setting is on."""

    admission: Admission
    shorten: Shorten

    async def hold(
        self, visit: Visit, plan: Plan, request: CompletionRequest, bounds: Bounds
    ) -> tuple[CompletionRequest, Holding, Hold]:
        """The request as it may be sent, and what it holds; raises what `Admission.hold` raises."""
        asked, usual = request, bounds
        for _ in range(TRIES):
            holding = self.admission.hold(visit, plan, bounds, in_full=True)
            try:
                return request, holding, await holding.__aenter__()
            except OutOfCredit:
                shorter = await self._shorter(visit, plan, asked)
            if shorter is None:
                break
            request, bounds = shorter
            visit.clamped = request.max_tokens
        visit.clamped = None
        holding = self.admission.hold(visit, plan, usual)
        return asked, holding, await holding.__aenter__()

    async def _shorter(
        self, visit: Visit, plan: Plan, request: CompletionRequest
    ) -> tuple[CompletionRequest, Bounds] | None:
        """The longest answer that fits into what is left now, by halves; None when not even one token fits."""
        principal = visit.principal
        standing = await self.admission.standing(principal)

        def of(tokens: int) -> Bounds:
            return estimate(request._replace(max_tokens=tokens), plan, principal.credit_cost)

        shortest, longest = 0, longest_answer(request, plan)
        while shortest < longest:
            middle = (shortest + longest + 1) // 2
            if short(standing, of(middle), in_full=True):
                longest = middle - 1
            else:
                shortest = middle
        shorter = self.shorten(request, shortest) if shortest else None
        return None if shorter is None else (shorter, of(shortest))
