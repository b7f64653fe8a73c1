"""What goes on in the background while the product serves, each at its own pace."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from tollbar.admin.rotating import RotatingKey
from tollbar.app.workers import Worker
from tollbar.clock import ShiftedClock
from tollbar.domain.errors import GatewayError, InvalidKey, Overloaded
from tollbar.gateway.completions import Gateway
from tollbar.metrics import Metrics
from tollbar.ports import Clock
from tollbar.storage.store import Storage

TICK_SECONDS = 5.0
POLL_SECONDS = 0.25
"""How often the store is asked whether another process changed a key: what is revoked there stops here within it."""
HEED_SECONDS = 0.1
"""How often it is asked what other processes recall: a call that waits for that waits for half a second at most."""
ROTATE_SECONDS = 1.0
PRUNE_SECONDS = 3_600.0
PUBLISH_SECONDS = 1.0
WARMED = 5_000
"""Lines of the ledger from which a start learns how long answers usually are."""
WARM_SECONDS = 0.1
FENCED = Overloaded("This process has lost its store, and what it held is not its own any more.", hint="Send it again.")


@dataclass(frozen=True, slots=True)
class Work:
    """What the chores are done on. `beat` says to the counters that this process lives."""

    gateway: Gateway
    storage: Storage
    metrics: Metrics
    retention: timedelta
    rotating: RotatingKey | None
    worker: Worker | None
    beat: Callable[[], Awaitable[None]]


def chores(work: Work) -> list[Coroutine[None, None, None]]:
    """Each of them, not begun."""
    gateway, storage, clock = work.gateway, work.storage, work.gateway.clock

    async def tick() -> None:
        await work.beat()
        await storage.ledger.tick()
        if isinstance(clock, ShiftedClock):
            clock.shift(await storage.offset(clock.own))
        if storage.ledger.is_fenced:
            gateway.recorder.interrupt(FENCED)
        await gateway.admission.tick()
        if gateway.repeats is not None:
            await gateway.repeats.tick()

    async def prune() -> None:
        await storage.answers.prune()
        await storage.requests.prune(clock.now() - work.retention)

    every_process = [
        *([_every(ROTATE_SECONDS, work.rotating.tick, clock)] if work.rotating is not None else ()),
        _every(TICK_SECONDS, tick, clock),
        _every(PRUNE_SECONDS, prune, clock),
        _watch_keys(gateway, storage),
        warm(gateway, storage),
    ]
    if work.worker is not None or storage.is_shared:
        every_process.append(_every(HEED_SECONDS, storage.ledger.heed, clock))
    if work.worker is None:
        return every_process
    return [
        *every_process,
        _every(PUBLISH_SECONDS, _publishing(work.worker, work.metrics, gateway), clock),
    ]


async def warm(gateway: Gateway, storage: Storage) -> None:
    """Learns from the last calls of before how long answers are, a few at a time: nobody waits for it."""
    with suppress(GatewayError):  # the store is away: what is not learnt now will be from the next calls
        end = await storage.usage.last_line()
        number = max(0, end - WARMED)
        while number < end and (lines := await storage.usage.lines_after(number)):
            gateway.learned.warm(line for _, line in lines)
            number = lines[-1][0]
            await gateway.clock.sleep(WARM_SECONDS)


async def _every(seconds: float, chore: Callable[[], Awaitable[object]], clock: Clock) -> None:
    """Does a chore again and again; a store that is away for a while is logged, and the chore done next time."""
    while True:
        await clock.sleep(seconds)
        try:
            await chore()
        except GatewayError as fault:
            structlog.get_logger("tollbar").warning("chore.failed", chore=chore.__name__, error=fault.message)


async def _watch_keys(gateway: Gateway, storage: Storage) -> None:
    """Forgets keys that another process changed, and ends the calls of those it revoked."""
    known = await storage.keys.changes()
    while True:
        await gateway.clock.sleep(POLL_SECONDS)
        try:
            number = await storage.keys.changes()
            if number == known:
                continue
            gateway.authenticator.forget()
            storage.ledger.give_back()  # a grant may have been lowered: what is leased of it is asked for anew
            principals = [visit.principal for visit in gateway.recorder.visits]
            for key_id in {principal.key_id for principal in principals if principal.kind.is_stored}:
                if (await storage.keys.get(key_id)).revoked_at is not None:
                    gateway.recorder.interrupt(InvalidKey("The API key was revoked."), key_id)
            known = number
        except GatewayError as fault:
            structlog.get_logger("tollbar").warning("keys.unwatched", error=fault.message)


def _publishing(worker: Worker, metrics: Metrics, gateway: Gateway) -> Callable[[], Awaitable[None]]:
    """Shows the others this worker's metrics; and stops it, as a signal would, when nobody is left to do so."""

    async def publish() -> None:
        gateway.recorder.flush()
        await asyncio.to_thread(worker.publish, metrics.snapshot())
        if worker.has_lost_its_supervisor():
            os.kill(os.getpid(), signal.SIGTERM)

    return publish
