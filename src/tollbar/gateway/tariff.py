"""What an ending costs: this table, and nowhere else.

ending                                   credits             dollars and tokens
complete                                 price × multiplier  reported, else counted
failed, nothing sent to the caller       0                   0, unless the provider reported usage
provider cut the stream after content    0                   reported, else estimated
caller left or cancelled before content  0                   the input, if a request was sent
the same after content                   price × multiplier  reported, else counted
"""

from typing import NamedTuple

from tollbar.domain.limits import Bounds
from tollbar.domain.money import Cost, PriceCard, cost
from tollbar.domain.records import Outcome, Provenance
from tollbar.domain.usage import Usage
from tollbar.gateway.estimate import tokens_of
from tollbar.gateway.visit import Visit


class Bill(NamedTuple):
    """What the caller owes for one ending. `cost` is None when the price is unknown; `uses` is 1 for a success."""

    credits: int
    usage: Usage
    provenance: Provenance
    cost: Cost | None
    uses: int = 0


def bill(outcome: Outcome, visit: Visit, bounds: Bounds) -> Bill:
    """The bill of a call that ended so."""
    reported = visit.reported
    earns = outcome is Outcome.OK or (outcome is Outcome.ABANDONED and visit.has_delivered)
    if reported is not None:
        final = outcome is Outcome.OK
        usage, provenance = reported, Provenance.PROVIDER_FINAL if final else Provenance.PROVIDER_PARTIAL
    else:
        usage, provenance = _unreported(outcome, visit, bounds)
    card = visit.tries[-1].target.card if visit.tries else None
    price = cost(usage, card) if card is not None and _is_due(visit, card) else None
    if price is not None and reported is None and usage == Usage() and outcome is not Outcome.OK:
        price = Cost(0, ())  # a price per request is not due for a request that was not served
    return Bill(credits=bounds.credits if earns else 0, usage=usage, provenance=provenance, cost=price, uses=int(earns))


def _is_due(visit: Visit, card: PriceCard) -> bool:
    """Whether the price by tokens says what was consumed: not of an errand whose answer did not tell any."""
    errand = visit.request.errand if visit.request is not None else None
    return errand is None or errand.embedding is not None or visit.reported is not None or card.is_flat


def _unreported(outcome: Outcome, visit: Visit, bounds: Bounds) -> tuple[Usage, Provenance]:
    sent = bool(visit.tries) and visit.tries[-1].fault is None  # else it failed, and the next was not made yet
    counted = Usage(prompt_tokens=bounds.prompt_tokens, completion_tokens=tokens_of(visit.output_bytes))
    match outcome:
        case Outcome.OK:
            return counted, Provenance.COUNTED
        case Outcome.ABANDONED if visit.has_delivered:
            return counted, Provenance.COUNTED
        case Outcome.ABANDONED if sent:
            return Usage(prompt_tokens=bounds.prompt_tokens), Provenance.ESTIMATE
        case Outcome.BROKEN if visit.has_delivered:
            return counted, Provenance.ESTIMATE
        case _:
            return Usage(), Provenance.COUNTED
