"""The engines of a process: real ones, with small models."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.providers.local.making import shelve
from tollbar.clock import SystemClock
from tollbar.domain.errors import EngineUnavailable
from tollbar.domain.local_models import LocalModel
from tollbar.domain.place import Place
from tollbar.ports.providers import Provider
from tollbar.providers.local.fleet import Fleet
from tollbar.providers.local.process import EngineProcess, Launch
from tollbar.providers.local.queue import Turn
from tollbar.providers.local.runner import order_of
from tollbar.providers.local.terms import Terms
from tollbar.providers.openai import OpenAIProvider
from tollbar.providers.transport import Transport
from tollbar.providers.vendors import Instance, custom

pytestmark = pytest.mark.anyio

TERMS = Terms(context_tokens=128, parallel=2, threads=1, idle_seconds=0)
LAUNCH = Launch(environment={})


class Fixture:
    """A fleet with a shelf of small models, and what was started."""

    def __init__(self, fleet: Fleet, started: list[EngineProcess], models: dict[str, LocalModel]) -> None:
        self.fleet = fleet
        self.started = started
        self.models = models

    async def use(self, name: str) -> Provider:
        """The provider of a model, with a turn that ends at once."""
        turn = await self.turn(name)
        try:
            return await self.fleet.ready(self.fleet.find(name))
        finally:
            turn.end()

    async def turn(self, name: str) -> Turn:
        """A turn at a model."""
        return await self.fleet.find(name).queue.take("somebody", 1.0, Place())

    def running(self) -> set[str]:
        """The models whose engines run."""
        return {name for name in self.models if self.fleet.find(name).running is not None}


@asynccontextmanager
async def a_fleet(
    directory: Path, *names: str, terms: Terms = TERMS, launch: Launch = LAUNCH, room_for: int = 0
) -> AsyncIterator[Fixture]:
    """A fleet that knows models of these names; `room_for` so many of them is what its memory holds, if given."""
    models = {name: shelve(directory, name) for name in names}
    if room_for:
        terms = replace(terms, memory_bytes=order_of(models[names[0]], terms)[1] * room_for + 1_000_000)
    clock, started = SystemClock(), list[EngineProcess]()
    async with Transport(clock) as transport:

        def connect(engine: EngineProcess) -> Provider:
            started.append(engine)
            instance = Instance("local", custom("local", "openai"), f"{engine.url}/v1", engine.order.key)
            return OpenAIProvider(instance, transport, clock)

        async with Fleet(terms, launch, connect, clock) as fleet:
            fleet.know(models)
            yield Fixture(fleet, started, models)
    assert all(engine.ended.is_set() for engine in started)


async def until(holds: Callable[[], bool], fleet: Fleet | None = None) -> None:
    """Waits for a condition, with the fleet's chore going on."""
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.02)
            if fleet is not None:
                await fleet.tick()


async def test_the_first_call_starts_an_engine(tmp_path: Path) -> None:
    """However many come at once, it is one, and it serves those after."""
    async with a_fleet(tmp_path, "one") as made:
        assert made.started == []
        runner = made.fleet.find("one")
        providers = await asyncio.gather(*(made.fleet.ready(runner) for _ in range(5)))
        assert len({id(provider) for provider in providers}) == 1
        assert list(await providers[0].models()) == ["one"]
        assert await made.use("one") is providers[0]
        assert len(made.started) == 1


async def test_a_caller_who_leaves_while_it_loads_harms_nobody(tmp_path: Path) -> None:
    """The others get the engine that is being started."""
    async with a_fleet(tmp_path, "one") as made:
        runner = made.fleet.find("one")
        first, second = (asyncio.create_task(made.fleet.ready(runner)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await second
        assert len(made.started) == 1


async def test_the_least_recently_used_goes(tmp_path: Path) -> None:
    """When memory holds two and a third is called."""
    async with a_fleet(tmp_path, "one", "two", "three", room_for=2) as made:
        for name in ("one", "two", "one", "three"):
            await made.use(name)
        assert made.running() == {"one", "three"}
        await made.use("two")
        assert made.running() == {"two", "three"}


async def test_the_busy_are_waited_for(tmp_path: Path) -> None:
    """A call under way is never cut for room; its model gets no new call until the other had its time."""
    async with a_fleet(tmp_path, "one", "two", room_for=1) as made:
        turn = await made.turn("one")
        await made.fleet.ready(made.fleet.find("one"))
        other = asyncio.create_task(made.use("two"))
        await asyncio.sleep(0.2)
        assert (other.done(), made.running()) == (False, {"one"})
        behind = asyncio.create_task(made.use("one"))
        await asyncio.sleep(0)
        turn.end()
        await other
        await behind
        assert [engine.order.name for engine in made.started] == ["one", "two", "one"]


async def test_what_can_never_fit_is_refused(tmp_path: Path) -> None:
    """Before anything else has to go for it."""
    async with a_fleet(tmp_path, "one", "two", room_for=1) as made:
        await made.use("one")
        runner = made.fleet.find("two")
        runner.model = replace(runner.model, size_bytes=10**13)
        with pytest.raises(EngineUnavailable, match=r"local\.memory_mib|needs about"):
            await made.use("two")
        assert made.running() == {"one"}


async def test_a_crash_is_mended_by_the_next_call(tmp_path: Path) -> None:
    """The first at once; while it keeps crashing, calls are told how and when it is tried again."""
    async with a_fleet(tmp_path, "one") as made:
        for _ in range(2):
            await made.use("one")
            os.kill(made.started[-1].pid, signal.SIGSEGV)
            await until(lambda: not made.running())
        with pytest.raises(EngineUnavailable, match=r"signal 11\..* is tried again in 1 seconds"):
            await made.use("one")
        await asyncio.sleep(1.0)
        await made.use("one")
        assert len(made.started) == 3


async def test_what_keeps_one_from_starting_is_told_to_each(tmp_path: Path) -> None:
    """Each call has an error of its own, since each writes its attempts into it."""
    launch = Launch((sys.executable, "-c", 'print(\'{"fault": "No.", "hint": "Help."}\')'), {})
    async with a_fleet(tmp_path, "one", launch=launch) as made:
        runner = made.fleet.find("one")
        faults = await asyncio.gather(*(made.fleet.ready(runner) for _ in range(2)), return_exceptions=True)
        assert [str(fault) for fault in faults] == ["No.", "No."]
        assert faults[0] is not faults[1]


async def test_what_nobody_uses_is_unloaded(tmp_path: Path) -> None:
    """After the time that is set, not before, and not while a call goes on."""
    async with a_fleet(tmp_path, "one", terms=replace(TERMS, idle_seconds=0.3)) as made:
        turn = await made.turn("one")
        await made.fleet.ready(made.fleet.find("one"))
        await asyncio.sleep(0.4)
        await made.fleet.tick()
        assert made.running() == {"one"}
        turn.end()
        await made.fleet.tick()
        assert made.running() == {"one"}
        await until(lambda: not made.running(), made.fleet)
        await made.use("one")


async def test_some_are_loaded_at_the_start_and_again(tmp_path: Path) -> None:
    """Those that the operator named, also when they crash, and they stay when nobody uses them."""
    terms = replace(TERMS, preload=("one",), idle_seconds=0.01)
    async with a_fleet(tmp_path, "one", "two", terms=terms) as made:
        await until(lambda: made.running() == {"one"}, made.fleet)
        await asyncio.sleep(0.1)
        await made.fleet.tick()
        os.kill(made.started[0].pid, signal.SIGKILL)
        await until(lambda: len(made.started) == 2, made.fleet)
        assert made.running() == {"one"}


async def test_a_model_that_is_replaced_or_removed_ends_after_its_last_call(tmp_path: Path) -> None:
    """New calls have the new one, or none."""
    async with a_fleet(tmp_path, "one") as made:
        turn = await made.turn("one")
        await made.fleet.ready(made.fleet.find("one"))
        newer = replace(made.models["one"], sha256="other")
        made.fleet.know({"one": newer})
        await made.use("one")
        assert len(made.started) == 2
        assert not made.started[0].ended.is_set()
        turn.end()
        await made.started[0].ended.wait()
        made.fleet.know({})
        with pytest.raises(EngineUnavailable, match="not on this machine"):
            made.fleet.find("one")
        await made.started[1].ended.wait()


async def test_an_engine_that_does_not_answer_is_ended(tmp_path: Path) -> None:
    """It is there and silent: after three times it is ended, and the next call has another."""
    async with a_fleet(tmp_path, "one", terms=replace(TERMS, health_seconds=0.1)) as made:
        await made.use("one")
        for _ in range(5):
            await asyncio.sleep(0.11)
            await made.fleet.tick()
        assert made.running() == {"one"}
        os.kill(made.started[0].pid, signal.SIGSTOP)
        await until(lambda: made.started[0].ended.is_set(), made.fleet)
        await made.use("one")
        assert len(made.started) == 2


async def test_what_fits_waits_for_nobody(tmp_path: Path) -> None:
    """Not even for another that waits until a busy one is done."""
    async with a_fleet(tmp_path, "one", "two", "small", room_for=1) as made:
        turn = await made.turn("one")
        await made.fleet.ready(made.fleet.find("one"))
        other = asyncio.create_task(made.use("two"))
        await asyncio.sleep(0.1)
        made.fleet.find("one").taken = 0  # as if it were small
        await made.use("small")
        assert not other.done()
        turn.end()
        await other
