"""The meter passes events on, and what it knows is known to the ledger first."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from tests.fakes import FakeClock, MemoryLedger
from tests.making import BOUNDS, TARGET, a_plan, a_told_answer, a_visit, an_answer
from tollbar.counters.memory import MemoryCounters
from tollbar.domain.errors import Overloaded, StreamBroken
from tollbar.domain.events import (
    Finished,
    FinishReason,
    Frames,
    Refused,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolArguments,
    ToolCalled,
    UsageSeen,
)
from tollbar.domain.records import Outcome, Provenance
from tollbar.domain.usage import Usage
from tollbar.gateway.entries import estimated
from tollbar.gateway.hold import Hold
from tollbar.gateway.meter import Metered
from tollbar.gateway.visit import Try, Visit

pytestmark = pytest.mark.anyio


async def a_hold(ledger: MemoryLedger, visit: Visit, clock: FakeClock) -> Hold:
    """A hold of nothing, which settles all the same."""
    reservation = await ledger.reserve("r1", [], lambda: estimated(visit, a_plan(), BOUNDS, clock.now()))
    return Hold(visit, BOUNDS, reservation, (), 0.0, ledger, MemoryCounters(clock), clock)


async def told(events: Sequence[StreamEvent]) -> AsyncIterator[StreamEvent]:
    """The events of a provider."""
    for event in events:
        yield event


def a_call() -> Visit:
    """A call that was sent."""
    return a_visit(tries=[Try(TARGET, 0.0)])


async def pass_on(events: Sequence[StreamEvent], visit: Visit, ledger: MemoryLedger | None = None) -> list[StreamEvent]:
    """What comes out of the meter."""
    clock = FakeClock(seconds=50.0)
    hold = await a_hold(ledger or MemoryLedger(), visit, clock)
    return [event async for event in Metered(told(events), hold, visit, clock)]


@pytest.mark.parametrize(
    "events", [an_answer(usage=Usage(9, 4)), a_told_answer("Hel", "lo"), (Frames(b"all", True, 3, None, True),)]
)
async def test_events_pass_unchanged(events: tuple[StreamEvent, ...]) -> None:
    """The same ones in the same order, and the call is settled at their end."""
    visit, ledger = a_call(), MemoryLedger()
    assert await pass_on(events, visit, ledger) == [*events]
    assert (ledger.open, len(ledger.entries), visit.outcome) == ({}, 1, Outcome.OK)


async def test_what_was_delivered_is_counted() -> None:
    """Bytes of content, the moment of the first of it, and every word on usage."""
    visit = a_call()
    usage = [UsageSeen(Usage(10, 1)), UsageSeen(Usage(0, 7))]
    await pass_on(
        [
            Started("a", "m"),
            usage[0],
            Text("héllo"),
            Text("!", 1),
            Finished(FinishReason.STOP),
            Finished(FinishReason.STOP, 1),
            usage[1],
        ],
        visit,
    )
    assert (visit.output_bytes, visit.first_token_at, visit.reported) == (7, 50.0, Usage(10, 7))


async def test_frames_are_counted_by_what_they_say_of_themselves() -> None:
    """The relay has read them; the meter adds up."""
    visit = a_call()
    frames = [Frames(b"", True, 4), Frames(b"", True, 3, Usage(5, 2)), Frames(b"", False, 0, Usage(0, 6), True)]
    await pass_on(frames, visit)
    assert (visit.output_bytes, visit.usage, visit.provenance) == (7, Usage(5, 6), Provenance.PROVIDER_FINAL)


@pytest.mark.parametrize("prelude", [Started("a", "m"), UsageSeen(Usage(1, 0)), Frames(b"role", False)])
async def test_a_prelude_is_no_first_token(prelude: StreamEvent) -> None:
    """The clock of the first token stops at content."""
    visit, clock = a_call(), FakeClock()
    passed = Metered(told([prelude, Text("x")]), await a_hold(MemoryLedger(), visit, clock), visit, clock)
    await anext(passed)
    assert visit.first_token_at is None


async def test_half_a_surrogate_pair_can_be_counted() -> None:
    """A provider may say it."""
    visit = a_call()
    await pass_on([Text("\ud800"), Finished(FinishReason.STOP)], visit)
    assert visit.output_bytes == 3


@pytest.mark.parametrize("events", [an_answer(), a_told_answer("x"), an_answer()[-1:]])
async def test_nothing_is_handed_on_before_the_hold_is_durable(events: tuple[StreamEvent, ...]) -> None:
    """While the hold is being written the caller has nothing, and is not noted as having anything."""
    gate = asyncio.Event()

    async def hook(point: str) -> None:
        if point in {"committed.before", "settle.before"}:
            await gate.wait()

    visit, clock = a_call(), FakeClock()
    passed = Metered(told(events), await a_hold(MemoryLedger(hook), visit, clock), visit, clock)
    first = asyncio.ensure_future(anext(passed))  # type: ignore[arg-type]
    for _ in range(5):
        await asyncio.sleep(0)
    assert not first.done()
    gate.set()
    assert await first == events[0]
    assert [event async for event in passed] == [*events[1:]]


async def test_who_leaves_while_the_hold_is_written_was_given_nothing() -> None:
    """Content that waits for the hold has not been delivered."""

    async def hook(point: str) -> None:
        if point == "committed.before":
            raise Overloaded("The store is away.")

    visit = a_call()
    with pytest.raises(Overloaded):
        await pass_on(an_answer()[1:], visit, MemoryLedger(hook))
    assert (visit.has_delivered, visit.output_bytes) == (False, 0)


async def test_the_last_frames_wait_for_the_settlement() -> None:
    """An answer whose line is not durable has not been given whole."""
    visit, ledger, clock = a_call(), MemoryLedger(), FakeClock()
    passed = Metered(told(an_answer()), await a_hold(ledger, visit, clock), visit, clock)
    written: list[int] = []
    async for _ in passed:
        written.append(len(ledger.entries))  # noqa: PERF401
    assert written == [0, 0, 1]


async def test_an_answer_in_our_own_events_ends_when_it_is_settled() -> None:
    """Its end mark is written by who iterates, after the iteration: that is over only with the line durable."""
    visit, ledger, clock = a_call(), MemoryLedger(), FakeClock()
    passed = Metered(told(a_told_answer("x")), await a_hold(ledger, visit, clock), visit, clock)
    for _ in a_told_answer("x"):
        await anext(passed)
    assert len(ledger.entries) == 0
    with pytest.raises(StopAsyncIteration):
        await anext(passed)
    assert len(ledger.entries) == 1


@pytest.mark.parametrize("events", [[Text("a")], [Text("a"), Text("b", 1), Finished(FinishReason.STOP, 1)]])
async def test_a_choice_without_its_end_is_a_broken_answer(events: list[StreamEvent]) -> None:
    """It is not settled as complete."""
    visit, ledger = a_call(), MemoryLedger()
    with pytest.raises(StreamBroken):
        await pass_on(events, visit, ledger)
    assert (ledger.entries, visit.outcome) == ([], None)


async def test_an_answer_without_words_is_complete() -> None:
    """A model may have nothing to say."""
    visit, ledger = a_call(), MemoryLedger()
    await pass_on([Started("a", "m"), Finished(FinishReason.STOP)], visit, ledger)
    assert (len(ledger.entries), visit.outcome, visit.has_delivered) == (1, Outcome.OK, False)


@pytest.mark.parametrize(
    "event", [Thinking("Hm."), Refused("No."), ToolCalled(0, "id", "fun"), ToolArguments(0, "{ }")]
)
async def test_thoughts_and_tools_are_content(event: StreamEvent) -> None:
    """They are delivered and counted like words, and a choice that ends in the middle of them is broken."""
    visit = a_call()
    await pass_on([event, Finished(FinishReason.TOOL_CALLS)], visit)
    assert (visit.output_bytes, visit.has_delivered, visit.outcome) == (3, True, Outcome.OK)
    with pytest.raises(StreamBroken):
        await pass_on([event], a_call())
