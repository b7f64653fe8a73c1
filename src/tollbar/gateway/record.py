"""One wide record per call, whatever happened; and the register of calls under way.

The record is written last, by whichever door the call is left, and never fails it.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from tollbar.domain.errors import AccessError, AdmissionError, GatewayError, InternalError, RequestError
from tollbar.domain.identity import Principal
from tollbar.domain.records import Attempt, Outcome, RequestRecord
from tollbar.gateway.visit import Arrival, Try, Visit
from tollbar.ports import Clock

STATUS_CALLER_LEFT = 499
"""nginx's status for a caller that closed the connection; it is only ever written down, never sent."""


class Recorder:
    """Opens a visit for each call and writes its record to every sink when it ends."""

    def __init__(self, sinks: Sequence[Callable[[RequestRecord], None]], clock: Clock) -> None:
        self._sinks = sinks
        self._clock = clock
        self.visits: set[Visit] = set()
        """The calls under way, so that a revoked key or a shutdown can end them."""
        self.lost = 0
        """Records that a sink could not take."""

    @contextmanager
    def watch(self, principal: Principal, arrival: Arrival) -> Iterator[Visit]:
        """The visit of one call; its record is written when the block is left."""
        visit = Visit(arrival, principal, asyncio.current_task())
        self.visits.add(visit)
        try:
            yield visit
        except GatewayError as fault:
            visit.fault = fault
            visit.outcome = visit.outcome or _outcome(fault)
            raise
        except asyncio.CancelledError:
            visit.outcome = visit.outcome or Outcome.ABANDONED
            raise
        except BaseException:
            visit.fault = InternalError("")
            visit.outcome = visit.outcome or Outcome.FAILED
            raise
        finally:
            self.visits.discard(visit)
            self.write(visit)

    def write(self, visit: Visit) -> None:
        """Sends the record of a visit that is over to every sink; one that fails is counted and fails nothing else."""
        record = self._record(visit)
        for sink in self._sinks:
            try:
                sink(record)
            except Exception:  # the record is for people: whatever is wrong with it, the call is in order
                self.lost += 1

    def interrupt(self, error: GatewayError, key_id: str | None = None) -> int:
        """Ends the calls under way, of one key or all, telling their callers `error`; returns how many."""
        found = [visit for visit in self.visits if key_id in (None, visit.principal.key_id)]
        for visit in found:
            visit.interrupt(error)
        return len(found)

    def _record(self, visit: Visit) -> RequestRecord:
        arrival, principal, request = visit.arrival, visit.principal, visit.request
        now = self._clock.monotonic()
        first = visit.first_token_at
        return RequestRecord(
            request_id=arrival.request_id,
            at=self._clock.now(),
            route=arrival.route,
            key_id=principal.key_id,
            key_name=principal.name,
            address=arrival.address,
            model=request.model[:256] if request else None,
            target=visit.tries[-1].target.name if visit.tries else None,
            stream=request.stream if request else False,
            outcome=visit.outcome or Outcome.OK,
            status=_status(visit),
            error_code=visit.fault.code if visit.fault else None,
            usage=visit.usage,
            provenance=visit.provenance,
            credits=visit.credits,
            cost_nano_dollars=visit.cost_nano_dollars,
            attempts=tuple(_attempt(attempt, visit, now) for attempt in visit.tries),
            duration_seconds=now - arrival.at,
            first_token_seconds=None if first is None else first - arrival.at,
            stages=_stages(visit, now),
            user=request.user if request else None,
        )


def _outcome(fault: GatewayError) -> Outcome:
    refusals = (RequestError, AccessError, AdmissionError)
    return Outcome.REFUSED if isinstance(fault, refusals) else Outcome.FAILED


def _status(visit: Visit) -> int:
    if visit.outcome is Outcome.ABANDONED:
        return STATUS_CALLER_LEFT
    if visit.fault is None or visit.has_delivered:
        return 200
    return visit.arrival.status_of(visit.fault)


def _stages(visit: Visit, now: float) -> Mapping[str, float]:
    """Seconds spent before the first attempt, waiting for its first content, and passing the answer on."""
    arrived = visit.arrival.at
    sent = visit.tries[0].began_at if visit.tries else now
    first = visit.first_token_at or now
    return {"admit": sent - arrived, "wait": first - sent, "deliver": now - first}


def _attempt(attempt: Try, visit: Visit, now: float) -> Attempt:
    fault = attempt.fault
    failed = Outcome.BROKEN if visit.outcome is Outcome.BROKEN and attempt is visit.tries[-1] else Outcome.FAILED
    return Attempt(
        target=attempt.target.name,
        outcome=failed if fault else visit.outcome or Outcome.OK,
        started_seconds=attempt.began_at - visit.arrival.at,
        ended_seconds=(attempt.ended_at or now) - visit.arrival.at,
        error_code=fault.code if fault else None,
        upstream_status=fault.upstream_status if fault else None,
    )
