"""The straight line as a whole: for any interleaving of failure, cancellation and leaving, the books are right."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.fakes import FakeProvider, HookedCounters, MemoryLedger, Script, Stall, Step, refuses, says
from tests.making import (
    BACKUP,
    PRINCIPAL,
    TARGET,
    Scene,
    a_model,
    a_request,
    a_scene,
    a_told_answer,
    an_answer,
    an_arrival,
)
from tollbar.counters.memory import MemoryCounters
from tollbar.domain.catalogue import Catalogue, Target
from tollbar.domain.errors import (
    GatewayError,
    InvalidValue,
    NotAllowed,
    OutOfCredit,
    Overloaded,
    RateLimited,
    StreamBroken,
    UnknownModel,
    UpstreamBusy,
    UpstreamFailed,
    UpstreamMisconfigured,
    UpstreamRejected,
    UpstreamTimeout,
)
from tollbar.domain.events import Finished, FinishReason, Frames, Started, StreamEvent, Text, UsageSeen
from tollbar.domain.identity import Credential, Key, Permission, Principal
from tollbar.domain.limits import Charge, Limit, Measure
from tollbar.domain.money import Unit, cost
from tollbar.domain.records import Outcome, RequestRecord
from tollbar.domain.usage import Usage, merge
from tollbar.gateway.estimate import tokens_of
from tollbar.gateway.visit import Visit

AT_ONCE = Limit(Measure.CONCURRENCY, 2, 0)
CALLS = Limit(Measure.REQUESTS, 100, 86_400)
TOKENS = Limit(Measure.TOKENS, 10_000_000, 86_400)
GRANTED = {Unit.CREDITS: 100, Unit.TOKENS: 10_000_000, Unit.DOLLARS: 10**15}
PRICE = 3
CYCLES = 400
SHUTDOWN = Overloaded("We are going down.")


@dataclass(frozen=True, slots=True)
class Story:
    """What happens to one call."""

    main: tuple[Script, ...]
    spare: Script
    failing: frozenset[tuple[str, int]] = frozenset()
    """The points at which the ledger is away, each with its how manyth time."""
    disturbance: str = ""
    cycle: int = 0
    """How many turns of the event loop after the start the disturbance comes."""
    leaves_after: int | None = None


@dataclass(slots=True)
class Seen:
    """What the caller of one call saw."""

    events: list[StreamEvent] = field(default_factory=list)
    is_complete: bool = False
    was_early: bool = False
    """Whether something came before the ledger knew: an event before the hold, or the last one before the line."""
    visit: Visit | None = None


def usages() -> st.SearchStrategy[Usage]:
    """A provider's report; a figure of zero is one too."""
    return st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 5)).map(lambda tokens: Usage(*tokens))


def faults() -> st.SearchStrategy[Exception]:
    """What can go wrong with a provider."""
    return st.one_of(
        st.builds(UpstreamFailed, st.just("failed"), is_retryable=st.booleans()),
        st.builds(UpstreamTimeout, st.just("late"), is_retryable=st.just(True)),
        st.builds(
            UpstreamBusy,
            st.just("busy"),
            is_retryable=st.just(True),
            retry_after_seconds=st.sampled_from([None, 2, 60]),
        ),
        st.builds(UpstreamRejected, st.just("your fault")),
        st.builds(UpstreamMisconfigured, st.just("our fault")),
        st.builds(StreamBroken, st.just("cut"), is_retryable=st.booleans()),
        st.builds(RuntimeError, st.just("a fault nobody foresaw")),
    )


def relayed() -> st.SearchStrategy[Script]:
    """An answer in the provider's own frames, which ends well, just ends, breaks or stalls."""
    prelude = st.just(Frames(b"prelude", False))
    piece = st.tuples(st.integers(0, 40), st.none() | usages()).map(lambda told: Frames(b"piece", True, *told))
    last = st.builds(Frames, st.just(b"last"), st.booleans(), st.just(3), st.none() | usages(), st.just(True))
    ending: st.SearchStrategy[tuple[Step, ...]] = st.one_of(st.tuples(last), st.tuples(faults() | st.just(Stall())))
    middle = st.lists(piece, max_size=3).map(tuple)
    return st.builds(lambda first, rest, end: says(*first, *rest, *end), st.lists(prelude, max_size=2), middle, ending)


def told() -> st.SearchStrategy[Script]:
    """An answer in events of our own."""
    some = st.one_of(
        st.builds(Text, st.text(max_size=5), st.integers(0, 1)),
        st.builds(UsageSeen, usages()),
        st.builds(Finished, st.just(FinishReason.STOP), st.integers(0, 1)),
        st.just(Started("a", "m")),
    )
    ending: st.SearchStrategy[tuple[Step, ...]] = st.just(()) | st.tuples(faults() | st.just(Stall()))
    return st.builds(lambda steps, end: says(*steps, *end), st.lists(some, max_size=5), ending)


def scripts() -> st.SearchStrategy[Script]:
    """Anything a provider may do."""
    good = st.sampled_from([says(*an_answer(usage=Usage(9, 4))), says(*an_answer()), says(*a_told_answer("a", "b"))])
    return st.one_of(good, relayed(), told(), faults().map(refuses))


def stories() -> st.SearchStrategy[Story]:
    """Anything that may happen to a call."""
    points = st.tuples(st.sampled_from(["reserve.before", "committed.before", "settle.before"]), st.integers(1, 3))
    return st.builds(
        Story,
        main=st.lists(scripts(), min_size=1, max_size=3).map(tuple),
        spare=scripts(),
        failing=st.frozensets(points, max_size=2),
        disturbance=st.sampled_from(["", "cancel", "interrupt", "both"]),
        cycle=st.integers(1, 40),
        leaves_after=st.none() | st.integers(1, 4),
    )


class Stage:
    """Where one story is played."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.seen = Seen()
        self.is_over = False
        self._times: dict[str, int] = {}
        ledger = MemoryLedger(self.hook)
        allowances = tuple(ledger.grant(unit, amount) for unit, amount in GRANTED.items())
        self.allowances = dict(zip(GRANTED, allowances, strict=True))
        self.principal = replace(PRINCIPAL, allowances=allowances, limits=(AT_ONCE, CALLS, TOKENS), credit_cost=PRICE)
        providers = (FakeProvider(*story.main, hook=self.hook), FakeProvider(story.spare, hook=self.hook))
        self.scene = a_scene(
            *providers,
            models=[a_model(TARGET, BACKUP, attempts=3)],
            ledger=ledger,
            counters=lambda clock: HookedCounters(MemoryCounters(clock), self.hook),
        )
        self.providers = providers

    async def hook(self, point: str) -> None:
        """Every await is a real one, and the ledger may be away."""
        times = self._times[point] = self._times.get(point, 0) + 1
        await asyncio.sleep(0)
        if (point, times) in self.story.failing and not self.is_over:
            raise Overloaded(f"The store is away ({point}).")

    async def call(self) -> None:
        """What the edge does."""
        gateway, seen = self.scene.gateway, self.seen
        async with gateway.enter(self.principal, an_arrival()) as seen.visit:
            async with gateway.open(seen.visit, a_request(max_tokens=20)) as reply:
                async for event in reply.events:
                    is_last = isinstance(event, Frames) and event.is_last
                    seen.was_early |= not (self.scene.ledger.charged if is_last else seen.visit.is_held)
                    seen.events.append(event)
                    await asyncio.sleep(0)
                    if len(seen.events) == self.story.leaves_after:
                        return
            seen.is_complete = True

    async def play(self) -> asyncio.Task[None]:
        """Serves the call, disturbs it when its time has come, and ends one that would stand still for ever."""
        task = asyncio.create_task(self.call())
        for cycle in range(CYCLES):
            if task.done():
                break
            if cycle == self.story.cycle and self.story.disturbance:
                self.disturb(task, self.story.disturbance)
            await asyncio.sleep(0)
        if not task.done():
            self.disturb(task, "cancel")
        await asyncio.wait({task})
        self.fault = None if task.cancelled() else task.exception()
        self.is_over = True
        while self.scene.gateway.admission.owed:
            await self.scene.gateway.admission.tick()
        return task

    def disturb(self, task: asyncio.Task[None], kind: str) -> None:
        """Ends the call from outside."""
        if kind in {"interrupt", "both"}:
            self.interrupted = self.scene.gateway.recorder.interrupt(SHUTDOWN) > 0
        if kind in {"cancel", "both"}:
            self.cancelled = task.cancel()

    fault: BaseException | None = None
    interrupted = False
    cancelled = False

    @property
    def record(self) -> RequestRecord:
        """The one record of the call."""
        (record,) = self.scene.records
        return record


def due(stage: Stage) -> tuple[int, Usage, int]:
    """What the call costs by the table of endings: credits, tokens and nano-dollars."""
    record, events = stage.record, list(stage.seen.events)
    told = told_by_provider(stage) if record.attempts else []
    if record.outcome is Outcome.OK and told:  # its last event may have been kept back
        events = told
    delivered = any(map(is_delivery, events))
    kept_back = told[len(events) : len(events) + 1]
    if isinstance(stage.fault, Overloaded) and any(isinstance(event, Frames) and event.is_last for event in kept_back):
        events += kept_back  # read, and not handed on: it could not be settled
    reported: Usage | None = None
    size = 0
    for event in events:
        match event:
            case Frames():
                size += event.output_bytes
                said = event.usage
            case Text():
                size += len(event.text.encode())
                said = None
            case UsageSeen():
                said = event.usage
            case _:
                said = None
        reported = merge(reported, said) if reported and said else said or reported
    prompt = Usage(prompt_tokens=tokens_of(len(b'[{"role": "user", "content": "Hello there"}]')))
    counted = prompt._replace(completion_tokens=tokens_of(size))
    is_sent = bool(record.attempts) and record.attempts[-1].error_code is None
    match record.outcome, delivered:
        case (Outcome.OK, _) | (Outcome.ABANDONED, True):
            price, used = PRICE, reported or counted
        case (Outcome.BROKEN, True):
            price, used = 0, reported or counted
        case (Outcome.ABANDONED, False) if is_sent:
            price, used = 0, reported or prompt
        case _:
            price, used = 0, reported
    card = BACKUP.card if record.target == BACKUP.name else TARGET.card
    return price, used or Usage(), cost(used, card).nano_dollars if used is not None and card is not None else 0


def told_by_provider(stage: Stage) -> list[StreamEvent]:
    """What the provider of the last attempt had to say."""
    provider = stage.providers[0 if stage.record.target == TARGET.name else 1]
    script = provider.scripts[min(len(provider.calls), len(provider.scripts)) - 1]
    return [step for step in script.steps if isinstance(step, StreamEvent)]


def is_delivery(event: StreamEvent) -> bool:
    """Whether an event gave the caller something."""
    return isinstance(event, Text) or (isinstance(event, Frames) and event.is_content)


def check_books(stage: Stage) -> None:
    """No hold stands, and charges, lines and record say what the table of endings says."""
    ledger, record = stage.scene.ledger, stage.record
    assert ledger.open == {}
    price, usage, dollars = due(stage)
    charged = {unit: ledger.spent(allowance) for unit, allowance in stage.allowances.items()}
    assert {Unit.CREDITS: price, Unit.TOKENS: usage.total_tokens, Unit.DOLLARS: dollars} == charged
    if not ledger.charged:
        assert ledger.entries == []
        return
    assert (price, usage) == (record.credits, record.usage)
    assert len(record.attempts) == len(ledger.entries)
    paid = [line for line in ledger.entries if line.paid]
    assert price == sum(line.credits for line in paid)
    assert usage.total_tokens == sum(line.usage.total_tokens for line in paid)
    assert dollars == sum(line.cost_nano_dollars or 0 for line in paid)


def check_ending(stage: Stage, task: asyncio.Task[None]) -> None:
    """The task ended as what happened demands: no cancellation is swallowed, no ending is taken for another."""
    record, fault = stage.record, stage.fault
    assert not stage.seen.was_early
    delivered = any(map(is_delivery, stage.seen.events))
    if stage.cancelled:
        assert task.cancelled()
    elif stage.interrupted:
        assert fault is SHUTDOWN
        assert task.cancelling() == 0
    elif fault is None:
        assert (record.outcome is Outcome.OK) is (stage.seen.is_complete or is_over(stage.seen.events))
        assert record.status == (200 if record.outcome is Outcome.OK else 499)
    elif not isinstance(fault, Overloaded):  # the store may be away at the very end of a complete answer
        assert record.outcome is (Outcome.BROKEN if delivered else Outcome.FAILED)
    if isinstance(fault, GatewayError):
        assert record.error_code == fault.code


def is_over(events: list[StreamEvent]) -> bool:
    """Whether the last event says that no more will come."""
    return bool(events) and isinstance(events[-1], Frames) and events[-1].is_last


async def check_nothing_left(stage: Stage) -> None:
    """Slots, token rates, connections and tasks are given back."""
    for _ in range(5):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert [provider.open_calls for provider in stage.providers] == [0, 0]
    assert stage.scene.gateway.recorder.visits == {}
    verdict = await stage.scene.counters.take(
        [Charge("key:key", AT_ONCE, AT_ONCE.amount), Charge("key:key", CALLS), Charge("key:key", TOKENS, 0)]
    )
    assert verdict.refused is None
    used = stage.record.usage.total_tokens if stage.record.usage else 0
    assert verdict.rooms[2].remaining == TOKENS.amount - used


@settings(max_examples=900)
@given(stories())
def test_whatever_happens_the_books_are_right(story: Story) -> None:
    """Σ holds ends at zero, charges are the table's, everything is given back, and there is one record."""

    note(repr(story))

    async def play() -> None:
        stage = Stage(story)
        task = await stage.play()
        assert len(stage.scene.records) == 1
        check_books(stage)
        check_ending(stage, task)
        await check_nothing_left(stage)

    asyncio.run(play())


@pytest.mark.anyio
async def test_a_call_is_answered_metered_and_recorded() -> None:
    """The plain case from end to end."""
    stage = Stage(Story((says(*an_answer(usage=Usage(9, 4))),), says()))
    task = await stage.play()
    assert (stage.seen.is_complete, task.cancelled()) == (True, False)
    assert stage.seen.events == [*an_answer(usage=Usage(9, 4))]
    assert (stage.record.outcome, stage.record.status, stage.record.credits) == (Outcome.OK, 200, PRICE)
    check_books(stage)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("changes", "request_fields", "fault"),
    [
        ({"models": ("other",)}, {}, NotAllowed),
        ({}, {"model": "unknown"}, UnknownModel),
        ({"credit_cost": 101}, {}, OutOfCredit),
        ({"limits": (Limit(Measure.TOKENS, 1, 60),)}, {}, RateLimited),
        ({"limits": (Limit(Measure.REQUESTS, 1, 60),)}, {}, None),
    ],
)
async def test_a_refusal_calls_no_provider_and_costs_nothing(
    changes: dict[str, Any], request_fields: dict[str, Any], fault: type[GatewayError] | None
) -> None:
    """Whichever stage refuses; the record says why."""
    stage = Stage(Story((says(*an_answer()),), says()))
    principal = replace(stage.principal, **changes)
    gateway = stage.scene.gateway

    async def call() -> None:
        async with gateway.enter(principal, an_arrival()) as visit:
            async with gateway.open(visit, a_request(**request_fields)) as reply:
                async for _ in reply.events:
                    pass

    if fault is None:
        await call()
        return
    with pytest.raises(fault):
        await call()
    assert stage.providers[0].calls == []
    assert (stage.record.outcome, stage.record.credits, stage.scene.ledger.charged) == (Outcome.REFUSED, 0, {})


@pytest.mark.anyio
async def test_a_budget_in_dollars_refuses_a_model_without_a_price() -> None:
    """Before it is sent."""
    stage = Stage(Story((says(*an_answer()),), says()))
    stage.scene.gateway.catalogue = Catalogue({"smart": a_model(Target("main", "m"))})
    task = asyncio.create_task(stage.call())
    await asyncio.wait({task})
    assert isinstance(task.exception(), InvalidValue)
    assert stage.providers[0].calls == []


@pytest.mark.anyio
async def test_a_call_keeps_the_catalogue_it_began_with() -> None:
    """A reload in the middle changes the next call, not this one."""
    scene = a_scene(FakeProvider(refuses(UpstreamFailed("f", is_retryable=True)), says(*an_answer())))
    async with scene.gateway.enter(PRINCIPAL, an_arrival()) as visit:
        async with scene.gateway.open(visit, a_request()) as reply:
            scene.gateway.catalogue = Catalogue({})
            assert [event async for event in reply.events] == [*an_answer()]
            assert (reply.target, reply.plan.model.name) == (TARGET, "smart")


@pytest.mark.anyio
async def test_an_admin_key_calls_no_model() -> None:
    """It administers; a call wants a key of its own."""
    scene = a_scene()
    for permission in Permission:
        key = Key(permission, permission, "h", permission, scene.clock.now())
        await scene.keys.add(key, permission.encode(), ())
    assert (await scene.gateway.authenticate(Credential("call", "x-api-key"), "")).key_id == "call"
    with pytest.raises(NotAllowed, match="admin key"):
        await scene.gateway.authenticate(Credential("admin", "x-api-key"), "")


@pytest.mark.anyio
async def test_calls_at_once_share_slots_and_credits_exactly() -> None:
    """Sixty calls of one key with two slots and credits for five: never more than two at once, five charged in all."""
    scene = a_scene(FakeProvider(says(*an_answer())))
    allowance = scene.ledger.grant(Unit.CREDITS, 5)
    principal = replace(PRINCIPAL, limits=(AT_ONCE,), allowances=(allowance,))
    under_way = most = 0
    refusals: list[type[GatewayError]] = []

    async def call(number: int) -> None:
        nonlocal under_way, most
        for _ in range(number):
            await asyncio.sleep(0)
        try:
            async with scene.gateway.enter(principal, an_arrival(f"r{number}")) as visit:
                under_way += 1
                most = max(most, under_way)
                try:
                    async with scene.gateway.open(visit, a_request()) as reply:
                        async for _ in reply.events:
                            await asyncio.sleep(0)
                finally:
                    under_way -= 1
        except (RateLimited, OutOfCredit) as refusal:
            refusals.append(type(refusal))

    await asyncio.gather(*(call(number) for number in range(60)))
    assert (most, scene.ledger.spent(allowance), scene.ledger.left(allowance)) == (2, 5, 0)
    assert (refusals.count(RateLimited) + refusals.count(OutOfCredit), len(scene.records)) == (55, 60)
    assert len(scene.main.calls) == 5


@pytest.mark.anyio
async def test_an_answer_that_could_not_be_settled_costs_its_caller_nothing() -> None:
    """The caller was told 503 and has nothing: what is settled later is the provider's report, and no credit."""
    is_away = True

    async def away(point: str) -> None:
        if point == "settle.before" and is_away:
            raise Overloaded("The store is away.")

    ledger = MemoryLedger()
    scene = a_scene(FakeProvider(says(Frames(b"{}", True, 5, Usage(9, 4), True))), ledger=ledger)
    credit, tokens = ledger.grant(Unit.CREDITS, 10), ledger.grant(Unit.TOKENS, 1_000_000)
    ledger.hook = away
    principal = replace(PRINCIPAL, allowances=(credit, tokens))
    with pytest.raises(Overloaded):
        await read_whole(scene, principal, stream=False)
    is_away = False
    await scene.gateway.admission.tick()
    assert (ledger.spent(credit), ledger.spent(tokens), ledger.open) == (0, 13, {})


@pytest.mark.anyio
async def test_what_happens_behind_a_whole_answer_is_nobodys_business() -> None:
    """A connection that breaks once the provider said that it is done breaks nothing of ours."""
    scene = a_scene(FakeProvider(says(*an_answer(), StreamBroken("The connection was reset."))))
    assert (await read_whole(scene, PRINCIPAL))[-1] == an_answer()[-1]
    assert scene.gateway.health.state(TARGET) == "closed"
    (record,) = scene.records
    assert record.outcome is Outcome.OK


async def read_whole(scene: Scene, principal: Principal, **fields: Any) -> list[StreamEvent]:
    """Every event of one call."""
    async with scene.gateway.enter(principal, an_arrival()) as visit:
        async with scene.gateway.open(visit, a_request(**fields)) as reply:
            return [event async for event in reply.events]
