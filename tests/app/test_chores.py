"""What goes on in the background, in a product that has another one beside it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.app.making import settings_of
from tests.edge.stage import bearer, call
from tests.making import a_scene
from tests.storage.making import StepClock, a_directory, a_line, an_estimate, opened
from tollbar.app.chores import TICK_SECONDS, Work, chores, warm
from tollbar.app.wiring import Running, running
from tollbar.app.workers import MadeKeys, Worker
from tollbar.clock import SystemClock
from tollbar.domain.errors import GatewayError
from tollbar.gateway.learned import ENOUGH
from tollbar.logs import Sink, render_json

pytestmark = pytest.mark.anyio

ADMIN_SECRET = "the admin secret of two workers"


@asynccontextmanager
async def two_workers(directory: Path, clock: StepClock) -> AsyncIterator[list[Running]]:
    """Two workers of one server, in one process and on one clock that a test moves."""
    settings = settings_of(directory, ADMIN_SECRET=ADMIN_SECRET)
    shared = directory / "shared"
    shared.mkdir()
    log = Sink(BytesIO(), render_json, SystemClock().now)
    async with AsyncExitStack() as stack:
        products = []
        for number in range(2):
            worker = Worker(number, 2, shared, os.getppid(), MadeKeys(), "place")
            made = running(settings, log, makes_starter_key=False, clock=clock, worker=worker)
            products.append(await stack.enter_async_context(made))
        yield products


async def shown(product: Running) -> str:
    """The rotating key that a worker shows."""
    answer = await call(
        product.application, "GET", "/current-key", ((b"admin-secret", ADMIN_SECRET.encode()),)
    ).answer()
    assert answer.status == 200, answer.body
    return str(json.loads(answer.body)["api_key"])


async def opens(product: Running, key: str) -> bool:
    """Whether a worker lets a key in."""
    return (await call(product.application, "GET", "/v1/me", (bearer(key),)).answer()).status == 200


@pytest.mark.parametrize("first", [0, 1])
async def test_the_rotating_key_changes_in_all_workers_at_one_instant(tmp_path: Path, first: int) -> None:
    """Up to its end the old one opens everywhere; from then on it does nowhere, and one new one does."""
    clock = StepClock()
    async with two_workers(tmp_path, clock) as products:
        old = await shown(products[0])
        assert [await shown(product) for product in products] == [old, old]
        assert [await opens(product, old) for product in products] == [True, True]  # and so it is in both caches
        begun = clock.now()
        clock.go_to(begun + timedelta(days=7) - timedelta(microseconds=1))
        assert [await opens(product, old) for product in products] == [True, True]
        clock.go_to(begun + timedelta(days=7))
        asked = [opens(product, old) for product in products] + [shown(products[first]), shown(products[1 - first])]
        *still, new, same = map(str, await asyncio.gather(*asked))
        assert (still, new == same, new != old) == (["False", "False"], True, True)
        assert [await opens(product, new) for product in products] == [True, True]
        assert [await opens(product, old) for product in products] == [False, False]
        clock.step_seconds -= 3_600  # a clock that goes back brings none back
        assert [await opens(product, old) for product in products] == [False, False]
        assert [await shown(product) for product in products] == [new, new]


@dataclass(slots=True)
class Silent:
    """A ledger that cannot say that it lives, and what is done about it."""

    is_fenced: bool = False
    done: list[str] = field(default_factory=list)

    async def tick(self) -> None:
        """Tries in vain."""
        self.done.append("tick")

    def interrupt(self, fault: GatewayError) -> None:
        """Ends the calls."""
        self.done.append(fault.code)


async def test_a_process_that_was_silent_too_long_ends_its_calls(tmp_path: Path) -> None:
    """Others may have resolved what they held; whoever reads an answer of it is told so."""
    clock, ledger = StepClock(), Silent()
    gateway: Any = SimpleNamespace(clock=clock, recorder=ledger, admission=ledger, repeats=None)
    storage: Any = SimpleNamespace(ledger=ledger, is_shared=False)
    beats: list[float] = []
    nothing: Any = None

    async def beat() -> None:
        beats.append(clock.seconds)

    work = Work(gateway, storage, nothing, timedelta(days=1), None, None, beat)
    tick, *others = chores(work)
    for other in others:
        other.close()
    ticking = asyncio.create_task(tick)
    for is_fenced in (False, True):
        ledger.is_fenced = is_fenced
        await asyncio.sleep(0)
        clock.advance(TICK_SECONDS)
        for _ in range(5):
            await asyncio.sleep(0)
    ticking.cancel()
    assert ledger.done == ["tick", "tick", "tick", "overloaded", "tick"]
    assert beats == [7_205.0, 7_210.0]


async def test_a_start_learns_from_the_calls_of_before(tmp_path: Path) -> None:
    """How long answers are, by key and model."""
    scene = a_scene()
    async with opened(a_directory(tmp_path), StepClock()) as storage:
        for number in range(ENOUGH):
            held = await storage.ledger.reserve(f"r{number}", (), an_estimate(f"r{number}"))
            await storage.ledger.settle(held, (), [a_line(f"r{number}")])
        await warm(scene.gateway, storage)
        assert scene.gateway.learned.usual("somebody", "smart") == 30
