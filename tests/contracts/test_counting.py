"""Every implementation of the `Counters` port under any order of takes, corrections and moments, beside a plain log."""

import asyncio
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.contracts.test_counters import IMPLEMENTATIONS
from tests.counters.clock import ManualClock
from tollbar.counters.memory import BUCKETS
from tollbar.counters.redis import RedisCounters
from tollbar.domain.limits import Charge, Limit, Measure

LIMITS = (
    Limit(Measure.REQUESTS, 6, 60),
    Limit(Measure.REQUESTS, 15, 3_600),
    Limit(Measure.TOKENS, 40, 60),
    Limit(Measure.CONCURRENCY, 3, 0),
)
CHARGES = st.lists(
    st.builds(Charge, st.sampled_from(["a", "b"]), st.sampled_from(LIMITS), st.integers(0, 7)),
    min_size=1,
    max_size=3,
    unique_by=lambda charge: (charge.scope, charge.limit),
)


class Entry(NamedTuple):
    """What is counted of a charge, and the bucket that it is counted in."""

    charge: Charge
    bucket: int


class Counting(RuleBasedStateMachine):
    """Takes and corrections as hypothesis chooses them; what is left is always what the log says."""

    implementation = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.temporary = tempfile.TemporaryDirectory()
        self.clock = ManualClock(86_400.0)
        self.runner = asyncio.Runner()
        self.resources = AsyncExitStack()
        made = IMPLEMENTATIONS[self.implementation](self.clock, Path(self.temporary.name))
        self.counters = self.run(self.resources.enter_async_context(made))
        self.log: list[Entry] = []
        self.taken: list[tuple[list[Charge], float]] = []

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Runs something to its end."""
        return self.runner.run(work)

    @rule(charges=CHARGES)
    def take(self, charges: list[Charge]) -> None:
        """All are taken if each fits by itself, else none; and what is left is told either way."""
        fit = [charge for charge in charges if charge.amount <= self.left(charge)]
        verdict = self.run(self.counters.take(charges))
        assert (verdict.refused is None) == (len(fit) == len(charges))
        if verdict.refused is None:
            self.log += [Entry(charge, self.bucket(charge.limit, self.clock.seconds)) for charge in charges]
            self.taken.append((charges, verdict.taken_at))
        else:
            assert verdict.refused not in fit
        assert [room.remaining for room in verdict.rooms] == [max(0, self.left(charge)) for charge in charges]

    @rule(place=st.integers(0, 50), share=st.sampled_from([-2, 0, 1, 1]))
    def give_back(self, place: int, share: int) -> None:
        """A call that was let in gives back all of what it took, nothing, or takes more; slots it gives back whole."""
        if not self.taken:
            return
        charges, at = self.taken.pop(place % len(self.taken))
        backs = [
            charge._replace(amount=charge.amount * (share if charge.limit.window_seconds else 1)) for charge in charges
        ]
        for back in backs:
            bucket = self.bucket(back.limit, at)
            if not back.limit.window_seconds or bucket >= self.bucket(back.limit, self.clock.seconds) - BUCKETS:
                self.log.append(Entry(back._replace(amount=-back.amount), bucket))
        self.counters.give_back(backs, at)
        if isinstance(self.counters, RedisCounters):  # else it goes a moment later
            self.run(self.counters.beat())

    @rule(seconds=st.sampled_from([0.25, 1.0, 20.5, 59.0, 61.0, 1_800.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.clock.seconds += seconds
        if isinstance(self.counters, RedisCounters):  # as it does every few seconds, so that its slots stay its own
            self.run(self.counters.beat())
        elif hasattr(self.counters, "beat"):
            self.counters.beat()

    def bucket(self, limit: Limit, at: float) -> int:
        """The bucket of a moment."""
        return int(at * BUCKETS // limit.window_seconds) if limit.window_seconds else 0

    def left(self, charge: Charge) -> int:
        """What the log leaves of a limit."""
        oldest = self.bucket(charge.limit, self.clock.seconds) - BUCKETS
        counted = [
            entry.charge.amount
            for entry in self.log
            if entry.charge[:2] == charge[:2] and (entry.bucket >= oldest or not charge.limit.window_seconds)
        ]
        return charge.limit.amount - sum(counted)

    def teardown(self) -> None:
        """Closes them."""
        self.run(self.resources.aclose())
        self.runner.close()
        self.temporary.cleanup()


class SharedCounting(Counting):
    """In files that workers share."""

    implementation = "shared"


class RedisCounting(Counting):
    """In a Valkey."""

    implementation = "redis"


OFTEN = settings(max_examples=30, stateful_step_count=40, phases=[Phase.generate], deadline=None)
SELDOM = settings(OFTEN, max_examples=12)
TestCounting = pytest.mark.slow(Counting.TestCase)
TestCounting.settings = OFTEN
TestSharedCounting = pytest.mark.slow(SharedCounting.TestCase)
TestSharedCounting.settings = SELDOM
TestRedisCounting = pytest.mark.slow(RedisCounting.TestCase)
TestRedisCounting.settings = SELDOM
