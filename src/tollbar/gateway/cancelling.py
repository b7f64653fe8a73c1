"""Calls under way, in whichever process they run: told of, and ended from outside by their key's holder or an operator.

Guarantees: a stream ends as one that is whole does, and another call with an error that says why; either is charged as
one that its caller left. A call of another key is as unknown as one that never was. What another process runs is asked
of it through the store, which takes up to `ELSEWHERE_SECONDS`. What an operator ends, the audit tells.
"""

import re
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from operator import attrgetter

from tollbar.domain.audit import Actor
from tollbar.domain.errors import Conflict, NotFound, Overloaded
from tollbar.domain.identity import KeyKind
from tollbar.domain.records import CallHistory, RunningCall, RunningCalls
from tollbar.domain.redaction import masked
from tollbar.gateway.estimate import tokens_of
from tollbar.gateway.record import Recorder
from tollbar.gateway.visit import Visit
from tollbar.ports.calls import CancelStore
from tollbar.ports.clock import Clock
from tollbar.ports.watching import AuditTrail

ELSEWHERE_SECONDS = 1.0
ASK_SECONDS = 0.05
MOST_ASKING = 100
"""How many such questions one process has open at once: each is written, whether or not there is such a call."""
MOST_TOLD = 1_000
"""Calls that one process tells of, those that have run longest."""
_ID = re.compile(r"req_[0-9a-f]{24,40}")


@dataclass(slots=True)
class Cancelling:
    """Ends calls, and lists them. `past` tells of one that is over; `has_others`: other processes may run some."""

    recorder: Recorder
    store: CancelStore
    audit: AuditTrail
    clock: Clock
    past: Callable[[str], Awaitable[CallHistory | None]]
    has_others: bool
    _asking: int = 0

    async def cancel(self, request_id: str, whose: str | Actor) -> None:
        """Ends a call of that key, or at an operator's wish of any; raises NotFound, or Conflict where it is over."""
        if isinstance(whose, Actor):
            await self._cancel(request_id, None)
            await self.audit.note(whose, "request.cancel", request_id)
        else:
            await self._cancel(request_id, whose)

    async def _cancel(self, request_id: str, key_id: str | None) -> None:
        visit = self.recorder.find(request_id)
        if visit is not None and _is_of(visit, key_id):
            if not visit.cancel():
                raise _over()
            return
        if visit is not None or not _ID.fullmatch(request_id):
            raise _unknown()
        await self._refuse_past(request_id, key_id)
        if not (self.has_others and await self._is_ended_elsewhere(request_id, key_id)):
            await self._refuse_past(request_id, key_id)  # it may have ended meanwhile
            raise _unknown()

    async def running(self) -> RunningCalls:
        """What every process runs, as far as they tell within `ELSEWHERE_SECONDS`; raises Overloaded."""
        question = secrets.token_hex(12)
        with self._one_more():
            await self.store.ask_all(question)
            until = self.clock.monotonic() + ELSEWHERE_SECONDS
            while (told := await self.store.reports(question)).silent and self.clock.monotonic() < until:
                await self.clock.sleep(ASK_SECONDS)
        return told._replace(calls=tuple(sorted(told.calls, key=attrgetter("since"))))

    async def heed(self) -> None:
        """Ends here what other processes ask to have ended, and tells whoever asks what runs here."""
        for request_id, key_id in await self.store.asked():
            visit = self.recorder.find(request_id)
            if visit is not None and _is_of(visit, key_id) and visit.cancel():
                await self.store.tell(request_id)
        for question in await self.store.questions():
            now, monotonic = self.clock.now(), self.clock.monotonic()
            oldest = islice(self.recorder.visits, MOST_TOLD)
            calls = [_told(visit, now - timedelta(seconds=monotonic - visit.arrival.at)) for visit in oldest]
            await self.store.report(question, calls)

    async def _is_ended_elsewhere(self, request_id: str, key_id: str | None) -> bool:
        with self._one_more():
            await self.store.ask(request_id, key_id)
            until = self.clock.monotonic() + ELSEWHERE_SECONDS
            while self.clock.monotonic() < until:
                await self.clock.sleep(ASK_SECONDS)
                if await self.store.is_told(request_id):
                    return True
        return False

    @contextmanager
    def _one_more(self) -> Iterator[None]:
        """A block in which other processes are asked; raises Overloaded."""
        if self._asking >= MOST_ASKING:
            raise Overloaded("The other processes are asked for too many calls.", hint="Ask again in a second.")
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1

    async def _refuse_past(self, request_id: str, key_id: str | None) -> None:
        history = await self.past(request_id)
        if history is not None and key_id in (None, history.key_id):
            raise _over()


def _is_of(visit: Visit, key_id: str | None) -> bool:
    """Callers without a key are one principal and many people: none of them may end another's call."""
    holder = visit.principal
    return key_id is None or (holder.key_id == key_id and holder.kind is not KeyKind.ANONYMOUS)


def _told(visit: Visit, since: datetime) -> RunningCall:
    arrival, principal, request, reported = visit.arrival, visit.principal, visit.request, visit.reported
    return RunningCall(
        arrival.request_id,
        principal.key_id,
        principal.name,
        arrival.route,
        masked(request.model[:256]) if request else "",
        visit.tries[-1].target.name if visit.tries else None,
        since,
        reported.completion_tokens if reported else tokens_of(visit.output_bytes),
    )


def _unknown() -> NotFound:
    return NotFound("There is no such call.", hint="The header x-request-id of an answer names its call.")


def _over() -> Conflict:
    return Conflict("The call is over already, or its answer is whole.", hint="GET /v1/requests/{id} tells of it.")
