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
from tests.storage.making import StepClock, a_directory, a_line, estimating, opened
from tollbar.app.chores import TICK_SECONDS, Watch, Work, chores, warm
from tollbar.app.rounds import Rounds
from tollbar.app.wiring import Running, running
from tollbar.app.workers import MadeKeys, Worker
from tollbar.clock import SystemClock
from tollbar.domain.errors import GatewayError, Overloaded
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
    """A ledger that cannot say that it lives, or only at last, and what is done about it."""

    is_fenced: bool = False
    comes_back: bool = False
    done: list[str] = field(default_factory=list)

    async def tick(self) -> None:
        """Tries in vain, or not."""
        self.done.append("tick")
        self.is_fenced = self.is_fenced and not self.comes_back

    def interrupt(self, fault: GatewayError) -> None:
        """Ends the calls."""
        self.done.append(fault.code)


async def test_a_process_that_was_silent_too_long_ends_its_calls(tmp_path: Path) -> None:
    """Others may have resolved what they held; whoever reads an answer of it is told so."""
    clock, ledger = StepClock(), Silent()
    gateway: Any = SimpleNamespace(clock=clock, recorder=ledger, admission=ledger, repeats=None)
    storage: Any = SimpleNamespace(ledger=ledger, is_shared=False, news=None)
    beats: list[float] = []
    nothing: Any = None

    async def beat() -> None:
        beats.append(clock.seconds)

    others: Any = SimpleNamespace(tick=beat, follow=beat)
    work = Work(gateway, storage, nothing, timedelta(days=1), 10**9, None, None, beat, nothing, others, others)
    tick, *rest = chores(work, Rounds(clock, print))
    for other in rest:
        other.close()
    ticking = asyncio.create_task(tick)
    for is_fenced, comes_back in ((False, False), (True, False), (True, True)):
        ledger.is_fenced, ledger.comes_back = is_fenced, comes_back
        await asyncio.sleep(0)
        clock.advance(TICK_SECONDS)
        for _ in range(5):
            await asyncio.sleep(0)
    ticking.cancel()
    assert ledger.done == ["tick", "tick", *["tick", "overloaded", "tick"] * 2]
    assert beats == [7_205.0, 7_210.0, 7_215.0]


async def test_keys_are_watched_although_the_store_was_away_at_the_start(tmp_path: Path) -> None:
    """The watch goes on when it is back, and looks every key up anew, for nobody knows what happened meanwhile."""
    clock, done = StepClock(), list[str]()

    class Cancels:
        is_away = True

        async def news(self) -> tuple[int, int]:
            if self.is_away:
                raise Overloaded("The store cannot be used at the moment.")
            return 7, 7

    cancels = Cancels()
    known = SimpleNamespace(forget=lambda: done.append("forget"))
    people = SimpleNamespace(forget=lambda: done.append("forget people"))
    recorder = SimpleNamespace(visits={})
    gateway: Any = SimpleNamespace(clock=clock, recorder=recorder, authenticator=known, end_users=people)
    ledger = SimpleNamespace(give_back=lambda: done.append("give back"), heed=None)
    storage: Any = SimpleNamespace(ledger=ledger, cancels=cancels, is_shared=False, news=clock)

    async def heed() -> None:
        done.append("heed")

    nothing: Any = None
    cancelling: Any = SimpleNamespace(heed=heed)
    rest = None, None, nothing, cancelling, nothing, nothing
    watch = Watch(Work(gateway, storage, nothing, timedelta(days=1), 10**9, *rest))
    with pytest.raises(Overloaded):
        await watch.look()
    cancels.is_away = False
    await watch.look()
    await watch.look()
    assert done == ["forget", "forget people", "give back", "heed"]


async def test_a_start_learns_from_the_calls_of_before(tmp_path: Path) -> None:
    """How long answers are, by key and model; a fault in that ends nothing."""
    scene = a_scene()
    async with opened(a_directory(tmp_path), StepClock()) as storage:
        for number in range(ENOUGH):
            held = await storage.ledger.reserve(f"r{number}", (), estimating(f"r{number}"))
            await storage.ledger.settle(held, (), [a_line(f"r{number}")])
        crashed: list[str] = []
        broken: Any = SimpleNamespace(usage=SimpleNamespace(last_line=lambda: 1 / 0))
        await warm(scene.gateway, broken, Rounds(SystemClock(), crashed.append))
        assert crashed == ["learn"]
        await warm(scene.gateway, storage, Rounds(SystemClock(), crashed.append))
        assert scene.gateway.learned.usual("somebody", "smart") == 30
