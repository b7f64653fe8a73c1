"""Each attempt is a line; the caller pays the one that answered."""

from datetime import UTC, datetime

import pytest

from tests.making import BACKUP, BOUNDS, TARGET, a_plan, a_request, a_visit
from tollbar.domain.catalogue import Target
from tollbar.domain.errors import StreamBroken, UpstreamBusy, UpstreamError, UpstreamFailed, UpstreamTimeout
from tollbar.domain.limits import Bounds
from tollbar.domain.money import Cost, cost
from tollbar.domain.records import LedgerEntry, Outcome, Provenance
from tollbar.domain.usage import Usage
from tollbar.gateway.entries import entries, estimated
from tollbar.gateway.tariff import bill
from tollbar.gateway.visit import Try, Visit

NOW = datetime(2026, 1, 1, tzinfo=UTC)
USAGE = Usage(20, 8)


def a_call(
    outcome: Outcome, *faults: UpstreamError | None, delivered: bool = True, usage: Usage | None = USAGE
) -> Visit:
    """A call whose attempts ended so, the last one at the fallback."""
    targets = [*[TARGET] * (len(faults) - 1), BACKUP]
    tries = [Try(target, 0.0, 1.0, fault) for target, fault in zip(targets, faults, strict=True)]
    first = 1.0 if delivered else None
    return a_visit(request=a_request(), tries=tries, outcome=outcome, reported=usage, usage=usage, first_token_at=first)


def lines_of(visit: Visit) -> list[LedgerEntry]:
    """The lines of a call, billed by its outcome."""
    return entries(visit, bill(visit.outcome or Outcome.LOST, visit, BOUNDS), BOUNDS, NOW)


def test_a_call_that_was_answered_at_once_is_one_line() -> None:
    """Who, what, how much, at which prices."""
    (line,) = lines_of(a_call(Outcome.OK, None))
    assert BACKUP.card is not None
    price = cost(USAGE, BACKUP.card)
    assert line == LedgerEntry(
        request_id="r1",
        attempt=0,
        key_id="key",
        model="smart",
        target="spare/s",
        outcome=Outcome.OK,
        provenance=Provenance.PROVIDER_FINAL,
        usage=USAGE,
        paid=True,
        credits=3,
        cost_nano_dollars=price.nano_dollars,
        price_version="spare",
        items=price.items,
        at=NOW,
    )


def test_only_the_attempt_that_answered_is_paid() -> None:
    """Earlier ones are lines of their own, on the installation."""
    lines = lines_of(a_call(Outcome.OK, UpstreamBusy("b"), UpstreamTimeout("t"), None))
    assert [(line.attempt, line.target, line.paid, line.outcome, line.credits) for line in lines] == [
        (0, "main/m", False, Outcome.FAILED, 0),
        (1, "main/m", False, Outcome.FAILED, 0),
        (2, "spare/s", True, Outcome.OK, 3),
    ]


@pytest.mark.parametrize(
    ("fault", "may_be_billed"),
    [(UpstreamTimeout("t"), True), (StreamBroken("s"), True), (UpstreamBusy("b"), False), (UpstreamFailed("f"), False)],
)
def test_a_failed_attempt_is_estimated_if_it_may_be_billed(fault: UpstreamError, may_be_billed: bool) -> None:
    """A time-out and a cut may have reached the model; a refusal has not, and costs nothing, not even per request."""
    failed, _ = lines_of(a_call(Outcome.OK, fault, None))
    if may_be_billed:
        prompt = Usage(BOUNDS.prompt_tokens)
        assert TARGET.card is not None
        assert (failed.usage, failed.provenance) == (prompt, Provenance.ESTIMATE)
        assert failed.cost_nano_dollars == cost(prompt, TARGET.card).nano_dollars
    else:
        assert (failed.usage, failed.provenance, failed.cost_nano_dollars) == (Usage(), Provenance.COUNTED, 0)


@pytest.mark.parametrize(
    ("visit", "paid"),
    [
        (a_call(Outcome.FAILED, UpstreamFailed("f"), delivered=False, usage=None), False),
        (a_call(Outcome.FAILED, StreamBroken("f"), delivered=False, usage=USAGE), True),
        (a_call(Outcome.BROKEN, StreamBroken("f")), True),
        (a_call(Outcome.BROKEN, StreamBroken("f"), usage=None), True),
        (a_call(Outcome.ABANDONED, None, delivered=False, usage=None), True),
        (a_call(Outcome.ABANDONED, UpstreamBusy("b"), delivered=False, usage=None), False),
        (a_call(Outcome.FAILED, None, delivered=False, usage=None), True),
    ],
)
def test_the_last_attempt_is_paid_when_the_caller_is_billed_for_it(visit: Visit, paid: bool) -> None:
    """The sum of the paid lines is the bill; an attempt in vain is on the installation."""
    closed = bill(visit.outcome or Outcome.LOST, visit, BOUNDS)
    lines = lines_of(visit)
    assert [line.paid for line in lines] == [paid]
    assert sum(line.credits for line in lines if line.paid) == closed.credits
    assert sum(line.usage.total_tokens for line in lines if line.paid) == closed.usage.total_tokens


def test_a_call_that_was_not_sent_has_no_line() -> None:
    """There is nothing to explain."""
    assert lines_of(a_visit(outcome=Outcome.ABANDONED)) == []


def test_the_line_for_a_crash_is_the_expectation() -> None:
    """Written only should the process die: prompt and expected completion, no credits, flagged by its provenance."""
    line = estimated(a_visit(request=a_request()), a_plan(), BOUNDS, NOW)
    assert (line.outcome, line.provenance, line.paid, line.credits) == (Outcome.LOST, Provenance.ESTIMATE, True, 0)
    assert line.usage == Usage(BOUNDS.prompt_tokens, BOUNDS.expected_tokens - BOUNDS.prompt_tokens)
    assert line.cost_nano_dollars == BOUNDS.expected_nano_dollars


def test_an_unknown_price_leaves_the_cost_open() -> None:
    """For the line of a crash, an attempt that failed and one that answered."""
    unknown = Target("main", "m")
    visit = a_call(Outcome.OK, UpstreamBusy("b"), None)
    visit.tries = [Try(unknown, 0.0, fault=UpstreamBusy("b")), Try(unknown, 0.0)]
    assert [line.cost_nano_dollars for line in lines_of(visit)] == [None, None]
    assert bill(Outcome.OK, visit, BOUNDS).cost is None
    open_bounds = Bounds(1, 2, 2, None, None, 1)
    assert estimated(a_visit(), a_plan(unknown), open_bounds, NOW).cost_nano_dollars is None
    assert Cost(0, ()) != bill(Outcome.OK, visit, BOUNDS).cost
