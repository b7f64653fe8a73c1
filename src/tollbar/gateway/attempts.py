"""Walks the plan: one attempt after another until a provider says something, or nobody is left.

The point of no return is the first content event. Until then preludes are kept back and a failure may be retried or
fall back; after it nothing is, and a failure is told in-band. At most `attempts` tries in all: each fallback takes one,
the first target has the rest. A wait is min(2^i, 8) seconds with jitter, or what the provider asks for, and is only
made before the *same* target is tried again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from tollbar.domain.catalogue import Call, Plan, Target
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import (
    GatewayError,
    InternalError,
    Overloaded,
    RequestError,
    StreamBroken,
    UpstreamError,
    UpstreamFull,
    UpstreamRejected,
)
from tollbar.domain.events import Frames, StreamEvent, is_content
from tollbar.gateway.health import Health
from tollbar.gateway.visit import Try, Visit
from tollbar.ports.clock import Clock
from tollbar.ports.providers import Provider

LONGEST_WAIT_SECONDS = 8.0
LONGEST_RETRY_AFTER_SECONDS = 30.0
JITTER = 0.25
MOST_SLEEPERS = 1_000
MOST_PRELUDE_BYTES = 1024 * 1024
"""What is kept back of an answer that says nothing. Half an hour of comments, ten a second, is less."""
EVENT_BYTES = 100
"""What an event is counted as beside the bytes in it."""

Exchange = AbstractAsyncContextManager[AsyncIterator[StreamEvent]]
"""One attempt under way at a provider."""


class Attempts:
    """Makes the attempts of calls. `jitter` gives numbers from 0 to 1."""

    def __init__(
        self, providers: Mapping[str, Provider], health: Health, clock: Clock, jitter: Callable[[], float]
    ) -> None:
        self._providers = providers
        self._health = health
        self._clock = clock
        self._jitter = jitter
        self._sleepers = 0

    def run(self, plan: Plan, request: CompletionRequest, visit: Visit) -> "Walk":
        """A block that gives the events of the first attempt that gets as far as content.

        Raises the last UpstreamError when none does.
        """
        return Walk(self, plan, request, visit)

    async def open(
        self, plan: Plan, request: CompletionRequest, visit: Visit
    ) -> tuple[Exchange, AsyncIterator[StreamEvent]]:
        """The exchange that gave content, entered, and its events."""
        ladder = rungs(plan)
        position = self._nearest(ladder, 0)
        while True:
            target = ladder[position]
            self._begin(target, visit)
            try:
                exchange = self.provider(target).open(self.call(request, target, visit))
                if target.is_local:
                    visit.place = getattr(exchange, "place", None)
                events = await exchange.__aenter__()
                try:
                    head = await _until_content(events)
                except BaseException as fault:
                    await exchange.__aexit__(type(fault), fault, fault.__traceback__)
                    raise
            except UpstreamError as fault:
                self.failed(visit, fault)
                position = await self._next(ladder, position, fault, visit)
                continue
            except RequestError as fault:
                position = self._skip(ladder, position, fault, visit)
                continue
            self._health.succeeded(target)
            return exchange, _Chained(head, events)

    def failed(self, visit: Visit, fault: UpstreamError) -> None:
        """Writes down how the last attempt failed, and tells its fault of all that failed so far."""
        attempt = visit.tries[-1]
        attempt.ended_at, attempt.fault = self._clock.monotonic(), fault
        if isinstance(fault, UpstreamRejected | UpstreamFull):
            self._health.succeeded(attempt.target)  # it is well enough to find fault with the request, or is just busy
        else:
            self._health.failed(attempt.target)
        fault.attempts = _told(visit.tries)

    def ended(self, visit: Visit) -> None:
        """Writes down that the last attempt came to its end."""
        visit.tries[-1].ended_at = self._clock.monotonic()

    def _begin(self, target: Target, visit: Visit) -> None:
        if not visit.tries or visit.tries[-1].target.name != target.name:
            self._health.began(target)
        visit.tries.append(Try(target, self._clock.monotonic()))

    def provider(self, target: Target) -> Provider:
        """Who serves a target; raises InternalError when nobody does."""
        provider = self._providers.get(target.provider)
        if provider is None:
            raise InternalError(f"No provider is configured under {target.provider!r}.")
        return provider

    def call(self, request: CompletionRequest, target: Target, visit: Visit) -> Call:
        """The request as a target is sent it, with the time that is left."""
        deadline, bound = visit.arrival.at + target.timeouts.total, "total"
        if (pace := visit.arrival.pace) is not None:
            attempt_ends = self._clock.monotonic() + pace.attempt_seconds
            of_pace = (attempt_ends, "simple_attempt"), (visit.arrival.at + pace.total_seconds, "simple_total")
            deadline, bound = min((deadline, bound), *of_pace)
        caller = visit.principal
        return Call(request, target, deadline, visit.arrival.request_id, bound, caller.key_id, caller.tier)

    async def _next(self, ladder: list[Target], position: int, fault: UpstreamError, visit: Visit) -> int:
        """The rung to try after a failure, once it is time; raises the failure when there is none."""
        if isinstance(fault, UpstreamRejected):
            raise fault
        following = position + 1
        here = ladder[position].name
        if not fault.is_retryable:
            while following < len(ladder) and ladder[following].name == here:
                following += 1
        if following >= len(ladder):
            raise fault
        nearest = self._nearest(ladder, following)
        if ladder[nearest].name != here:  # it was the last try here, or the circuit is open by now
            return nearest
        seconds = self._pause(position, fault)
        if seconds is None or self._is_late(visit, seconds) or not self._health.may_retry(ladder[position]):
            return self._fallback(ladder, position, fault)
        await self._sleep(seconds)
        return self._nearest(ladder, following)

    def _skip(self, ladder: list[Target], position: int, fault: RequestError, visit: Visit) -> int:
        """The rung after a target whose dialect has no word for what the request holds: it was sent nothing.

        Where none is left the caller is told what the attempts before ended with, or else what cannot be said.
        """
        skipped = visit.tries.pop().target
        self._health.spared(skipped)
        if visit.plan is not None:
            visit.plan = visit.plan._replace(skipped=(*visit.plan.skipped, (skipped.name, fault.message)))
        ended_with = visit.tries[-1].fault if visit.tries else None
        return self._fallback(ladder, position, ended_with or fault)

    def _is_late(self, visit: Visit, seconds: float) -> bool:
        """Whether the time that the route allows for the call is over after so many seconds more."""
        arrival = visit.arrival
        return arrival.pace is not None and self._clock.monotonic() + seconds >= arrival.at + arrival.pace.total_seconds

    def _fallback(self, ladder: list[Target], position: int, fault: GatewayError) -> int:
        here = ladder[position].name
        for following in range(position + 1, len(ladder)):
            if ladder[following].name != here:
                return self._nearest(ladder, following)
        raise fault

    def _nearest(self, ladder: Sequence[Target], position: int) -> int:
        """The first rung from here whose target is up, this one where none is.

        The plan was made a while ago: since then a circuit may have opened, or another call may have begun to probe.
        """
        for rung in range(position, len(ladder)):
            if self._health.is_up(ladder[rung]):
                return rung
        return position

    def _pause(self, retry: int, fault: UpstreamError) -> float | None:
        """Seconds to wait before the retry; None when the provider asks for longer than we will."""
        wait = min(2.0**retry, LONGEST_WAIT_SECONDS)
        wait *= 1 + JITTER * (2 * self._jitter() - 1)
        asked = fault.retry_after_seconds or 0.0
        return None if asked > LONGEST_RETRY_AFTER_SECONDS else max(wait, asked)

    async def _sleep(self, seconds: float) -> None:
        if self._sleepers >= MOST_SLEEPERS:
            raise Overloaded("Too many calls are waiting to be tried again.")
        self._sleepers += 1
        try:
            await self._clock.sleep(seconds)
        finally:
            self._sleepers -= 1


class Walk:
    """The attempts of one call as a block; a class, since as a generator it would cost more than it does."""

    __slots__ = ("_attempts", "_exchange", "_plan", "_request", "_visit")

    def __init__(self, attempts: Attempts, plan: Plan, request: CompletionRequest, visit: Visit) -> None:
        self._attempts = attempts
        self._plan = plan
        self._request = request
        self._visit = visit

    async def __aenter__(self) -> AsyncIterator[StreamEvent]:
        self._exchange, events = await self._attempts.open(self._plan, self._request, self._visit)
        del self._plan, self._request  # nobody needs them while a long answer passes
        return events

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._exchange.__aexit__(kind, fault, trace)
        except UpstreamError as raised:
            self._attempts.failed(self._visit, raised)
            raise
        if fault is None:
            self._attempts.ended(self._visit)
        elif isinstance(fault, UpstreamError):
            self._attempts.failed(self._visit, fault)


def rungs(plan: Plan) -> list[Target]:
    """Every try a call may make, in order: one for each fallback, the rest for the first target."""
    most = max(1, plan.model.attempts)
    fallbacks = list(plan.targets[1:most])
    return [plan.targets[0]] * (most - len(fallbacks)) + fallbacks


def _told(tries: Sequence[Try]) -> list[dict[str, object]]:
    """The attempts of a call, as its caller may know them."""
    return [
        {"target": attempt.target.name, "code": attempt.fault.code, "status": attempt.fault.upstream_status}
        for attempt in tries
        if attempt.fault is not None
    ]


async def _until_content(events: AsyncIterator[StreamEvent]) -> list[StreamEvent]:
    head: list[StreamEvent] = []
    size = 0
    async for event in events:
        head.append(event)
        if is_content(event):
            return head
        size += EVENT_BYTES + (len(event.raw) if isinstance(event, Frames) else 0)
        if size > MOST_PRELUDE_BYTES:
            raise StreamBroken(f"The provider said nothing in {MOST_PRELUDE_BYTES} bytes.", is_retryable=True)
    raise StreamBroken("The provider closed its answer before it said anything.", is_retryable=True)


class _Chained:
    """The events that were kept back, then the rest; a class, since a generator per call costs more than its events."""

    __slots__ = ("_head", "_rest")

    def __init__(self, head: list[StreamEvent], rest: AsyncIterator[StreamEvent]) -> None:
        self._head = iter(head)
        self._rest = rest

    def __aiter__(self) -> Self:
        return self

    def __anext__(self) -> Awaitable[StreamEvent]:
        for event in self._head:
            return _at_once(event)
        return anext(self._rest)


async def _at_once(event: StreamEvent) -> StreamEvent:
    return event
