"""Counting in memory: never over the limit, hardly under it, bounded, and without suspending."""

from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, memory
from limits.strategies import MovingWindowRateLimiter

from tests.counters.clock import ManualClock
from tollbar.counters.memory import BUCKETS, MemoryCounters
from tollbar.domain.limits import Charge, Limit, Measure, Verdict

Result = TypeVar("Result")

WINDOWS = st.sampled_from([60, 120, 3_600])
# Sixty-fourths of a second are exact in binary, so that an exact log and the counters see the very same moments.
PAUSES = st.one_of(st.just(0), st.integers(0, 64 * 70), st.sampled_from([64, 64 * 59, 64 * 60, 64 * 61])).map(
    lambda ticks: ticks / 64
)
STEPS = st.lists(st.tuples(PAUSES, st.integers(1, 12)), min_size=1, max_size=60)


def at_once(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """The result of a coroutine that does not suspend; fails if it does."""
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(None)
    return stopped.value.value


def within(log: list[tuple[float, int]], start: float, end: float) -> int:
    """What an exact log holds of a span, both ends included."""
    return sum(amount for at, amount in log if start <= at <= end)


@given(window=WINDOWS, amount=st.integers(1, 40), steps=STEPS)
def test_no_window_ever_holds_more_than_the_limit(window: int, amount: int, steps: list[tuple[float, int]]) -> None:
    """Whatever the moments and amounts, every window of the limit's length, wherever it lies, keeps to the limit."""
    clock, log = ManualClock(), list[tuple[float, int]]()
    counters, limit = MemoryCounters(clock), Limit(Measure.TOKENS, amount, window)
    for pause, asked in steps:
        clock.seconds += pause * window / 60
        if at_once(counters.take([Charge("key:a", limit, asked)])).refused is None:
            log.append((clock.seconds, asked))
    # A fullest window can be moved until it begins at a charge, so these are all that matter.
    assert all(within(log, start, start + window) <= amount for start, _ in log)


@given(window=WINDOWS, amount=st.integers(1, 40), steps=STEPS)
def test_a_refusal_is_early_by_a_sixtieth_at_most(window: int, amount: int, steps: list[tuple[float, int]]) -> None:
    """What would fit into a window longer by one bucket is never refused."""
    clock, log = ManualClock(), list[tuple[float, int]]()
    counters, limit = MemoryCounters(clock), Limit(Measure.TOKENS, amount, window)
    for pause, asked in steps:
        clock.seconds += pause * window / 60
        verdict = at_once(counters.take([Charge("key:a", limit, asked)]))
        if verdict.refused is None:
            log.append((clock.seconds, asked))
        else:
            longer = window + window / BUCKETS
            assert within(log, clock.seconds - longer, clock.seconds) + asked > amount


@given(window=WINDOWS, steps=st.lists(st.tuples(PAUSES, st.integers(1, 12), st.integers(-6, 12)), max_size=60))
def test_corrections_count_like_an_exact_log(window: int, steps: list[tuple[float, int, int]]) -> None:
    """With amounts corrected in both directions, what is left is what a log by buckets says."""
    clock, log = ManualClock(), list[tuple[float, int]]()
    counters, limit = MemoryCounters(clock), Limit(Measure.TOKENS, 60, window)
    width = window / BUCKETS
    for pause, asked, back in steps:
        clock.seconds += pause * window / 60
        verdict = at_once(counters.take([Charge("key:a", limit, asked)]))
        oldest = clock.seconds // width * width - window
        if verdict.refused is None:
            log.append((clock.seconds, asked))
        assert verdict.rooms[0].remaining == max(0, 60 - within(log, oldest, clock.seconds))
        if verdict.refused is None:
            counters.give_back([Charge("key:a", limit, min(back, asked))], verdict.taken_at)
            log[-1] = (clock.seconds, asked - min(back, asked))


@given(steps=STEPS)
def test_waiting_as_told_always_helps(steps: list[tuple[float, int]]) -> None:
    """After any history the same charge passes once the seconds of its refusal have gone by."""
    clock, limit = ManualClock(), Limit(Measure.TOKENS, 20, 60)
    counters = MemoryCounters(clock)
    for pause, asked in steps:
        clock.seconds += pause
        charge = [Charge("key:a", limit, asked)]
        verdict = at_once(counters.take(charge))
        if verdict.refused:
            clock.seconds += verdict.retry_after_seconds
            assert at_once(counters.take(charge)).refused is None


class Stopped:
    """A timer that never runs: the oracle would start a thread per hit for what it drops on reading anyway."""

    def is_alive(self) -> bool:
        """Says that none needs to be started."""
        return True


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> tuple[ManualClock, MemoryStorage]:
    """The storage of the `limits` package, on a clock of ours."""
    clock = ManualClock()
    storage = MemoryStorage()
    storage.timer.cancel()
    storage.timer.join()
    storage.timer = Stopped()  # pyrefly: ignore[bad-assignment]

    class Time:
        time = clock.monotonic

    monkeypatch.setattr(memory, "time", Time)
    return clock, storage


def test_agrees_with_an_independent_moving_window(oracle: tuple[ManualClock, MemoryStorage]) -> None:
    """All that passes here passes an exact moving window too, and all that passes one of 61 seconds passes here."""
    clock, storage = oracle
    exact = MovingWindowRateLimiter(storage)
    for amount in (1, 3, 10, 25):
        counters, limit = MemoryCounters(clock), Limit(Measure.REQUESTS, amount, 60)
        minute, longer = RateLimitItemPerSecond(amount, 60), RateLimitItemPerSecond(amount, 61)
        outcomes = set[tuple[bool, bool]]()
        for step in range(300):
            # A pattern of bursts and pauses without a random source: it meets boundaries, and no two runs are alike.
            clock.seconds += ((step * 37 + amount * 11) % 97) / 64 * (12 if step % 25 == 0 else 1)
            would_fit = exact.test(longer)
            passed = at_once(counters.take([Charge("key:a", limit)])).refused is None
            if passed:
                assert exact.hit(minute)
                # Noted without a check: in the longer window it may be one too many.
                assert storage.acquire_entry(longer.key_for(), 10_000, 61)
            assert passed or not would_fit
            outcomes.add((passed, would_fit))
        assert outcomes >= {(True, True), (False, False)}


def test_taking_does_not_suspend() -> None:
    """A take is one step of the event loop, which is what makes it whole."""
    counters = MemoryCounters(ManualClock())
    charge = Charge("key:a", Limit(Measure.REQUESTS, 1, 60))
    assert isinstance(at_once(counters.take([charge])), Verdict)


def test_idle_scopes_go_first() -> None:
    """At the bound a scope whose window ran empty makes room, and a live one keeps its count."""
    clock = ManualClock()
    counters, limit = MemoryCounters(clock, most_scopes=2), Limit(Measure.REQUESTS, 1, 60)
    at_once(counters.take([Charge("idle", limit)]))
    clock.seconds += 61.0
    at_once(counters.take([Charge("live", limit)]))
    at_once(counters.take([Charge("new", limit)]))
    assert at_once(counters.take([Charge("live", limit)])).refused is not None
    assert at_once(counters.take([Charge("new", limit)])).refused is not None


def test_at_the_bound_the_scope_charged_longest_ago_is_forgotten() -> None:
    """When every scope is live, a new one costs the oldest its count, and no other."""
    clock = ManualClock()
    counters, limit = MemoryCounters(clock, most_scopes=2), Limit(Measure.REQUESTS, 2, 60)
    for scope in ("first", "second", "first", "third"):
        at_once(counters.take([Charge(scope, limit)]))
        clock.seconds += 2.0
    remaining = {
        scope: at_once(counters.take([Charge(scope, limit)])).rooms[0].remaining for scope in ("first", "third")
    }
    assert remaining == {"first": 0, "third": 0}
    assert at_once(counters.take([Charge("second", limit)])).rooms[0].remaining == 1


def test_kinds_of_rates_do_not_push_each_other_out() -> None:
    """A flood of scopes under one limit leaves the counts of another alone."""
    counters = MemoryCounters(ManualClock(), most_scopes=2)
    minute, day = Limit(Measure.REQUESTS, 1, 60), Limit(Measure.REQUESTS, 1, 86_400)
    at_once(counters.take([Charge("key:a", day)]))
    for number in range(10):
        at_once(counters.take([Charge(f"address:{number}", minute)]))
    assert at_once(counters.take([Charge("key:a", day)])).refused is not None


def test_calls_in_flight_are_never_forgotten() -> None:
    """The bound does not touch concurrency, which ends with its calls."""
    counters, limit = MemoryCounters(ManualClock(), most_scopes=2), Limit(Measure.CONCURRENCY, 1, 0)
    for number in range(10):
        assert at_once(counters.take([Charge(f"key:{number}", limit)])).refused is None
    for number in range(10):
        assert at_once(counters.take([Charge(f"key:{number}", limit)])).refused is not None


def test_a_correction_for_a_forgotten_scope_adds_none() -> None:
    """Giving back what a forgotten scope had taken neither frees anything nor pushes another scope out."""
    counters, limit = MemoryCounters(ManualClock(), most_scopes=1), Limit(Measure.REQUESTS, 1, 60)
    verdict = at_once(counters.take([Charge("old", limit)]))
    at_once(counters.take([Charge("new", limit)]))
    counters.give_back([Charge("old", limit)], verdict.taken_at)
    assert at_once(counters.take([Charge("new", limit)])).refused is not None
