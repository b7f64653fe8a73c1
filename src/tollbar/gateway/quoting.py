"""What a call would cost, without making it: the tokens and the price of each target, and whether it would be let in.

It is worked out as admission does, from the same bounds, and holds nothing: what others take meanwhile is not known.
Only what a target is expected to use is better known where its tokens can be counted; what would be held is not.
Nor does it make anybody: an end user whom no call has named yet is quoted as one who is new.
"""

from typing import NamedTuple

from tollbar.domain.catalogue import Target
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.identity import Allowance
from tollbar.domain.limits import Bounds
from tollbar.domain.money import expected
from tollbar.gateway.completions import Gateway
from tollbar.gateway.counting import CountedBy, count_here
from tollbar.gateway.estimate import estimate
from tollbar.gateway.resolve import Pin, resolve
from tollbar.gateway.visit import Visit


class TargetQuote(NamedTuple):
    """One target: what it would use, and in nano-dollars what that would cost; None where its price is unknown.

    The least is the prompt alone.
    """

    target: str
    counted_by: CountedBy
    bounds: Bounds
    least_nano_dollars: int | None


class Quote(NamedTuple):
    """The targets in the order in which they would be tried, and the allowances in which the call would not fit."""

    model: str
    credits: int
    targets: tuple[TargetQuote, ...]
    short: tuple[Allowance, ...]


async def quote(gateway: Gateway, visit: Visit, request: CompletionRequest, pin: Pin) -> Quote:
    """The quote of a call; raises what resolving and estimating it raise, and InvalidValue for an unknown price."""
    visit.request = request
    principal = visit.principal
    standing = await gateway.admission.standing(principal)
    if gateway.end_users is not None and principal.end_user_terms:
        standing += await gateway.end_users.foreseen(principal, visit.end_user or request.user)
    plan = resolve(request.model, request.features, principal, gateway.catalogue, gateway.health.is_up, pin)
    visit.plan = plan
    usual = gateway.learned.usual(principal.key_id, request.model or plan.model.name)
    bounds = estimate(request, plan, principal.credit_cost, usual)
    short = gateway.admission.short(standing, bounds)
    targets = []
    for target in plan.targets:
        prompt, by = await count_here(gateway, request, target)
        alone = estimate(request, plan._replace(targets=(target,)), principal.credit_cost, usual, prompt)
        targets.append(TargetQuote(target.name, by, alone, _least(target, alone)))
    return Quote(plan.model.name, bounds.credits, tuple(targets), tuple(short))


def _least(target: Target, bounds: Bounds) -> int | None:
    return None if target.card is None else expected(bounds.prompt_tokens, 0, target.card)
