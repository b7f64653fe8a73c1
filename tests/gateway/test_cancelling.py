"""Calls that are ended from outside: whose they must be, and how another process is asked."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.admin.alerting import MemoryAudit
from tests.fakes import FakeClock
from tests.making import a_request
from tollbar.domain.audit import Actor
from tollbar.domain.errors import CallCancelled, Conflict, NotFound
from tollbar.domain.identity import KeyKind, Principal
from tollbar.domain.records import Outcome, RunningCall, RunningCalls
from tollbar.gateway.cancelling import Cancelling
from tollbar.gateway.record import Recorder
from tollbar.gateway.visit import Arrival, Visit

pytestmark = pytest.mark.anyio

ID = "req_" + "0a" * 12


@dataclass(slots=True)
class Asked:
    """A store that two processes share."""

    wishes: dict[str, list[Any]] = field(default_factory=dict)
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    reported: dict[str, list[Sequence[RunningCall]]] = field(default_factory=dict)

    async def ask(self, request_id: str, key_id: str | None) -> None:
        """Notes a question."""
        self.wishes[request_id] = [key_id, False]

    async def asked(self) -> list[tuple[str, str | None]]:
        """The open ones."""
        return [(name, key_id) for name, (key_id, is_told) in self.wishes.items() if not is_told]

    async def tell(self, request_id: str) -> None:
        """Closes one."""
        self.wishes[request_id][1] = True

    async def is_told(self, request_id: str) -> bool:
        """Whether it is closed."""
        return bool(self.wishes[request_id][1])

    async def ask_all(self, question: str) -> None:
        """Notes a question to all."""
        self.reported[question] = []

    async def questions(self) -> list[str]:
        """Every one."""
        return list(self.reported)

    async def report(self, question: str, calls: Sequence[RunningCall]) -> None:
        """An answer to it."""
        self.reported[question].append(calls)

    async def reports(self, question: str) -> RunningCalls:
        """The answers; there are two processes."""
        told = self.reported[question]
        return RunningCalls(tuple(call for calls in told for call in calls), 2 - len(told))


async def no_past(request_id: str) -> None:
    """Nothing is over yet."""


def a_process(store: Asked, has_others: bool = True) -> Cancelling:
    """One process of some."""
    clock = FakeClock()
    return Cancelling(Recorder((), clock), store, store.audit, clock, no_past, has_others)


def running(process: Cancelling, principal: Principal) -> Visit:
    """A call under way there, served by a task that waits for ever."""
    visit = Visit(Arrival(ID, "/x", "::1", 0.0), principal, asyncio.create_task(asyncio.sleep(3_600)))
    process.recorder.visits[visit] = None
    return visit


OWNER = Principal("mine", "mine")


@pytest.mark.parametrize(
    ("principal", "key_id"), [(OWNER, "other"), (Principal("anonymous", "x", kind=KeyKind.ANONYMOUS), "anonymous")]
)
async def test_whose_it_is_not_does_not_know_it(principal: Principal, key_id: str) -> None:
    """Neither here nor through the store."""
    store = Asked()
    here, there = a_process(store), a_process(store, has_others=False)
    visit = running(here, principal)
    with pytest.raises(NotFound):
        await here.cancel(ID, key_id)
    await store.ask(ID, key_id)
    await here.heed()
    assert (visit.interruption, await store.is_told(ID)) == (None, False)
    with pytest.raises(NotFound):
        await there.cancel(ID, key_id)
    assert store.audit.noted == []
    await here.cancel(ID, Actor("the operator"))
    assert store.audit.noted == [("the operator", "request.cancel", ID)]
    assert isinstance(visit.interruption, CallCancelled)


async def test_another_process_is_asked_and_tells() -> None:
    """The one that runs the call ends it; the one that was asked returns when it is told."""
    store = Asked()
    here, there = a_process(store), a_process(store)
    visit = running(there, OWNER)
    wish = asyncio.create_task(here.cancel(ID, "mine"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await there.heed()
    await wish
    assert isinstance(visit.interruption, CallCancelled)
    assert await store.asked() == []


async def test_every_process_tells_what_it_runs() -> None:
    """The longest first; whoever does not tell is counted, after a second."""
    store = Asked()
    here, there = a_process(store), a_process(store)
    told = asyncio.create_task(here.running())
    await asyncio.sleep(0)
    for process, request, at in ((here, None, 0.0), (there, a_request("smart"), -60.0)):
        visit = running(process, OWNER)
        visit.arrival, visit.request, visit.output_bytes = visit.arrival._replace(at=at), request, 100
        await process.heed()
    found = await told
    assert [(call.model, call.tokens > 0) for call in found.calls] == [("smart", True), ("", True)]
    assert ((found.calls[1].since - found.calls[0].since).total_seconds(), found.silent) == (60.0, 0)
    assert await here.running() == RunningCalls((), 2)


async def test_nobody_tells() -> None:
    """After a while the call is as unknown as one that never was; what is no id is never asked about."""
    store = Asked()
    with pytest.raises(NotFound):
        await a_process(store).cancel(ID, "mine")
    with pytest.raises(NotFound):
        await a_process(store).cancel("req_x'", "mine")
    assert list(store.wishes) == [ID]


async def test_what_is_settled_is_over() -> None:
    """Its answer is whole: it is not ended any more, and says so."""
    here = a_process(Asked())
    visit = running(here, OWNER)
    visit.outcome = Outcome.OK
    with pytest.raises(Conflict):
        await here.cancel(ID, "mine")
    assert visit.interruption is None
