"""Calls that are ended from outside: whose they must be, and how another process is asked."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.fakes import FakeClock
from tollbar.domain.errors import CallCancelled, Conflict, NotFound
from tollbar.domain.identity import KeyKind, Principal
from tollbar.domain.records import Outcome
from tollbar.gateway.cancelling import Cancelling
from tollbar.gateway.record import Recorder
from tollbar.gateway.visit import Arrival, Visit

pytestmark = pytest.mark.anyio

ID = "req_" + "0a" * 12


@dataclass(slots=True)
class Asked:
    """A store that two processes share."""

    questions: dict[str, list[Any]] = field(default_factory=dict)

    async def ask(self, request_id: str, key_id: str | None) -> None:
        """Notes a question."""
        self.questions[request_id] = [key_id, False]

    async def asked(self) -> list[tuple[str, str | None]]:
        """The open ones."""
        return [(name, key_id) for name, (key_id, is_told) in self.questions.items() if not is_told]

    async def tell(self, request_id: str) -> None:
        """Closes one."""
        self.questions[request_id][1] = True

    async def is_told(self, request_id: str) -> bool:
        """Whether it is closed."""
        return bool(self.questions[request_id][1])


async def no_past(request_id: str) -> None:
    """Nothing is over yet."""


def a_process(store: Asked, has_others: bool = True) -> Cancelling:
    """One process of some."""
    clock = FakeClock()
    return Cancelling(Recorder((), clock), store, clock, no_past, has_others)


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
    await here.cancel(ID, None)
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


async def test_nobody_tells() -> None:
    """After a while the call is as unknown as one that never was; what is no id is never asked about."""
    store = Asked()
    with pytest.raises(NotFound):
        await a_process(store).cancel(ID, "mine")
    with pytest.raises(NotFound):
        await a_process(store).cancel("req_x'", "mine")
    assert list(store.questions) == [ID]


async def test_what_is_settled_is_over() -> None:
    """Its answer is whole: it is not ended any more, and says so."""
    here = a_process(Asked())
    visit = running(here, OWNER)
    visit.outcome = Outcome.OK
    with pytest.raises(Conflict):
        await here.cancel(ID, "mine")
    assert visit.interruption is None
