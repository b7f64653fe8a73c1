"""What each ending costs, row by row."""

from dataclasses import replace

import pytest

from tests.making import BACKUP, BOUNDS, CARD, TARGET, a_request, a_visit
from tollbar.domain.catalogue import Target
from tollbar.domain.errand import Errand
from tollbar.domain.errors import StreamBroken
from tollbar.domain.money import Cost, PriceCard, Rate, cost
from tollbar.domain.records import Outcome, Provenance
from tollbar.domain.usage import Usage
from tollbar.gateway.tariff import Bill, bill
from tollbar.gateway.visit import Try, Visit

REPORTED = Usage(20, 8, 4)
COUNTED = Usage(BOUNDS.prompt_tokens, 25)
PROMPT = Usage(BOUNDS.prompt_tokens)
NOTHING = Usage()
FREE_OF_CHARGE = Cost(0, ())
FLAT = PriceCard("test", Rate(0), Rate(0), per_request_pico=40_000_000_000)


def a_call(delivered: bool, reported: Usage | None, sent: bool = True) -> Visit:
    """A call that said 100 bytes if it said anything."""
    return a_visit(
        tries=[Try(TARGET, 0.0)] if sent else [],
        first_token_at=1.0 if delivered else None,
        output_bytes=100 if delivered else 0,
        reported=reported,
    )


@pytest.mark.parametrize(
    ("outcome", "delivered", "reported", "price", "usage", "provenance"),
    [
        # complete: the price; reported, else counted
        (Outcome.OK, True, REPORTED, 3, REPORTED, Provenance.PROVIDER_FINAL),
        (Outcome.OK, True, NOTHING, 3, NOTHING, Provenance.PROVIDER_FINAL),
        (Outcome.OK, True, None, 3, COUNTED, Provenance.COUNTED),
        (Outcome.OK, False, None, 3, PROMPT, Provenance.COUNTED),
        # failed, nothing sent to the caller: nothing, unless the provider reported usage
        (Outcome.FAILED, False, REPORTED, 0, REPORTED, Provenance.PROVIDER_PARTIAL),
        (Outcome.FAILED, False, None, 0, NOTHING, Provenance.COUNTED),
        # the provider cut the stream after content: no credits; reported, else estimated
        (Outcome.BROKEN, True, REPORTED, 0, REPORTED, Provenance.PROVIDER_PARTIAL),
        (Outcome.BROKEN, True, None, 0, COUNTED, Provenance.ESTIMATE),
        # the caller left before content: no credits; the input, as the request was sent
        (Outcome.ABANDONED, False, REPORTED, 0, REPORTED, Provenance.PROVIDER_PARTIAL),
        (Outcome.ABANDONED, False, None, 0, PROMPT, Provenance.ESTIMATE),
        # the caller left after content: the price; reported, else counted
        (Outcome.ABANDONED, True, REPORTED, 3, REPORTED, Provenance.PROVIDER_PARTIAL),
        (Outcome.ABANDONED, True, NOTHING, 3, NOTHING, Provenance.PROVIDER_PARTIAL),
        (Outcome.ABANDONED, True, None, 3, COUNTED, Provenance.COUNTED),
    ],
)
def test_each_row_of_the_table(
    outcome: Outcome, delivered: bool, reported: Usage | None, price: int, usage: Usage, provenance: Provenance
) -> None:
    """Credits are for what succeeded, dollars and tokens for what the provider bills; a reported zero stays zero."""
    billed = FREE_OF_CHARGE if reported is None and usage == NOTHING else cost(usage, CARD)
    assert bill(outcome, a_call(delivered, reported), BOUNDS) == Bill(price, usage, provenance, billed, price // 3)


@pytest.mark.parametrize("outcome", [Outcome.ABANDONED, Outcome.FAILED])
def test_what_was_never_sent_costs_nothing(outcome: Outcome) -> None:
    """No attempt, no tokens, and no price per request either."""
    assert bill(outcome, a_call(False, None, sent=False), BOUNDS) == Bill(0, NOTHING, Provenance.COUNTED, None)


def test_who_leaves_between_two_attempts_owes_nothing() -> None:
    """The last attempt had failed and the next was not made: that one is on the installation."""
    visit = a_call(False, None)
    visit.tries[-1].fault = StreamBroken("Cut.")
    assert bill(Outcome.ABANDONED, visit, BOUNDS) == Bill(0, NOTHING, Provenance.COUNTED, FREE_OF_CHARGE)


def test_the_attempt_that_answered_sets_the_price() -> None:
    """A fallback's own card, not the first target's."""
    visit = a_call(True, REPORTED)
    visit.tries.append(Try(BACKUP, 1.0))
    assert BACKUP.card is not None
    assert bill(Outcome.OK, visit, BOUNDS).cost == cost(REPORTED, BACKUP.card)


def test_an_unknown_price_makes_no_cost() -> None:
    """It is unknown, not zero."""
    visit = a_call(True, REPORTED)
    visit.tries = [Try(Target("main", "m"), 0.0)]
    assert bill(Outcome.OK, visit, BOUNDS).cost is None


@pytest.mark.parametrize(
    ("card", "reported", "price"),
    [
        (CARD, None, None),
        (CARD, Usage(20, 8), cost(Usage(20, 8), CARD)),
        (FLAT, None, Cost(40_000_000, ())),
        (FLAT, Usage(0, 8), cost(Usage(0, 8), FLAT)),
    ],
)
def test_an_errand_without_usage_has_a_price_only_by_the_call(
    card: PriceCard, reported: Usage | None, price: Cost | None
) -> None:
    """Counted text says nothing of what a picture costs; a price by the call is due also where no token was counted."""
    visit = a_visit(tries=[Try(replace(TARGET, card=card), 0.0)], reported=reported)
    visit.request = a_request()._replace(errand=Errand("/images/generations"))
    assert bill(Outcome.OK, visit, BOUNDS._replace(prompt_tokens=0)).cost == price


def test_a_price_by_the_call_is_not_due_for_one_that_failed() -> None:
    """Nothing was served."""
    visit = a_visit(tries=[Try(replace(TARGET, card=FLAT), 0.0)])
    assert bill(Outcome.FAILED, visit, BOUNDS).cost == FREE_OF_CHARGE
