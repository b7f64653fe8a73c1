"""Attempts follow the plan: retried, waited for, handed on to another target, and ended at the first content."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import FakeClock, FakeProvider, Script, Stall, refuses, says
from tests.making import BACKUP, TARGET, a_plan, a_request, a_told_answer, a_visit, an_answer
from tollbar.domain.catalogue import Call, Plan, Target
from tollbar.domain.errors import (
    InternalError,
    InvalidValue,
    Overloaded,
    StreamBroken,
    UpstreamBusy,
    UpstreamError,
    UpstreamFailed,
    UpstreamFull,
    UpstreamMisconfigured,
    UpstreamRejected,
    UpstreamTimeout,
)
from tollbar.domain.events import Finished, FinishReason, Frames, Started, StreamEvent, Text
from tollbar.domain.place import Place
from tollbar.gateway.attempts import EVENT_BYTES, MOST_PRELUDE_BYTES, MOST_SLEEPERS, Attempts, rungs
from tollbar.gateway.health import FAILURES_TO_OPEN, OPEN_SECONDS, Health
from tollbar.gateway.visit import Pace, Visit

pytestmark = pytest.mark.anyio

FAILED = UpstreamFailed("failed", is_retryable=True)
GOOD = says(*an_answer())


class Road:
    """Attempts over a first provider and a spare one."""

    def __init__(self, *main: Script, spare: Script = GOOD, jitter: float = 0.5) -> None:
        self.clock = FakeClock()
        self.main = FakeProvider(*main)
        self.spare = FakeProvider(spare)
        self.health = Health(self.clock)
        self.attempts = Attempts({"main": self.main, "spare": self.spare}, self.health, self.clock, lambda: jitter)
        self.visit: Visit = a_visit()

    async def go(self, plan: Plan | None = None) -> list[StreamEvent]:
        """The events of the answer; raises what the caller would be told."""
        async with self.attempts.run(plan or a_plan(), a_request(), self.visit) as events:
            return [event async for event in events]

    async def fail(self, plan: Plan | None = None) -> UpstreamError:
        """The error that the caller is told."""
        with pytest.raises(UpstreamError) as fault:
            await self.go(plan)
        return fault.value

    @property
    def calls(self) -> tuple[int, int]:
        """How many calls the two providers saw."""
        assert (self.main.open_calls, self.spare.open_calls) == (0, 0)
        return len(self.main.calls), len(self.spare.calls)


async def test_a_good_answer_is_one_attempt() -> None:
    """Every event, preludes included, in order; nothing waited."""
    road = Road(GOOD)
    assert await road.go() == [*an_answer()]
    assert (road.calls, road.clock.slept) == ((1, 0), [])
    (attempt,) = road.visit.tries
    assert (attempt.target, attempt.fault, attempt.ended_at) == (TARGET, None, road.clock.monotonic())


async def test_a_call_is_told_its_request_target_deadline_and_id() -> None:
    """The deadline counts from the arrival, whatever the attempts before took."""
    road = Road(refuses(FAILED), GOOD)
    await road.go()
    for call in road.main.calls:
        assert (call.request.model, call.target, call.request_id) == ("smart", TARGET, "r1")
        assert call.deadline == road.visit.arrival.at + TARGET.timeouts.total


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
async def test_waits_double_from_a_second_with_a_quarter_of_jitter(jitter: float) -> None:
    """Three attempts: 1 s and 2 s between them, each up to 25 % shorter or longer."""
    road = Road(refuses(FAILED), refuses(FAILED), GOOD, jitter=jitter)
    assert await road.go() == [*an_answer()]
    factor = 0.75 + 0.5 * jitter
    assert road.clock.slept == pytest.approx([1 * factor, 2 * factor])
    assert [attempt.began_at - 7_200 for attempt in road.visit.tries] == pytest.approx([0, factor, 3 * factor])


async def test_five_attempts_wait_up_to_eight_seconds() -> None:
    """The setting's most: 1, 2, 4 and 8 s, and never more."""
    road = Road(refuses(FAILED))
    await road.fail(a_plan(attempts=5))
    assert (road.calls, road.clock.slept) == ((5, 0), [1, 2, 4, 8])
    longer = Road(refuses(FAILED))
    await longer.fail(a_plan(attempts=6))
    assert longer.clock.slept == [1, 2, 4, 8, 8]


@pytest.mark.parametrize(
    "fault",
    [
        UpstreamFailed("f", is_retryable=True),
        UpstreamBusy("b", is_retryable=True),
        UpstreamTimeout("t", is_retryable=True),
        StreamBroken("s", is_retryable=True),
    ],
)
async def test_what_is_retryable_is_tried_three_times(fault: UpstreamError) -> None:
    """And no more; the caller is told the last failure."""
    road = Road(refuses(fault))
    assert await road.fail() is fault
    assert (road.calls, len(road.visit.tries)) == ((3, 0), 3)
    assert [attempt.fault for attempt in road.visit.tries] == [fault] * 3


@pytest.mark.parametrize(
    "fault", [UpstreamFailed("f"), UpstreamMisconfigured("m"), UpstreamRejected("r"), StreamBroken("too large")]
)
async def test_what_is_not_retryable_is_exactly_one_attempt(fault: UpstreamError) -> None:
    """No wait, no second try."""
    road = Road(refuses(fault), GOOD)
    assert await road.fail() is fault
    assert (road.calls, road.clock.slept) == ((1, 0), [])


@pytest.mark.parametrize(("asked", "slept"), [(None, [1.0]), (0.2, [1.0]), (5.0, [5.0]), (30.0, [30.0])])
async def test_a_provider_may_ask_for_a_longer_wait(asked: float | None, slept: list[float]) -> None:
    """`Retry-After` wins over our own wait when it is longer, without jitter."""
    road = Road(refuses(UpstreamBusy("b", is_retryable=True, retry_after_seconds=asked)), GOOD)
    await road.go()
    assert road.clock.slept == slept


async def test_too_long_a_wait_is_the_callers_to_take() -> None:
    """More than thirty seconds: no retry, and the caller learns how long."""
    road = Road(refuses(UpstreamBusy("b", is_retryable=True, retry_after_seconds=30.5)), GOOD)
    fault = await road.fail()
    assert (road.calls, road.clock.slept, fault.retry_after_seconds) == ((1, 0), [], 30.5)


async def test_a_fallback_is_not_waited_for() -> None:
    """The first target has its tries but one, then the next is called at once."""
    road = Road(refuses(FAILED))
    assert await road.go(a_plan(TARGET, BACKUP)) == [*an_answer()]
    assert (road.calls, road.clock.slept) == ((2, 1), [1.0])
    assert [attempt.target for attempt in road.visit.tries] == [TARGET, TARGET, BACKUP]


@pytest.mark.parametrize("fault", [UpstreamFailed("f"), UpstreamMisconfigured("m")])
async def test_a_fallback_takes_over_what_cannot_be_retried(fault: UpstreamError) -> None:
    """A provider that refuses our key is not asked again, but another may be."""
    road = Road(refuses(fault))
    await road.go(a_plan(TARGET, BACKUP))
    assert (road.calls, road.clock.slept) == ((1, 1), [])


async def test_a_request_that_a_provider_finds_wrong_is_not_taken_elsewhere() -> None:
    """Its sender has to mend it."""
    fault = UpstreamRejected("r")
    road = Road(refuses(fault))
    assert await road.fail(a_plan(TARGET, BACKUP)) is fault
    assert road.calls == (1, 0)


async def test_too_long_a_wait_leads_to_the_fallback() -> None:
    """At once."""
    road = Road(refuses(UpstreamBusy("b", is_retryable=True, retry_after_seconds=60)))
    await road.go(a_plan(TARGET, BACKUP))
    assert (road.calls, road.clock.slept) == ((1, 1), [])


async def test_the_last_failure_is_told_when_all_fail() -> None:
    """Never more than three attempts over all targets."""
    last = UpstreamTimeout("late", is_retryable=True)
    road = Road(refuses(FAILED), spare=refuses(last))
    assert await road.fail(a_plan(TARGET, BACKUP)) is last
    assert road.calls == (2, 1)


@pytest.mark.parametrize(
    ("targets", "attempts", "ladder"),
    [
        ("a", 3, "aaa"),
        ("ab", 3, "aab"),
        ("abc", 3, "abc"),
        ("abcd", 3, "abc"),
        ("ab", 1, "a"),
        ("a", 0, "a"),
        ("abc", 5, "aaabc"),
    ],
)
async def test_each_fallback_takes_one_attempt_and_the_first_target_the_rest(
    targets: Sequence[str], attempts: int, ladder: str
) -> None:
    """So many in all, in the plan's order."""
    plan = a_plan(*(Target(name, "m") for name in targets), attempts=attempts)
    assert "".join(target.provider for target in rungs(plan)) == ladder


@pytest.mark.parametrize(
    "prelude", [(Started("a", "m"),), (Frames(b"role", False),), (Frames(b": ping", False), Frames(b"role", False))]
)
async def test_preludes_are_held_back_while_another_attempt_is_allowed(prelude: tuple[StreamEvent, ...]) -> None:
    """What a failed attempt said before content never reaches the caller."""
    road = Road(says(*prelude, StreamBroken("cut", is_retryable=True)), says(*prelude), GOOD)
    assert await road.go() == [*an_answer()]
    assert road.calls == (3, 0)


async def test_an_answer_that_ends_before_it_says_anything_is_tried_again() -> None:
    """Nothing at all is no answer."""
    road = Road(says(), says(Frames(b"role", False)), GOOD)
    assert await road.go() == [*an_answer()]
    assert [type(attempt.fault) for attempt in road.visit.tries] == [StreamBroken, StreamBroken, type(None)]


async def test_an_answer_without_words_is_an_answer() -> None:
    """A choice that is finished at once is what the model had to say."""
    script = (Started("a", "m"), Finished(FinishReason.STOP))
    road = Road(says(*script))
    assert await road.go() == [*script]


@pytest.mark.parametrize(
    "fault", [FAILED, StreamBroken("cut", is_retryable=True), UpstreamTimeout("t", is_retryable=True)]
)
@pytest.mark.parametrize("content", [Text("H"), Frames(b"H", True, 1)])
async def test_nothing_is_tried_again_after_content(fault: UpstreamError, content: StreamEvent) -> None:
    """The caller has the content and is told the failure; no fallback either."""
    road = Road(says(content, fault), GOOD)
    seen: list[StreamEvent] = []

    async def call() -> None:
        async with road.attempts.run(a_plan(TARGET, BACKUP), a_request(), road.visit) as events:
            async for event in events:
                seen.append(event)  # noqa: PERF401

    with pytest.raises(UpstreamError) as raised:
        await call()
    assert (raised.value, seen, road.calls) == (fault, [content], (1, 0))
    assert road.visit.tries[0].fault is fault


async def test_content_is_handed_on_as_it_comes() -> None:
    """The first piece does not wait for the second."""
    road = Road(says(*a_told_answer("H")[:2], Stall()))

    async def call() -> list[StreamEvent]:
        async with road.attempts.run(a_plan(), a_request(), road.visit) as events:
            return [await anext(events), await anext(events)]

    assert await asyncio.wait_for(call(), 60) == [*a_told_answer("H")[:2]]
    assert road.main.open_calls == 0


async def test_a_caller_who_leaves_ends_the_wait_between_attempts_at_once() -> None:
    """Nobody sleeps for a caller who is gone, and nobody is called for one."""
    road = Road(refuses(FAILED))
    road.clock.waits = True
    task = asyncio.create_task(road.go())
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(road.clock.slept) == 1
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert road.calls == (1, 0)


async def test_only_so_many_may_wait_at_once() -> None:
    """Beyond that a failing provider would fill the memory with sleepers: 503."""
    road = Road(refuses(FAILED))
    road.clock.waits = True

    async def call(number: int) -> None:
        plan = a_plan(Target("main", f"m{number}"))  # each with a budget of its own
        async with road.attempts.run(plan, a_request(), a_visit()):
            pass

    tasks = [asyncio.create_task(call(number)) for number in range(MOST_SLEEPERS)]
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(road.clock.slept) == MOST_SLEEPERS
    with pytest.raises(Overloaded):
        await call(MOST_SLEEPERS)
    tasks[0].cancel()
    await asyncio.wait(tasks[:1])
    another = asyncio.create_task(call(MOST_SLEEPERS + 1))
    await asyncio.sleep(0)
    assert len(road.clock.slept) == MOST_SLEEPERS + 1
    for task in (*tasks, another):
        task.cancel()
    await asyncio.wait((*tasks, another))


async def test_a_provider_that_is_not_there_is_our_fault() -> None:
    """A plan names only configured providers; if not, it is told as a fault of ours."""
    with pytest.raises(InternalError, match="'nobody'"):
        await Road(GOOD).go(a_plan(Target("nobody", "m")))


async def test_a_rejected_request_shows_that_the_provider_is_well() -> None:
    """A probe whose request is at fault closes the circuit."""
    road = Road(refuses(UpstreamRejected("r")))
    for _ in range(FAILURES_TO_OPEN):
        road.health.failed(TARGET)
    road.clock.advance(OPEN_SECONDS)
    await road.fail()
    assert road.health.state(TARGET) == "closed"


async def test_failures_open_the_circuit_and_an_answer_closes_it() -> None:
    """Every failed attempt counts, a rejected request does not."""
    road = Road(*[refuses(UpstreamRejected("r"))] * FAILURES_TO_OPEN, *[refuses(FAILED)] * 6, GOOD)
    for _ in range(FAILURES_TO_OPEN):
        await road.fail()
    assert road.health.is_up(TARGET)
    await road.fail()
    assert road.health.is_up(TARGET)
    await road.fail()
    assert not road.health.is_up(TARGET)
    road.clock.advance(OPEN_SECONDS)
    await road.go()
    assert road.health.state(TARGET) == "closed"


async def test_retries_stop_when_the_budget_is_used_up() -> None:
    """A provider that fails for everybody is sent a fifth more than its traffic, not three times as much."""
    road = Road(refuses(FAILED))
    for _ in range(100):
        road.visit = a_visit()
        await road.fail()
    assert 100 + 20 <= len(road.main.calls) <= 100 + 20 + 10
    road.visit = a_visit()
    await road.go(a_plan(TARGET, BACKUP))
    assert len(road.spare.calls) == 1


async def test_a_route_may_allow_less_time_than_the_target() -> None:
    """Each attempt has its own, and all of them together have theirs."""
    road = Road(refuses(FAILED), refuses(FAILED), GOOD)
    road.visit.arrival = road.visit.arrival._replace(pace=Pace(attempt_seconds=5, total_seconds=6))
    await road.go()
    began = [attempt.began_at for attempt in road.visit.tries]
    arrived = road.visit.arrival.at
    assert [call.deadline for call in road.main.calls] == [min(at + 5, arrived + 6) for at in began]
    assert [call.bound for call in road.main.calls] == [
        "simple_attempt" if at + 5 <= arrived + 6 else "simple_total" for at in began
    ]
    assert road.main.calls[-1].bound == "simple_total"
    assert began[-1] > arrived + 1
    road.visit = a_visit()
    await road.go()
    assert road.main.calls[-1].bound == "total"


async def test_nobody_waits_beyond_the_time_that_a_route_allows() -> None:
    """A retry that would come too late is not made; another target is asked at once."""
    road = Road(refuses(UpstreamBusy("busy", is_retryable=True, retry_after_seconds=20)))
    road.visit.arrival = road.visit.arrival._replace(pace=Pace(attempt_seconds=5, total_seconds=20))
    await road.fail()
    assert (road.calls, road.clock.slept) == ((1, 0), [])
    await road.go(a_plan(TARGET, BACKUP))
    assert (road.calls, road.clock.slept) == ((2, 1), [])


async def test_the_last_failure_tells_of_every_attempt() -> None:
    """Which target failed and how, but not in whose words."""
    road = Road(refuses(UpstreamFailed("secret", upstream_status=500)), spare=refuses(FAILED))
    fault = await road.fail(a_plan(TARGET, BACKUP, attempts=2))
    assert list(fault.attempts) == [
        {"target": "main/m", "code": "upstream_failed", "status": 500},
        {"target": "spare/s", "code": "upstream_failed", "status": None},
    ]


async def test_a_target_that_another_call_probes_by_now_is_passed_over() -> None:
    """Plans are made before a hold is waited for: of all that found the circuit half open, one call probes."""
    road = Road(GOOD)
    for _ in range(FAILURES_TO_OPEN):
        road.health.failed(TARGET)
    road.clock.advance(OPEN_SECONDS)
    plan = a_plan(TARGET, BACKUP)
    assert road.health.is_up(TARGET)
    road.health.began(TARGET)  # another call, at the same moment
    await road.go(plan)
    assert road.calls == (0, 1)


async def test_of_many_calls_at_once_one_probes() -> None:
    """However many found the circuit half open; the one that fails is not tried again there, nor is any other."""
    road = Road(refuses(FAILED))
    for _ in range(FAILURES_TO_OPEN):
        road.health.failed(TARGET)
    road.clock.advance(OPEN_SECONDS)
    plan = a_plan(TARGET, BACKUP)
    assert road.health.is_up(TARGET)

    async def call() -> None:
        async with road.attempts.run(plan, a_request(), a_visit()) as events:
            assert [event async for event in events]

    await asyncio.gather(*(call() for _ in range(20)))
    assert (road.calls, road.clock.slept) == ((1, 20), [])


async def test_a_retry_does_not_go_through_a_circuit_that_opened_while_it_waited() -> None:
    """Another target is asked; where there is none, it is tried all the same."""
    road = Road(refuses(FAILED))
    waiting = FakeClock(waits=True)
    road.attempts = Attempts({"main": road.main, "spare": road.spare}, road.health, waiting, lambda: 0.5)
    going = asyncio.create_task(road.go(a_plan(TARGET, BACKUP)))
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(waiting.slept) == 1
    for _ in range(FAILURES_TO_OPEN):
        road.health.failed(TARGET)
    waiting.advance(1)
    await going
    assert road.calls == (1, 1)


async def test_where_nothing_else_is_left_a_probed_target_is_tried_all_the_same() -> None:
    """A circuit spares a provider, but never refuses a call by itself."""
    road = Road(GOOD)
    for _ in range(FAILURES_TO_OPEN):
        road.health.failed(TARGET)
    await road.go()
    assert road.calls == (1, 0)


@pytest.mark.parametrize("prelude", [Frames(b":" * 65_536, False), Started("a", "b")])
async def test_what_is_kept_back_has_an_end(prelude: StreamEvent) -> None:
    """A provider that says nothing at great length is given up, and another one asked."""
    endless = [prelude] * (MOST_PRELUDE_BYTES // EVENT_BYTES + 1)
    road = Road(says(*endless, *an_answer()))
    assert await road.go(a_plan(TARGET, BACKUP, attempts=2)) == [*an_answer()]
    assert road.calls == (1, 1)


CANNOT = InvalidValue("'audio' cannot be said.", field="audio")


async def test_a_target_whose_dialect_lacks_the_words_is_skipped() -> None:
    """It was sent nothing, so it is no attempt; the plan says why it was left out."""
    road = Road(refuses(CANNOT))
    plan = a_plan(TARGET, BACKUP)
    road.visit.plan = plan
    assert await road.go(plan) == list(an_answer())
    assert road.calls == (1, 1)
    assert [attempt.target for attempt in road.visit.tries] == [BACKUP]
    assert road.visit.plan.skipped == ((TARGET.name, CANNOT.message),)


async def test_a_request_that_no_target_can_be_told_is_the_callers_fault() -> None:
    """The field is named, and no attempt is on record."""
    road = Road(refuses(CANNOT), spare=refuses(CANNOT))
    with pytest.raises(InvalidValue, match="audio"):
        await road.go(a_plan(TARGET, BACKUP))
    assert road.visit.tries == []


async def test_a_failure_is_told_before_what_cannot_be_said_elsewhere() -> None:
    """The first target could have answered: that it failed is the news."""
    road = Road(refuses(UpstreamMisconfigured("no")), spare=refuses(CANNOT))
    with pytest.raises(UpstreamMisconfigured):
        await road.go(a_plan(TARGET, BACKUP))
    assert len(road.visit.tries) == 1


async def test_a_probe_that_sent_nothing_leaves_the_probe_to_another() -> None:
    """A circuit that is half open lets the next call through."""
    road = Road(refuses(CANNOT))
    for _ in range(FAILURES_TO_OPEN):
        road.health.failed(TARGET)
    road.clock.advance(OPEN_SECONDS)
    await road.go(a_plan(TARGET, BACKUP))
    assert road.health.is_up(TARGET)


async def test_a_full_queue_goes_to_the_next_target_and_opens_no_circuit() -> None:
    """It is well and busy: no wait, no second try there, and however often it happens, calls go there again."""
    road = Road(refuses(UpstreamFull("full", retry_after_seconds=2.0)))
    for _ in range(FAILURES_TO_OPEN + 1):
        assert await road.go(a_plan(TARGET, BACKUP)) == [*an_answer()]
        assert road.health.is_up(TARGET)
    assert (road.clock.slept, len(road.main.calls)) == ([], FAILURES_TO_OPEN + 1)


async def test_a_provider_knows_whose_call_it_is() -> None:
    """So that it can share itself out among keys."""
    road = Road(GOOD)
    await road.go()
    assert (road.main.calls[0].caller, road.main.calls[0].tier) == (road.visit.principal.key_id, "")


async def test_a_place_in_a_queue_is_known_while_a_call_waits() -> None:
    """Of a local target's exchange that has one; no other is asked."""
    road, place = Road(GOOD), Place(2, 1.0)
    local = replace(TARGET, is_local=True)

    class Queued(FakeProvider):
        def open(self, call: Call) -> Any:
            exchange: Any = super().open(call)
            exchange.place = place
            return exchange

    attempts = Attempts({"main": Queued(GOOD)}, road.health, road.clock, lambda: 0.5)
    plan = a_plan()._replace(targets=(local,))
    async with attempts.run(plan, a_request(), road.visit) as events:
        _ = [event async for event in events]
    assert road.visit.place is place
    await road.go()
    assert road.visit.place is place
