"""The straight line: every completion-like call goes through `enter` and `open`, and nothing goes round them.

A call is owned by two nested blocks. `enter` begins the record and takes rates, before the body is read; `open` turns
the request into an answer. Whoever leaves them, by the end of the answer, an error, a caller who went away or a killed
task, leaves by the same door, and the hold ends exactly once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

from tollbar.domain.catalogue import Catalogue, Plan, Target
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import NotAllowed
from tollbar.domain.events import StreamEvent
from tollbar.domain.identity import Credential, Permission, Principal
from tollbar.gateway.admit import Admission
from tollbar.gateway.attempts import Attempts
from tollbar.gateway.authenticate import Authenticator
from tollbar.gateway.estimate import estimate
from tollbar.gateway.health import Health
from tollbar.gateway.meter import metered
from tollbar.gateway.record import Recorder
from tollbar.gateway.resolve import NO_PIN, Pin, resolve
from tollbar.gateway.visit import Arrival, Visit
from tollbar.ports import Clock


class Reply(NamedTuple):
    """An answer under way: its events, and the target that gives it."""

    events: AsyncIterator[StreamEvent]
    target: Target
    plan: Plan


@dataclass(slots=True)
class Gateway:
    """The stages of a call, in the order of the fields. `catalogue` is a snapshot; a reload replaces it."""

    authenticator: Authenticator
    recorder: Recorder
    admission: Admission
    catalogue: Catalogue
    health: Health
    attempts: Attempts
    clock: Clock

    async def authenticate(self, credential: Credential | None, address: str) -> Principal:
        """Who calls; raises AccessError."""
        principal = await self.authenticator.caller(credential, address)
        if principal.permission is not Permission.CALL:
            raise NotAllowed("An admin key cannot call models.", hint="Make a key for it: 'tollbar keys create'.")
        return principal

    @asynccontextmanager
    async def enter(self, principal: Principal, arrival: Arrival) -> AsyncIterator[Visit]:
        """The call's visit, with request rates and a concurrency slot taken; raises RateLimited."""
        with self.recorder.watch(principal, arrival) as visit:
            try:
                await self.admission.enter(visit)
                try:
                    yield visit
                finally:
                    self.admission.leave(visit)
            except asyncio.CancelledError:
                if visit.interruption is None or visit.task is None or visit.task.uncancel() > 0:
                    raise  # somebody else wants the task ended, too
                raise visit.interruption from None

    @asynccontextmanager
    async def open(self, visit: Visit, request: CompletionRequest, pin: Pin = NO_PIN) -> AsyncIterator[Reply]:
        """The answer to a request; raises RequestError, NotAllowed, AdmissionError or UpstreamError instead."""
        visit.request = request
        plan = resolve(request.model, request.features, visit.principal, self.catalogue, self.health.is_up, pin)
        visit.plan = plan
        bounds = estimate(request, plan, visit.principal.credit_cost)
        async with self.admission.hold(visit, plan, bounds) as hold:
            visit.committed = hold.committed
            try:
                async with self.attempts.run(plan, request, visit) as events:
                    answering = visit.tries[-1].target
                    yield Reply(metered(events, hold, visit, self.clock), answering, plan)
            finally:
                visit.committed = None  # the hold knows the visit: a circle would be left for the collector
