"""Settings → a running product. The only place that names adapters: what stands behind each port is decided here.

Everything opened here is closed here, in reverse, whatever happens. Start-up refuses to go on with a store it cannot
trust; what is merely missing is a warning.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from tollbar import __version__
from tollbar.admin.alerts import Alerts
from tollbar.admin.bootstrap import derive, ensure_admin_key, read_secret, renew_starter_key
from tollbar.admin.keys import Digest
from tollbar.admin.pulls import Pulls
from tollbar.app.alerting import cancelling_of, open_alerts
from tollbar.app.callers import doors, rates, terms
from tollbar.app.calls import call_log
from tollbar.app.catalogue import GUIDE_PROVIDER, Offer
from tollbar.app.chores import Work, chores, warm
from tollbar.app.keeping import equip, kept
from tollbar.app.local import Stock, local_chores, local_engines, shelf_of
from tollbar.app.meaning import learning, meaningful_guide
from tollbar.app.pulling import open_pulls
from tollbar.app.rotation import rotating_key
from tollbar.app.rules import call_rules
from tollbar.app.stocked import stocked
from tollbar.app.stores import counting, postgres_address
from tollbar.app.upstreams import open_upstreams
from tollbar.app.workers import MadeKeys, Worker
from tollbar.clock import ShiftedClock, SystemClock
from tollbar.domain.digest import digest
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
from tollbar.ports.providers import Provider
from tollbar.providers.discovery import LocalServer
from tollbar.providers.prices import Prices
from tollbar.providers.transport import Transport
from tollbar.settings import LOCAL, Settings
from tollbar.storage.store import Options, Storage, open_storage


@dataclass(slots=True)
class Running:
    """A product under way: its HTTP surface, and what a start has to tell."""

    application: RequestIds
    gateway: Gateway
    offer: Offer
    servers: tuple[LocalServer, ...]
    admin_key: str | None
    starter_key: str | None
    readiness: "Readiness"

    def drain(self) -> None:
        """Readiness ends: load balancers should look elsewhere."""
        self.readiness.is_draining = True

    def expire(self) -> None:
        """Calls still under way are told to come back: their time is over."""
        self.gateway.recorder.interrupt(Overloaded("The gateway is shutting down.", hint="Send the request again."))


@dataclass(slots=True)
class Readiness:
    """Whether new calls are welcome."""

    is_draining: bool = False


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the services of the HTTP surface are made of."""

    gateway: Gateway
    storage: Storage
    metrics: Metrics
    digest_of: Callable[[str], bytes]
    readiness: Readiness
    stock: Stock
    doors: Doors
    pulls: Pulls
    worker: Worker | None
    cancelling: Cancelling
    alerts: Alerts
    settings: Settings
    feed: Feed


@asynccontextmanager
async def running(
    settings: Settings, log: Sink, makes_starter_key: bool, clock: Clock | None = None, worker: Worker | None = None
) -> AsyncIterator[Running]:
    """The product of these settings, from an opened store to closed connections; `clock` is the system's by default.

    As one of several workers it shows the keys that their supervisor made, and counts with the others.

    Raises BootstrapError, StorageError or VendorFaults when it must not start.
    """
    clock = clock or SystemClock()
    if postgres_address(settings) is not None:
        clock = ShiftedClock(clock)
    secrets = derive(read_secret(settings.data, settings.secret.reveal() if settings.secret else None))
    digest_of = partial(digest, secrets.pepper)
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(
            open_storage(settings.data, clock, _store_options(settings, secrets.check, worker))
        )
        if isinstance(clock, ShiftedClock):
            clock.set(await storage.time(clock))
        keys = worker.made if worker else await _made(settings, storage, clock, digest_of, makes_starter_key)
        transport = await stack.enter_async_context(Transport(clock, settings.egress.proxy, settings.egress.ca_file))
        prices = Prices(lambda: clock.now().date())
        servers, base, providers = await open_upstreams(settings, transport, prices, clock)
        engines = await stack.enter_async_context(local_engines(settings, clock))
        stock = Stock(shelf_of(settings), engines.fleet, lambda models: stocked(base, settings, models))
        made = stock.offer
        if LOCAL not in made.instances:
            providers = {**providers, LOCAL: engines.provider}
        guide = meaningful_guide(settings, engines.fleet, engines.provider, clock)
        providers = {**providers, GUIDE_PROVIDER: guide}
        metrics = _metrics(worker)
        sinks = (call_log(log), metrics.observe, storage.log.write)
        counted = await counting(settings, clock, worker, stack)
        counters, recorder = counted.counters, Recorder(sinks, clock)
        stack.callback(recorder.flush)
        authenticator = Authenticator(storage.keys, digest_of, counters, clock, terms(settings, digest_of))
        limits = rates(settings)
        admission = Admission(counters, storage.ledger, clock, limits, _tell_unsettled, settings.ledger.strict)
        stack.push_async_callback(admission.tick)  # what is owed at the end, while the store is still open
        gateway = _gateway(authenticator, admission, recorder, made, providers, clock)
        equip(gateway, settings, storage)
        gateway.responses, gateway.files = kept(settings, storage, made, transport)
        metrics.watch(lambda: len(recorder.visits), lambda: storage.log.dropped + recorder.lost)
        readiness = Readiness()
        rotating = rotating_key(settings, storage.rotation, clock, digest_of, secrets.encryption, authenticator.forget)
        if rotating is not None:
            await rotating.tick()  # before anybody can call: one whose week went by meanwhile is replaced
        entrances = doors(settings, PageGate(counters, limits), digest_of, rotating)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        pulls = await stack.enter_async_context(open_pulls(settings, clock, tasks.create_task))
        cancelling = cancelling_of(recorder, storage, clock, worker)
        alerts = await stack.enter_async_context(open_alerts(settings, storage.alerts, clock, secrets.encryption))
        watch, feed = (cancelling, alerts), Feed(storage.usage)
        parts = (gateway, storage, metrics, digest_of, readiness, stock, entrances, pulls, worker, *watch, settings)
        services = _services(_Parts(*parts, feed))
        retention = timedelta(days=settings.requests.retention_days)
        most = settings.responses.max_bytes_per_key
        work = Work(gateway, storage, metrics, retention, most, rotating, worker, counted.beat, *watch, feed)
        begun = [tasks.create_task(chore) for chore in (*chores(work), *counted.chores)]
        begun += [tasks.create_task(chore) for chore in local_chores(engines.fleet, stock, gateway)]
        learns = (warm(gateway, storage, metrics.chore_failed), learning(guide, settings.data, clock))
        begun += [tasks.create_task(one) for one in learns]
        if made.instances:
            begun.append(tasks.create_task(_load_prices(prices)))
        stack.callback(_cancel, begun)
        app = application(services, call_rules(settings), _origins(settings))
        yield Running(app, gateway, made, servers, keys.admin, keys.starter, readiness)


async def _made(
    settings: Settings, storage: Storage, clock: Clock, digest_of: Digest, makes_starter_key: bool
) -> MadeKeys:
    """The keys that a start makes."""
    configured = settings.admin_key.reveal() if settings.admin_key else None
    return MadeKeys(
        await ensure_admin_key(storage.keys, clock, digest_of, configured),
        await renew_starter_key(storage.keys, clock, digest_of) if makes_starter_key else None,
    )


def _metrics(worker: Worker | None) -> Metrics:
    """Metrics that count on from those of the worker whose place this is, if it had one before."""
    metrics = Metrics()
    before = worker.published() if worker else None
    if before is not None:
        metrics.resume(before)
    return metrics


def _store_options(settings: Settings, check: bytes, worker: Worker | None) -> Options:
    return Options(
        secret_check=check,
        is_server=True,
        slot=worker.slot if worker else None,
        is_strict=settings.ledger.strict,
        survives_power_loss=settings.ledger.durability == "power",
        address=postgres_address(settings),
        most_end_users=settings.end_users.most,
    )


def _origins(settings: Settings) -> tuple[str, ...]:
    """The sites whose pages may call: those that were named, and in development any."""
    return settings.cors.origins or (("*",) if settings.is_development else ())


def _gateway(
    authenticator: Authenticator,
    admission: Admission,
    recorder: Recorder,
    made: Offer,
    providers: Mapping[str, Provider],
    clock: Clock,
) -> Gateway:
    health = Health(clock)
    return Gateway(
        authenticator=authenticator,
        recorder=recorder,
        admission=admission,
        catalogue=made.catalogue,
        health=health,
        attempts=Attempts(providers, health, clock, random.random),
        clock=clock,
    )


def _services(parts: _Parts) -> Services:
    gateway, storage, stock = parts.gateway, parts.storage, parts.stock

    def key_changed(key_id: str) -> None:
        gateway.authenticator.forget()

    def render() -> bytes:
        parts.gateway.recorder.flush()
        return parts.metrics.render(parts.worker.others() if parts.worker else None)

    return Services(
        gateway=gateway,
        keys=storage.keys,
        teams=storage.teams,
        end_users=storage.end_users,
        usage=storage.usage,
        ledger=storage.ledger,
        clock=gateway.clock,
        digest=parts.digest_of,
        status=lambda: {"calls": len(gateway.recorder.visits), "owed": gateway.admission.owed},
        is_ready=lambda: not parts.readiness.is_draining,
        listed=lambda: stock.offer.listed,
        key_changed=key_changed,
        metrics=render,
        version=__version__,
        doors=parts.doors,
        pulls=parts.pulls,
        history=parts.cancelling.past,
        cancel=parts.cancelling.cancel,
        running=parts.cancelling.running,
        audit=storage.audit,
        alerts=parts.alerts,
        alert_store=storage.alerts,
        max_file_bytes=parts.settings.files.max_bytes,
        feed=parts.feed,
    )


async def _load_prices(prices: Prices) -> None:
    """Has the price table loaded, in a thread, before the first call needs it."""
    await asyncio.to_thread(prices.find, "openai", "gpt-4o-mini")


def _tell_unsettled(request_id: str, fault: BaseException) -> None:
    """A fault of ours kept a call from being settled; it is tried again until it works."""
    structlog.get_logger("tollbar").error("ledger.settlement_failed", request_id=request_id, exc_info=fault)


def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
