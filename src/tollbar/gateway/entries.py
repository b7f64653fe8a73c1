"""Ledger lines of a call: one for each attempt, of which the caller pays the one that answered.

The other attempts are on the installation. One that may have reached the model before it failed (a time-out, a broken
answer) is written with the prompt as its estimated usage, because the provider may bill it.
"""

from datetime import datetime

from tollbar.domain.catalogue import Plan, Target
from tollbar.domain.errors import StreamBroken, UpstreamTimeout
from tollbar.domain.limits import Bounds
from tollbar.domain.money import Cost, cost
from tollbar.domain.records import LedgerEntry, Outcome, Provenance
from tollbar.domain.usage import Usage
from tollbar.gateway.tariff import Bill
from tollbar.gateway.visit import Try, Visit


def entries(visit: Visit, charged: Bill, bounds: Bounds, at: datetime) -> list[LedgerEntry]:
    """The lines of a call that ended, in the order of its attempts; none when nothing was sent."""
    # Nothing delivered and nothing reported: the caller's bill is empty, and the last attempt on the installation, too.
    is_in_vain = visit.outcome is not Outcome.OK and charged.provenance is Provenance.COUNTED and not charged.credits
    last = len(visit.tries) - 1
    return [
        _failed(visit, number, attempt, bounds, at)
        if number < last or (is_in_vain and attempt.fault is not None)
        else _answered(visit, number, charged, at)
        for number, attempt in enumerate(visit.tries)
    ]


def estimated(visit: Visit, plan: Plan, bounds: Bounds, at: datetime) -> LedgerEntry:
    """The line to be written should this process die before the call ends: the prompt and the expected completion."""
    usage = Usage(bounds.prompt_tokens, bounds.expected_tokens - bounds.prompt_tokens)
    price = None if bounds.expected_nano_dollars is None else Cost(bounds.expected_nano_dollars, ())
    expected = Bill(0, usage, Provenance.ESTIMATE, price)
    return _line(visit, plan.targets[0], 0, Outcome.LOST, expected, at)


def _answered(visit: Visit, number: int, charged: Bill, at: datetime) -> LedgerEntry:
    return _line(visit, visit.tries[number].target, number, visit.outcome or Outcome.LOST, charged, at)


def _failed(visit: Visit, number: int, attempt: Try, bounds: Bounds, at: datetime) -> LedgerEntry:
    card = attempt.target.card
    may_be_billed = isinstance(attempt.fault, StreamBroken | UpstreamTimeout)
    usage = Usage(prompt_tokens=bounds.prompt_tokens) if may_be_billed else Usage()
    provenance = Provenance.ESTIMATE if may_be_billed else Provenance.COUNTED
    price = cost(usage, card) if may_be_billed and card is not None else Cost(0, ())
    charged = Bill(0, usage, provenance, price if card is not None else None)
    return _line(visit, attempt.target, number, Outcome.FAILED, charged, at)._replace(paid=False)


def _line(visit: Visit, target: Target, number: int, outcome: Outcome, charged: Bill, at: datetime) -> LedgerEntry:
    price = charged.cost
    return LedgerEntry(
        request_id=visit.arrival.request_id,
        attempt=number,
        key_id=visit.principal.key_id,
        model=visit.request.model if visit.request else "",
        target=target.name,
        outcome=outcome,
        provenance=charged.provenance,
        usage=charged.usage,
        paid=True,
        credits=charged.credits,
        cost_nano_dollars=price.nano_dollars if price else None,
        price_version=target.card.version if target.card else None,
        items=price.items if price else (),
        at=at,
        end_user=visit.principal.end_user,
    )
