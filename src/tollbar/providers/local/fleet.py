"""The engines of this process: which run, which may start, and which makes room for another.

An engine starts with the first call for its model, or with the gateway. All that run stay within the memory budget:
before one that does not fit is loaded, the one that was used least recently goes; if all are busy, it is given no new
call and goes when it is done. One that crashes is started again, after a pause that doubles while it keeps crashing.
What runs for nobody is unloaded after a while, and an engine that does not answer is ended.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from itertools import product
from types import TracebackType
from typing import Self, TypeVar

import structlog

from tollbar.domain.errors import EngineUnavailable, UpstreamError
from tollbar.domain.local_models import LocalModel
from tollbar.ports.clock import Clock
from tollbar.ports.providers import Provider
from tollbar.providers.local.process import EngineProcess, Launch
from tollbar.providers.local.queue import FairQueue
from tollbar.providers.local.runner import Runner, order_of
from tollbar.providers.local.terms import Terms

MOST_SILENCES = 3
Done = TypeVar("Done")
Connect = Callable[[EngineProcess], Provider]
"""Makes the provider that calls an engine."""


class Fleet:
    """Runs the models that it is told of; an async context manager, whose end is the end of every engine."""

    def __init__(self, terms: Terms, launch: Launch, connect: Connect, clock: Clock) -> None:
        self._terms = terms
        self._launch = launch
        self._connect = connect
        self._clock = clock
        self._runners: dict[tuple[str, int], Runner] = {}
        """By the model's name and the number of the replica."""
        self._retiring: set[Runner] = set()
        self._room = asyncio.Lock()
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[object]] = set()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(runner.engine.stop() for runner in self._all() if runner.engine is not None))
        await self._group.__aexit__(None, None, None)

    @property
    def models(self) -> Mapping[str, LocalModel]:
        """The models that can be called, by name."""
        return {runner.model.name: runner.model for runner in self._runners.values()}

    def find(self, name: str, replica: int = 0) -> Runner:
        """The runner of a model, or another of its replicas; raises EngineUnavailable when there is no such model."""
        runner = self._runners.get((name, replica))
        if runner is None:
            raise EngineUnavailable(f"{name} is not on this machine.", hint=f"Pull it: tollbar pull {name}.")
        return runner

    def loads(self, name: str) -> list[int]:
        """How many calls each replica of a model has, waiting ones too."""
        queues = (self.find(name, replica).queue for replica in range(self._terms.replicas))
        return [queue.active + queue.waiting for queue in queues]

    def know(self, models: Mapping[str, LocalModel]) -> None:
        """These are the models from now on. One that is gone or was replaced ends when its last call has."""
        for place, runner in list(self._runners.items()):
            if models.get(runner.model.name) != runner.model:
                del self._runners[place]
                self._retiring.add(runner)
                self._spawn(self._retire(runner))
        for place in product(models, range(self._terms.replicas)):
            if place not in self._runners:
                name, model = place[0], models[place[0]]
                queue = FairQueue(name, self._terms.parallel_of(model), self._terms.queue, self._clock.monotonic)
                self._runners[place] = Runner(model, queue, is_wanted=name in self._terms.preload)

    async def ready(self, runner: Runner) -> Provider:
        """The provider of a model that runs, once it does; raises EngineUnavailable when it cannot."""
        while (provider := runner.running) is None:
            if runner.starting is None:
                runner.starting = self._spawn(self._start(runner))
            fault = await asyncio.shield(runner.starting)
            if fault is not None:  # many may have waited for it, and each writes down attempts of its own
                seconds, again = fault.retry_after_seconds, fault.is_retryable
                raise EngineUnavailable(fault.message, hint=fault.hint, is_retryable=again, retry_after_seconds=seconds)
        return provider

    async def tick(self) -> None:
        """Starts what is wanted and does not run, and unloads what nobody used for long; called every second or so."""
        now = self._clock.monotonic()
        for runner in list(self._runners.values()):
            if runner.running is not None and now >= runner.asked_at + self._terms.health_seconds:
                runner.asked_at = now
                self._spawn(self._ask(runner))
            if runner.running is None:
                if runner.is_wanted and runner.starting is None and now >= runner.not_before:
                    runner.starting = self._spawn(self._start(runner))
            elif not runner.is_wanted and self._is_forgotten(runner, now):
                await self._stop(runner, "idle")

    async def _ask(self, runner: Runner) -> None:
        """Asks an engine whether it is there; one that has not answered so many times is ended."""
        engine, provider = runner.engine, runner.provider
        if engine is None or provider is None:
            return
        try:
            async with asyncio.timeout(self._terms.health_seconds):
                await provider.models()
            runner.silences = 0
        except (UpstreamError, TimeoutError):
            runner.silences += 1
            if runner.silences >= MOST_SILENCES and runner.engine is engine:
                structlog.get_logger("tollbar").warning("engine.silent", model=runner.model.name)
                engine.kill()

    def _is_forgotten(self, runner: Runner, now: float) -> bool:
        """Whether nobody has used it for so long that it may be unloaded."""
        queue, idle = runner.queue, self._terms.idle_seconds
        return 0 < idle <= now - max(queue.last_used, runner.started_at) and not queue.active and not queue.waiting

    async def _start(self, runner: Runner) -> EngineUnavailable | None:
        """Has an engine load the model; the fault when it cannot."""
        began = self._clock.monotonic()
        if refusal := runner.refusal(began):
            runner.starting = None
            return refusal
        try:
            order, needed = order_of(runner.model, self._terms)
            await self._make_room(runner, needed)
            try:
                engine = await EngineProcess.start(order, self._launch)
            except BaseException:
                runner.taken = 0
                raise
        except EngineUnavailable as fault:
            runner.failed(fault, self._clock.monotonic())
            structlog.get_logger("tollbar").warning("engine.failed", model=runner.model.name, error=fault.text)
            return fault
        finally:
            runner.starting = None
        runner.engine, runner.provider, runner.silences = engine, self._connect(engine), 0
        runner.started_at = runner.asked_at = self._clock.monotonic()
        self._spawn(self._watch(runner, engine))
        seconds = round(runner.started_at - began, 3)
        structlog.get_logger("tollbar").info("engine.started", model=runner.model.name, seconds=seconds)
        return None

    async def _make_room(self, runner: Runner, needed: int) -> None:
        """Takes memory for a model, after others have gone if they must; one that fits as it is waits for nobody."""
        if self._fits(needed):
            runner.taken = needed
            return
        async with self._room:
            while not self._fits(needed):
                others = [other for other in self._all() if other.taken]
                loading = [other.starting for other in others if other.starting is not None]
                loaded = [other for other in others if other.running is not None]
                if loaded:
                    oldest = min(loaded, key=lambda other: (other.queue.active > 0, other.queue.last_used))
                    oldest.is_wanted = False
                    await self._stop(oldest, f"room for {runner.model.name}")
                elif loading:
                    await asyncio.wait(loading)
                else:
                    await asyncio.sleep(0)  # an engine has ended, and its end is about to be noticed
            runner.taken = needed

    def _fits(self, needed: int) -> bool:
        return sum(runner.taken for runner in self._all()) + needed <= self._terms.memory_bytes

    async def _stop(self, runner: Runner, reason: str) -> None:
        """Ends an engine after its last call; calls that wait go on with the next engine."""
        runner.queue.hold()
        try:
            await runner.queue.idle()
            if runner.engine is not None:
                await runner.engine.stop()
                self._forget(runner, runner.engine)
                structlog.get_logger("tollbar").info("engine.unloaded", model=runner.model.name, reason=reason)
        finally:
            runner.queue.resume()

    async def _retire(self, runner: Runner) -> None:
        """Ends the engine of a model that is gone, when nobody waits for it any more."""
        while runner.queue.waiting or runner.starting is not None:
            await self._clock.sleep(0.1)
        await self._stop(runner, "gone")
        self._retiring.discard(runner)

    async def _watch(self, runner: Runner, engine: EngineProcess) -> None:
        """Notices the end of an engine."""
        await engine.ended.wait()
        self._forget(runner, engine)
        if crash := engine.crash:
            runner.failed(EngineUnavailable(crash, is_retryable=True), self._clock.monotonic())
            structlog.get_logger("tollbar").warning("engine.ended", model=runner.model.name, error=crash)

    def _spawn(self, chore: Coroutine[None, None, Done]) -> "asyncio.Task[Done]":
        task = self._group.create_task(chore)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _forget(self, runner: Runner, engine: EngineProcess) -> None:
        if runner.engine is engine:
            runner.engine = runner.provider = None
            runner.taken = 0

    def _all(self) -> tuple[Runner, ...]:
        return (*self._runners.values(), *self._retiring)
