"""One wide record per call, whatever happened; and the register of calls under way.

The record is written last, by whichever door the call is left, and never fails it. Records wait a moment and are made
and written together: a dozen in one go cost less than as many between other work. A killed process takes that
moment's records along; the ledger, which is money, goes another way.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from tollbar.domain.errors import (
    AccessError,
    AdmissionError,
    CallCancelled,
    GatewayError,
    InternalError,
    RequestError,
)
from tollbar.domain.identity import Principal
from tollbar.domain.records import Attempt, Outcome, RequestRecord
from tollbar.domain.redaction import masked
from tollbar.gateway.visit import Arrival, Try, Visit
from tollbar.ports.clock import Clock

WAIT_SECONDS = 0.02
MOST_WAITING = 64
STATUS_CALLER_LEFT = 499
"""nginx's status for a caller that closed the connection; it is only ever written down, never sent."""


RecordSink = Callable[[Sequence[RequestRecord]], None]


class Recorder:
    """Opens a visit for each call, and writes its record to every sink up to `wait_seconds` after it ended."""

    def __init__(self, sinks: Sequence[RecordSink], clock: Clock, wait_seconds: float = WAIT_SECONDS) -> None:
        self._sinks = sinks
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._ended: list[Visit] = []
        self.visits: dict[Visit, None] = {}
        """The calls under way in the order in which they came, so that a revoked key or a shutdown can end them."""
        self.lost = 0
        """Records that a sink could not take."""

    def begin(self, principal: Principal, arrival: Arrival) -> Visit:
        """The visit of one call, which `end` takes off the register."""
        visit = Visit(arrival, principal, asyncio.current_task())
        self.visits[visit] = None
        return visit

    def end(self, visit: Visit, fault: BaseException | None) -> None:
        """The call is over, by what it raised if it did: its record will be written."""
        if fault is not None:
            _note(visit, fault)
        self.visits.pop(visit, None)
        visit.ended_at = self._clock.monotonic()
        self._ended.append(visit)
        if not self._wait_seconds or len(self._ended) >= MOST_WAITING:
            self.flush()
        elif len(self._ended) == 1:
            asyncio.get_running_loop().call_later(self._wait_seconds, self.flush)

    def flush(self) -> None:
        """Sends the records that wait to every sink; one that fails is counted and fails nothing else."""
        ended, self._ended = self._ended, []
        now, monotonic = self._clock.now(), self._clock.monotonic()
        records = [_record(visit, now - timedelta(seconds=monotonic - visit.ended_at)) for visit in ended]
        for sink in self._sinks if records else ():
            self._send(sink, records)
        for visit in ended:
            _loosen(visit)

    def _send(self, sink: RecordSink, records: Sequence[RequestRecord]) -> None:
        try:
            sink(records)
        except Exception:  # the record is for people: whatever is wrong with it, the call is in order
            if len(records) == 1:
                self.lost += 1
                return
            for record in records:
                self._send(sink, [record])

    def find(self, request_id: str) -> Visit | None:
        """The call under way that has this id."""
        return next((visit for visit in self.visits if visit.arrival.request_id == request_id), None)

    def interrupt(self, error: GatewayError, key_id: str | None = None) -> int:
        """Ends the calls under way, of one key or all, telling their callers `error`; returns how many."""
        found = [visit for visit in self.visits if key_id in (None, visit.principal.key_id)]
        for visit in found:
            visit.interrupt(error)
        return len(found)


def _record(visit: Visit, at: datetime) -> RequestRecord:
    arrival, principal, request = visit.arrival, visit.principal, visit.request
    ended_at = visit.ended_at
    first = visit.first_token_at
    return RequestRecord(
        request_id=arrival.request_id,
        at=at,
        route=arrival.route,
        key_id=principal.key_id,
        key_name=principal.name,
        address=arrival.address,
        model=masked(request.model[:256]) if request else None,
        target=visit.tries[-1].target.name if visit.tries else None,
        stream=request.stream if request else False,
        outcome=visit.outcome or Outcome.OK,
        status=_status(visit),
        error_code=visit.fault.code if visit.fault else None,
        usage=visit.usage,
        provenance=visit.provenance,
        credits=visit.credits,
        cost_nano_dollars=visit.cost_nano_dollars,
        attempts=tuple(_attempt(attempt, visit, ended_at) for attempt in visit.tries),
        duration_seconds=ended_at - arrival.at,
        first_token_seconds=None if first is None else first - arrival.at,
        stages=_stages(visit, ended_at),
        user=_user(visit),
    )


def _user(visit: Visit) -> str | None:
    named = visit.end_user or (visit.request.user if visit.request else None)
    return masked(named) if named else None


def _loosen(visit: Visit) -> None:
    """A fault knows the frames it came through, and so the visit that knows it: a circle left for the collector."""
    if visit.fault is not None:
        visit.fault.__traceback__ = None
    for attempt in visit.tries:
        if attempt.fault is not None:
            attempt.fault.__traceback__ = None


def _note(visit: Visit, fault: BaseException) -> None:
    match fault:
        case GatewayError():
            visit.fault = fault
            visit.outcome = visit.outcome or _outcome(fault)
        case asyncio.CancelledError():
            visit.outcome = visit.outcome or Outcome.ABANDONED
        case _:
            visit.fault = InternalError("")
            visit.outcome = visit.outcome or Outcome.FAILED


def _outcome(fault: GatewayError) -> Outcome:
    if isinstance(fault, CallCancelled):
        return Outcome.ABANDONED
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
