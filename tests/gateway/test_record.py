"""One record per call, whatever happened, and it never fails the call."""

import asyncio
import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest

from tests.fakes import FakeClock
from tests.making import PRINCIPAL, TARGET, a_request, a_visit, an_arrival
from tollbar.domain.errors import GatewayError, NotAllowed, OutOfCredit, Overloaded, StreamBroken, UnknownModel
from tollbar.domain.identity import Principal, assemble
from tollbar.domain.records import Attempt, Outcome, Provenance, RequestRecord
from tollbar.domain.usage import Usage
from tollbar.gateway.record import MOST_WAITING, STATUS_CALLER_LEFT, Recorder
from tollbar.gateway.visit import Arrival, Try, Visit

pytestmark = pytest.mark.anyio

A_KEY = assemble("abcdefghij", "S" * 28)


def a_recorder(clock: FakeClock | None = None) -> tuple[Recorder, list[RequestRecord]]:
    """A recorder and what it wrote."""
    records: list[RequestRecord] = []
    return Recorder((records.extend,), clock or FakeClock(), wait_seconds=0), records


@contextmanager
def watched(recorder: Recorder, principal: Principal, arrival: Arrival) -> Iterator[Visit]:
    """A call's visit from its beginning to its end, whatever the block raises."""
    visit = recorder.begin(principal, arrival)
    try:
        yield visit
    except BaseException as fault:
        recorder.end(visit, fault)
        raise
    recorder.end(visit, None)


async def test_a_key_in_the_place_of_a_name_is_not_recorded() -> None:
    """Neither as the model nor as the user."""
    recorder, records = a_recorder()
    with suppress(UnknownModel), watched(recorder, PRINCIPAL, an_arrival()) as visit:
        visit.request = a_request(model=f"openai/{A_KEY}", user=f"me {A_KEY}")
        raise UnknownModel("no")
    assert [(record.model, record.user) for record in records] == [("openai/sk-toll-***", "me sk-toll-***")]


async def test_a_call_that_went_well_is_recorded_in_full() -> None:
    """Who, what, how, when and for how much."""
    clock = FakeClock()
    recorder, (records) = a_recorder(clock)
    with watched(recorder, PRINCIPAL, an_arrival()) as visit:
        visit.request = a_request(user="u-1")
        clock.advance(0.5)
        visit.tries.append(Try(TARGET, clock.monotonic()))
        clock.advance(1.0)
        visit.first_token_at = clock.monotonic()
        clock.advance(2.0)
        visit.tries[0].ended_at = clock.monotonic()
        visit.outcome, visit.usage, visit.provenance = Outcome.OK, Usage(5, 2), Provenance.PROVIDER_FINAL
        visit.credits, visit.cost_nano_dollars = 3, 77
    assert records == [
        RequestRecord(
            request_id="r1",
            at=clock.now(),
            route="/v1/chat/completions",
            key_id="key",
            key_name="A key",
            address="192.0.2.7",
            model="smart",
            target="main/m",
            stream=True,
            outcome=Outcome.OK,
            status=200,
            error_code=None,
            usage=Usage(5, 2),
            provenance=Provenance.PROVIDER_FINAL,
            credits=3,
            cost_nano_dollars=77,
            attempts=(Attempt("main/m", Outcome.OK, 0.5, 3.5),),
            duration_seconds=3.5,
            first_token_seconds=1.5,
            stages={"admit": 0.5, "wait": 1.0, "deliver": 2.0},
            user="u-1",
        )
    ]


@pytest.mark.parametrize(
    ("fault", "outcome", "status", "code"),
    [
        (UnknownModel("No."), Outcome.REFUSED, 404, "model_not_found"),
        (NotAllowed("No."), Outcome.REFUSED, 403, "forbidden"),
        (OutOfCredit("No."), Outcome.REFUSED, 429, "insufficient_quota"),
        (StreamBroken("No."), Outcome.FAILED, 502, "stream_broken"),
        (RuntimeError("our fault"), Outcome.FAILED, 500, "internal_error"),
        (asyncio.CancelledError(), Outcome.ABANDONED, STATUS_CALLER_LEFT, None),
        (None, Outcome.OK, 200, None),
    ],
)
async def test_every_ending_is_recorded(
    fault: BaseException | None, outcome: Outcome, status: int, code: str | None
) -> None:
    """Once, with the status that the caller got, and the fault goes through."""
    recorder, records = a_recorder()

    async def call() -> None:
        with watched(recorder, PRINCIPAL, an_arrival()):
            assert len(recorder.visits) == 1
            if fault is not None:
                raise fault

    if fault is None:
        await call()
    else:
        with pytest.raises(type(fault)):
            await call()
    assert [(record.outcome, record.status, record.error_code) for record in records] == [(outcome, status, code)]
    assert recorder.visits == {}


@pytest.mark.parametrize(
    ("outcome", "fault", "delivered", "status"),
    [
        (Outcome.BROKEN, StreamBroken("Cut."), True, 200),
        (Outcome.FAILED, StreamBroken("Cut."), False, 502),
        (Outcome.FAILED, Overloaded("Full."), False, 503),
        (Outcome.ABANDONED, None, True, STATUS_CALLER_LEFT),
    ],
)
async def test_the_outcome_of_the_hold_is_kept(
    outcome: Outcome, fault: GatewayError | None, delivered: bool, status: int
) -> None:
    """It knows better; and a status that went out before the fault was 200."""
    recorder, records = a_recorder()

    async def call() -> None:
        with watched(recorder, PRINCIPAL, an_arrival()) as visit:
            visit.request = a_request()
            visit.outcome = outcome
            visit.first_token_at = 1.0 if delivered else None
            if fault is not None:
                raise fault

    if fault is None:
        await call()
    else:
        with pytest.raises(GatewayError):
            await call()
    assert [(record.outcome, record.status) for record in records] == [(outcome, status)]


async def test_a_call_that_got_nowhere_has_a_record_too() -> None:
    """Before its body was read there is no model, no target and no usage."""
    recorder, (records) = a_recorder()
    with watched(recorder, PRINCIPAL, an_arrival()):
        pass
    (record,) = records
    assert (record.model, record.target, record.usage, record.attempts, record.first_token_seconds) == (
        None,
        None,
        None,
        (),
        None,
    )
    assert sum(record.stages.values()) == record.duration_seconds


async def test_attempts_tell_how_each_ended() -> None:
    """Those before the last failed; the last broke if the answer did."""
    recorder, records = a_recorder()
    fault = StreamBroken("Cut.", upstream_status=200)

    async def call() -> None:
        with watched(recorder, PRINCIPAL, an_arrival()) as visit:
            visit.tries = [Try(TARGET, 7_200.0, 7_201.0, fault), Try(TARGET, 7_202.0, None, fault)]
            visit.outcome, visit.first_token_at = Outcome.BROKEN, 7_203.0
            raise fault

    with pytest.raises(StreamBroken):
        await call()
    assert [(tried.outcome, tried.error_code, tried.upstream_status) for tried in records[0].attempts] == [
        (Outcome.FAILED, "stream_broken", 200),
        (Outcome.BROKEN, "stream_broken", 200),
    ]


async def test_a_long_model_name_is_cut() -> None:
    """Nobody fills the log with a name."""
    recorder, records = a_recorder()
    with watched(recorder, PRINCIPAL, an_arrival()) as visit:
        visit.request = a_request(model="m" * 10_000)
    assert records[0].model == "m" * 256


async def test_a_sink_that_fails_costs_its_line_and_nothing_else() -> None:
    """Neither the call nor the other sinks."""
    records: list[RequestRecord] = []

    def fails(records: Sequence[RequestRecord]) -> None:
        raise RuntimeError("the disk is full")

    recorder = Recorder((fails, records.extend), FakeClock(), wait_seconds=0)
    with watched(recorder, PRINCIPAL, an_arrival()):
        pass
    recorder.end(a_visit(), None)
    assert (len(records), recorder.lost) == (2, 2)


async def test_calls_under_way_can_be_interrupted() -> None:
    """Those of one key or all; a call that is over is not touched."""
    recorder, _ = a_recorder()
    told: list[str] = []

    async def call(key_id: str) -> None:
        principal = type(PRINCIPAL)(key_id, key_id)
        visits: list[Visit] = []
        try:
            with watched(recorder, principal, an_arrival()) as visit:
                visits.append(visit)
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append(f"{key_id}: {visits[0].interruption}")

    tasks = [asyncio.create_task(call(key_id)) for key_id in ("a", "b", "b")]
    await asyncio.sleep(0)
    assert recorder.interrupt(NotAllowed("Revoked."), "b") == 2
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert recorder.interrupt(Overloaded("Going down.")) == 1
    await asyncio.gather(*tasks)
    assert recorder.interrupt(Overloaded("Going down.")) == 0
    assert told == ["b: Revoked.", "b: Revoked.", "a: Going down."]


async def test_records_wait_a_moment_and_are_written_together() -> None:
    """Nothing is written while a call ends; all is soon after, in the order of the ends and with their times."""
    records: list[RequestRecord] = []
    clock = FakeClock()
    recorder = Recorder((records.extend,), clock, wait_seconds=0.01)
    began = clock.now()
    for number in range(3):
        with watched(recorder, PRINCIPAL, an_arrival(request_id=f"r{number}")):
            clock.advance(1)
    assert records == []
    await asyncio.sleep(0.05)
    assert [(record.request_id, (record.at - began).total_seconds()) for record in records] == [
        ("r0", 1.0),
        ("r1", 2.0),
        ("r2", 3.0),
    ]


async def test_many_records_do_not_wait() -> None:
    """A busy process writes them as soon as there are enough, so that none of their calls stays in memory for long."""
    records: list[RequestRecord] = []
    recorder = Recorder((records.extend,), FakeClock(), wait_seconds=60)
    for _ in range(MOST_WAITING):
        recorder.end(a_visit(), None)
    assert len(records) == MOST_WAITING


async def test_one_record_that_cannot_be_written_costs_no_other() -> None:
    """Records that wait together are tried one by one when all of them cannot be written."""
    written: list[str] = []

    def writes(records: Sequence[RequestRecord]) -> None:
        if any(record.request_id == "r1" for record in records):
            raise ValueError("a name that cannot be written")
        written.extend(record.request_id for record in records)

    recorder = Recorder((writes,), FakeClock(), wait_seconds=60)
    for number in range(3):
        with watched(recorder, PRINCIPAL, an_arrival(request_id=f"r{number}")):
            pass
    recorder.flush()
    assert (written, recorder.lost) == (["r0", "r2"], 1)


async def test_the_status_is_the_one_that_the_caller_was_told() -> None:
    """Addresses tell one error with different statuses."""
    recorder, records = a_recorder()
    arrival = an_arrival()._replace(status_of=lambda error: error.status + 22)
    with pytest.raises(UnknownModel), watched(recorder, PRINCIPAL, arrival):
        raise UnknownModel("No.")
    assert (records[0].status, records[0].error_code) == (426, "model_not_found")


async def test_a_call_that_failed_is_let_go_without_the_collector() -> None:
    """Once it is recorded, nothing leads in a circle from its fault, by the frames it came through, to the call."""
    records: list[RequestRecord] = []
    recorder = Recorder((records.extend,), FakeClock())

    def fail() -> None:
        with suppress(StreamBroken), watched(recorder, PRINCIPAL, an_arrival()) as visit:
            visit.tries.append(Try(TARGET, 0.0))
            try:
                raise StreamBroken("once")
            except StreamBroken as fault:
                visit.tries[0].fault = fault
            raise StreamBroken("twice")

    gc.disable()
    try:
        before = sum(isinstance(found, Visit) for found in gc.get_objects())
        fail()
        recorder.flush()
        assert sum(isinstance(found, Visit) for found in gc.get_objects()) == before
    finally:
        gc.enable()
    assert [record.error_code for record in records] == ["stream_broken"]
