"""Settings → a running product. The only place that names adapters: what stands behind each port is decided here.

Everything opened here is closed here, in reverse, whatever happens. Start-up refuses to go on with a store it cannot
trust; what is merely missing is a warning.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from tollbar import __version__
from tollbar.admin.alerts import Alerts
from tollbar.admin.pulls import Pulls
from tollbar.admin.rotating import RotatingKey
from tollbar.app.alerting import cancelling_of, open_alerts
from tollbar.app.callers import doors, rates, terms
from tollbar.app.calls import call_log
from tollbar.app.catalogue import Offer
from tollbar.app.chores import Work, chores, warm
from tollbar.app.ground import Ground, make_keys, open_ground
from tollbar.app.keeping import equip, kept
from tollbar.app.pulling import open_pulls
from tollbar.app.rotation import rotating_key
from tollbar.app.rounds import Rounds
from tollbar.app.rules import call_rules
from tollbar.app.stores import Counting, counting
from tollbar.app.supply import Supply, open_supply, supply_chores
from tollbar.app.workers import Worker
from tollbar.clock import SystemClock
from tollbar.domain.errors import Overloaded
from tollbar.edge.application import application
from tollbar.edge.middleware import RequestIds
from tollbar.edge.services import Doors, Services
from tollbar.gateway.admit import Admission
from tollbar.gateway.attempts import Attempts
from tollbar.gateway.authenticate import Authenticator
from tollbar.gateway.cancelling import Cancelling
from tollbar.gateway.completions import Gateway
from tollbar.gateway.feed import Feed
from tollbar.gateway.health import Health
from tollbar.gateway.rates import PageGate
from tollbar.gateway.record import Recorder
from tollbar.logs import Sink
from tollbar.metrics import Metrics
from tollbar.ports.clock import Clock
from tollbar.providers.discovery import LocalServer
from tollbar.settings import Settings


@dataclass(slots=True)
class Readiness:
    """Whether new calls are welcome."""

    is_draining: bool = False


@dataclass(slots=True)
class Running:
    """A product under way: its HTTP surface, and what a start has to tell."""

    application: RequestIds
    gateway: Gateway
    offer: Offer
    servers: tuple[LocalServer, ...]
    admin_key: str | None
    starter_key: str | None
    readiness: Readiness

    def drain(self) -> None:
        """Readiness ends: load balancers should look elsewhere."""
        self.readiness.is_draining = True

    def expire(self) -> None:
        """Calls still under way are told to come back: their time is over."""
        self.gateway.recorder.interrupt(Overloaded("The gateway is shutting down.", hint="Send the request again."))


@dataclass(frozen=True, slots=True)
class _Calls:
    """What lets calls in, makes them, and counts them."""

    gateway: Gateway
    metrics: Metrics
    counted: Counting
    rotating: RotatingKey | None
    doors: Doors


@dataclass(frozen=True, slots=True)
class _Beside:
    """What goes on beside the calls, and is asked over HTTP."""

    pulls: Pulls
    cancelling: Cancelling
    alerts: Alerts
    feed: Feed


@asynccontextmanager
async def running(
    settings: Settings, log: Sink, makes_starter_key: bool, clock: Clock | None = None, worker: Worker | None = None
) -> AsyncIterator[Running]:
    """The product of these settings, from an opened store to closed connections; `clock` is the system's by default.

    As one of several workers it shows the keys that their supervisor made, and counts with the others.

    Raises BootstrapError, StorageError or VendorFaults when it must not start.
    """
    async with AsyncExitStack() as stack:
        ground = await open_ground(settings, clock or SystemClock(), worker, stack)
        keys = worker.made if worker else await make_keys(ground, makes_starter_key)
        supply = await stack.enter_async_context(open_supply(settings, ground.transport, ground.clock))
        calls = await _open_calls(ground, supply, log, stack)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        beside = await _open_beside(ground, calls, tasks, stack)
        begun = [tasks.create_task(chore) for chore in _chores(ground, supply, calls, beside)]
        stack.callback(_cancel, begun)
        readiness = Readiness()
        services = _services(ground, supply, calls, beside, readiness)
        app = application(services, call_rules(settings), _origins(settings))
        yield Running(app, calls.gateway, supply.stock.offer, supply.servers, keys.admin, keys.starter, readiness)


async def _open_calls(ground: Ground, supply: Supply, log: Sink, stack: AsyncExitStack) -> _Calls:
    """The pipeline and what it leaves behind; what is owed at the end is settled while the store is still open."""
    settings, clock, storage = ground.settings, ground.clock, ground.storage
    metrics = _metrics(ground.worker)
    counted = await counting(settings, clock, ground.worker, stack)
    recorder = Recorder((call_log(log), metrics.observe, storage.log.write), clock)
    stack.callback(recorder.flush)
    metrics.watch(lambda: len(recorder.visits), lambda: storage.log.dropped + recorder.lost)
    limits = rates(settings)
    strict = settings.ledger.strict
    admission = Admission(counted.counters, storage.ledger, clock, limits, _tell_unsettled, strict)
    stack.push_async_callback(admission.tick)
    health = Health(clock)
    known = terms(settings, ground.digest_of)
    gateway = Gateway(
        authenticator=Authenticator(storage.keys, ground.digest_of, counted.counters, clock, known),
        recorder=recorder,
        admission=admission,
        catalogue=supply.stock.offer.catalogue,
        health=health,
        attempts=Attempts(supply.providers, health, clock, random.random),
        clock=clock,
        tokenizer=supply.tokenizer,
    )
    equip(gateway, settings, storage)
    gateway.responses, gateway.files = kept(settings, storage, supply.stock.offer, ground.transport)
    forget, sealing = gateway.authenticator.forget, ground.secrets.encryption
    rotating = rotating_key(settings, storage.rotation, clock, ground.digest_of, sealing, forget)
    if rotating is not None:
        await rotating.tick()  # before anybody can call: one whose week went by meanwhile is replaced
    entrances = doors(settings, PageGate(counted.counters, limits), ground.digest_of, rotating)
    return _Calls(gateway, metrics, counted, rotating, entrances)


async def _open_beside(ground: Ground, calls: _Calls, tasks: asyncio.TaskGroup, stack: AsyncExitStack) -> _Beside:
    settings, clock, storage = ground.settings, ground.clock, ground.storage
    pulls = await stack.enter_async_context(open_pulls(settings, clock, tasks.create_task))
    sealing = ground.secrets.encryption
    alerts = await stack.enter_async_context(open_alerts(settings, storage.alerts, clock, sealing))
    cancelling = cancelling_of(calls.gateway.recorder, storage, clock, ground.worker)
    return _Beside(pulls, cancelling, alerts, Feed(storage.usage))


def _chores(ground: Ground, supply: Supply, calls: _Calls, beside: _Beside) -> Iterator[Coroutine[None, None, None]]:
    """All that goes on in the background as long as the product serves."""
    settings, gateway = ground.settings, calls.gateway
    work = Work(
        gateway=gateway,
        storage=ground.storage,
        metrics=calls.metrics,
        retention=timedelta(days=settings.requests.retention_days),
        most_kept=settings.responses.max_bytes_per_key,
        rotating=calls.rotating,
        worker=ground.worker,
        beat=calls.counted.beat,
        cancelling=beside.cancelling,
        alerts=beside.alerts,
        feed=beside.feed,
    )
    rounds = Rounds(ground.clock, calls.metrics.chore_failed)
    yield from chores(work, rounds)
    yield from calls.counted.chores
    yield from supply_chores(supply, settings.data, gateway, rounds)
    yield warm(gateway, ground.storage, rounds)


def _metrics(worker: Worker | None) -> Metrics:
    """Metrics that count on from those of the worker whose place this is, if it had one before."""
    metrics = Metrics()
    before = worker.published() if worker else None
    if before is not None:
        metrics.resume(before)
    return metrics


def _origins(settings: Settings) -> tuple[str, ...]:
    """The sites whose pages may call: those that were named, and in development any."""
    return settings.cors.origins or (("*",) if settings.is_development else ())


def _services(ground: Ground, supply: Supply, calls: _Calls, beside: _Beside, readiness: Readiness) -> Services:
    gateway, storage, worker = calls.gateway, ground.storage, ground.worker

    def key_changed(key_id: str) -> None:
        gateway.authenticator.forget()

    def render() -> bytes:
        gateway.recorder.flush()
        return calls.metrics.render(worker.others() if worker else None)

    return Services(
        gateway=gateway,
        keys=storage.keys,
        teams=storage.teams,
        end_users=storage.end_users,
        usage=storage.usage,
        ledger=storage.ledger,
        clock=gateway.clock,
        digest=ground.digest_of,
        status=lambda: {"calls": len(gateway.recorder.visits), "owed": gateway.admission.owed},
        is_ready=lambda: not readiness.is_draining,
        listed=lambda: supply.stock.offer.listed,
        key_changed=key_changed,
        metrics=render,
        version=__version__,
        doors=calls.doors,
        pulls=beside.pulls,
        history=beside.cancelling.past,
        cancel=beside.cancelling.cancel,
        running=beside.cancelling.running,
        audit=storage.audit,
        alerts=beside.alerts,
        alert_store=storage.alerts,
        max_file_bytes=ground.settings.files.max_bytes,
        feed=beside.feed,
    )


def _tell_unsettled(request_id: str, fault: BaseException) -> None:
    """A fault of ours kept a call from being settled; it is tried again until it works."""
    structlog.get_logger("tollbar").error("ledger.settlement_failed", request_id=request_id, exc_info=fault)


def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
