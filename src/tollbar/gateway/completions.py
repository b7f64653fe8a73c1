"""The straight line: every completion-like call goes through `enter` and `open`, and nothing goes round them.

A call is owned by two nested blocks. `enter` begins the record and takes rates, before the body is read; `open` turns
the request into an answer. Whoever leaves them, by the end of the answer, an error, a caller who went away or a killed
task, leaves by the same door, and the hold ends exactly once.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple

from tollbar.domain.catalogue import Catalogue, Plan, Target
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import NotAllowed
from tollbar.domain.events import StreamEvent
from tollbar.domain.identity import Credential, Permission, Principal
from tollbar.domain.records import Outcome
from tollbar.gateway.admit import Admission, Holding
from tollbar.gateway.attempts import Attempts, Walk
from tollbar.gateway.authenticate import Authenticator
from tollbar.gateway.clamping import Clamp
from tollbar.gateway.end_users import EndUsers
from tollbar.gateway.estimate import estimate
from tollbar.gateway.files import Files, unknown
from tollbar.gateway.health import Health
from tollbar.gateway.learned import Learned
from tollbar.gateway.meter import Metered
from tollbar.gateway.record import Recorder
from tollbar.gateway.repeats import Repeats
from tollbar.gateway.resolve import Pin, resolve
from tollbar.gateway.responses import Responses
from tollbar.gateway.visit import Arrival, Visit
from tollbar.ports.clock import Clock
from tollbar.ports.providers import Tokenizer


class Reply(NamedTuple):
    """An answer under way: its events, what it answers (without its source, which is spent), and who gives it."""

    events: AsyncIterator[StreamEvent]
    request: CompletionRequest
    target: Target
    plan: Plan


@dataclass(slots=True)
class Gateway:
    """The stages of a call, in the order of the fields. `catalogue` is a snapshot; a reload replaces it.

    Without `repeats` the header `Idempotency-Key` means nothing; without `responses` none is kept, and without `files`
    callers have none; without `end_users` nobody is told apart; a `clamp` lowers the length of answers to what is left.
    What is `learned` is how long they usually are. A `tokenizer` counts for those who only ask, and not for calls.
    """

    authenticator: Authenticator
    recorder: Recorder
    admission: Admission
    catalogue: Catalogue
    health: Health
    attempts: Attempts
    clock: Clock
    repeats: Repeats | None = None
    responses: Responses | None = None
    files: Files | None = None
    end_users: EndUsers | None = None
    clamp: Clamp | None = None
    learned: Learned = field(default_factory=Learned)
    tokenizer: Tokenizer | None = None

    async def authenticate(self, credential: Credential | None, address: str) -> Principal:
        """Who calls; raises AccessError."""
        principal = await self.authenticator.caller(credential, address)
        if principal.permission is not Permission.CALL:
            raise NotAllowed("An admin key cannot call models.", hint="Make a key for it: 'tollbar keys create'.")
        return principal

    async def identify(self, visit: Visit, request: CompletionRequest) -> Principal:
        """Has the visit's principal be for the end user that the call names; raises RequestError or NotAllowed."""
        if self.end_users is not None:
            visit.principal = await self.end_users.named(visit.principal, visit.end_user or request.user)
        return visit.principal

    async def allow_uploads(self, visit: Visit, request: CompletionRequest) -> None:
        """Lets a call pass whose files are its key's own; raises NotFound."""
        if self.files is None:
            raise unknown(request.uploads[0])
        await self.files.admit(visit.principal, request.uploads)

    def enter(self, principal: Principal, arrival: Arrival) -> "Entered":
        """A block that gives the call's visit, with request rates and a concurrency slot taken; raises RateLimited."""
        return Entered(self, principal, arrival)

    def open(self, visit: Visit, request: CompletionRequest, pin: Pin = Pin.NAMED) -> "Opened":
        """A block that gives the answer; raises RequestError, NotAllowed, AdmissionError or UpstreamError instead."""
        return Opened(self, visit, request, pin)


class Entered:
    """The outer block of a call. The two blocks are classes, for as generators they cost more than what they do."""

    __slots__ = ("_arrival", "_gateway", "_principal", "_visit")

    def __init__(self, gateway: Gateway, principal: Principal, arrival: Arrival) -> None:
        self._gateway = gateway
        self._principal = principal
        self._arrival = arrival

    async def __aenter__(self) -> Visit:
        self._visit = self._gateway.recorder.begin(self._principal, self._arrival)
        try:
            await self._gateway.admission.enter(self._visit)
        except BaseException as fault:
            self._end(fault)
            raise
        return self._visit

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._gateway.admission.leave(self._visit)
        self._end(fault)

    def _end(self, fault: BaseException | None) -> None:
        """Writes the record; a call that was interrupted from outside raises what it was interrupted with."""
        told = fault if fault is None else self._visit.told(fault)
        self._gateway.recorder.end(self._visit, told)
        if told is not None and told is not fault:
            raise told from None


class Opened:
    """The inner block of a call: the plan, the hold, and the answer under way."""

    __slots__ = ("_gateway", "_holding", "_pin", "_request", "_visit", "_walk")

    def __init__(self, gateway: Gateway, visit: Visit, request: CompletionRequest, pin: Pin) -> None:
        self._gateway = gateway
        self._visit = visit
        self._request = request
        self._pin = pin

    async def __aenter__(self) -> Reply:
        gateway, visit, request = self._gateway, self._visit, self._request
        del self._request  # a stream may last for an hour, and its request need not be kept for it
        principal = visit.principal
        visit.request = request
        if principal.end_user_terms:
            principal = await gateway.identify(visit, request)
        plan = resolve(request.model, request.features, principal, gateway.catalogue, gateway.health.is_up, self._pin)
        visit.plan = plan
        if not request.model:  # the address says which model it means
            request = visit.request = request._replace(model=plan.model.name)
        usual = gateway.learned.usual(principal.key_id, request.model)
        bounds = estimate(request, plan, principal.credit_cost, usual)
        if gateway.clamp is None or not principal.allowances:
            self._holding: Holding = gateway.admission.hold(visit, plan, bounds)
            hold = await self._holding.__aenter__()
        else:
            request, self._holding, hold = await gateway.clamp.hold(visit, plan, request, bounds)
            visit.request = request
        visit.committed = hold.committed
        self._walk: Walk = gateway.attempts.run(plan, request, visit)
        try:
            events = await self._walk.__aenter__()
        except BaseException as fault:
            await self._end(fault)
            raise
        visit.request = request = request.spent()
        return Reply(Metered(events, hold, visit, gateway.clock), request, visit.tries[-1].target, plan)

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._walk.__aexit__(kind, fault, trace)
        except BaseException as raised:
            await self._end(raised)
            raise
        await self._end(fault)

    async def _end(self, fault: BaseException | None) -> None:
        visit = self._visit
        visit.committed = visit.finish = None  # the hold knows the visit: a circle would be left for the collector
        await self._holding.__aexit__(type(fault), fault, None)
        if visit.outcome is Outcome.OK and visit.usage and visit.usage.completion_tokens and visit.request:
            self._gateway.learned.note(visit.principal.key_id, visit.request.model, visit.usage.completion_tokens)
