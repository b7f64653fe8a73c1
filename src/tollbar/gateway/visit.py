"""One call while it lasts: what each stage learnt of it, for the stages after and for the record.

A visit is written by the task that serves the call and by nobody else; `interrupt` is the one thing others may do.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from tollbar.domain.catalogue import Plan, Target
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import CallCancelled, GatewayError, UpstreamError
from tollbar.domain.identity import Principal
from tollbar.domain.limits import Room
from tollbar.domain.place import Place
from tollbar.domain.records import Outcome, Provenance
from tollbar.domain.repeats import Keeping
from tollbar.domain.usage import Usage
from tollbar.gateway.terms import Terms


class Pace(NamedTuple):
    """The seconds that a route allows: one attempt, from connecting to the last byte, and the call with all of them."""

    attempt_seconds: float
    total_seconds: float


def _own_status(error: GatewayError) -> int:
    return error.status


class Arrival(NamedTuple):
    """How a call came in: its id, the route's path, the caller's address and the moment (monotonic seconds).

    `source` is what the address is counted as: IPv6 by networks of 64 bits. `pace` is what the route allows beside the
    target's own time-outs; `status_of` the status that its callers are told of an error.
    """

    request_id: str
    route: str
    address: str
    at: float
    source: str = ""
    pace: Pace | None = None
    status_of: Callable[[GatewayError], int] = _own_status


@dataclass(slots=True)
class Try:
    """One attempt under way or over, in monotonic seconds."""

    target: Target
    began_at: float
    ended_at: float | None = None
    fault: UpstreamError | None = None


@dataclass(slots=True, eq=False)
class Visit:
    """A call in progress.

    `committed` waits until the call's hold is durable, which is when the first byte may go out; None before there is a
    hold. `is_held` says that it was waited for. `reported` is the usage as the provider told it, `usage` as billed.
    `ended_at` is in monotonic seconds. With `keeps` its answer is to be kept: once it is whole, `finish` settles and
    keeps it in one go, before its last byte is sent. `place` is where the call stood before a local model, None for any
    other. `end_user` is whom the call's headers name, beside its body; `clamped` the length to which its answer was
    lowered.
    """

    arrival: Arrival
    principal: Principal
    task: "asyncio.Task[object] | None"
    request: CompletionRequest | None = None
    plan: Plan | None = None
    tries: list[Try] = field(default_factory=list)
    rooms: tuple[Room, ...] = ()
    is_held: bool = False
    committed: Callable[[], Awaitable[None]] | None = None
    reported: Usage | None = None
    usage: Usage | None = None
    output_bytes: int = 0
    first_token_at: float | None = None
    outcome: Outcome | None = None
    fault: GatewayError | None = None
    provenance: Provenance | None = None
    credits: int = 0
    cost_nano_dollars: int | None = None
    interruption: GatewayError | None = None
    terms: Terms | None = None
    ended_at: float = 0.0
    place: Place | None = None
    keeps: bool = False
    finish: Callable[[Keeping | None], Awaitable[None]] | None = None
    end_user: str = ""
    clamped: int | None = None

    @property
    def has_delivered(self) -> bool:
        """Whether content went to the caller; an answer that is not streamed goes as a whole, once it is settled."""
        return self.first_token_at is not None and self.request is not None and self.request.stream

    def interrupt(self, error: GatewayError) -> None:
        """Ends the call from outside (its key was revoked, we shut down): the caller is told `error`."""
        if self.interruption is None and self.task is not None:
            self.interruption = error
            self.task.cancel()

    def cancel(self) -> bool:
        """Ends the call at the wish of who may; False where there is nothing to end, its answer being whole."""
        if self.outcome is not None or self.task is None:
            return False
        self.interrupt(CallCancelled("The call was cancelled.", hint="Nothing is wrong with it; send it again."))
        return True

    def told(self, fault: BaseException) -> BaseException:
        """What the call ends with: what it was interrupted with, if that and nothing else cancelled it."""
        if self.interruption is None or self.task is None or not isinstance(fault, asyncio.CancelledError):
            return fault
        return fault if self.task.uncancel() > 0 else self.interruption  # else somebody wants the task ended, too
