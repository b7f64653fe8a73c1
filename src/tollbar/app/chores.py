"""What goes on in the background while the product serves, each at its own pace."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta

from tollbar.admin.alerts import KEPT, Alerts
from tollbar.admin.rotating import RotatingKey
from tollbar.app.rounds import Rounds
from tollbar.app.workers import Worker
from tollbar.clock import ShiftedClock
from tollbar.domain.errors import InvalidKey, Overloaded
from tollbar.gateway import feed
from tollbar.gateway.cancelling import Cancelling
from tollbar.gateway.completions import Gateway
from tollbar.gateway.feed import Feed
from tollbar.metrics import Metrics
from tollbar.storage.store import Storage

TICK_SECONDS = 5.0
POLL_SECONDS = 0.25
"""How often the store is asked whether another process changed a key: what is revoked there stops here within it."""
HEED_SECONDS = 0.1
"""How often it is asked what other processes recall: a call that waits for that waits for half a second at most."""
ROTATE_SECONDS = 1.0
PRUNE_SECONDS = 3_600.0
PUBLISH_SECONDS = 1.0
ALERT_SECONDS = 5.0
WARMED = 5_000
"""Lines of the ledger from which a start learns how long answers usually are."""
WARM_SECONDS = 0.1
FENCED = Overloaded("This process has lost its store, and what it held is not its own any more.", hint="Send it again.")


@dataclass(frozen=True, slots=True)
class Work:
    """What the chores are done on.

    `beat` says to the counters that this process lives; `most_kept` is how many bytes of responses a key may have.
    """

    gateway: Gateway
    storage: Storage
    metrics: Metrics
    retention: timedelta
    most_kept: int
    rotating: RotatingKey | None
    worker: Worker | None
    beat: Callable[[], Awaitable[None]]
    cancelling: Cancelling
    alerts: Alerts
    feed: Feed


def chores(work: Work, rounds: Rounds) -> list[Coroutine[None, None, None]]:
    """Each of them, not begun."""
    gateway, storage, clock = work.gateway, work.storage, work.gateway.clock

    async def tick() -> None:
        await work.beat()
        was_fenced = storage.ledger.is_fenced
        await storage.ledger.tick()
        if isinstance(clock, ShiftedClock):
            clock.set(await storage.time(clock))
        if was_fenced or storage.ledger.is_fenced:
            gateway.recorder.interrupt(FENCED)
        await gateway.admission.tick()
        if gateway.repeats is not None:
            await gateway.repeats.tick()

    async def prune() -> None:
        await storage.answers.prune()
        await storage.responses.prune(work.most_kept)
        await storage.requests.prune(clock.now() - work.retention)

    async def prune_alerts() -> None:
        await storage.alerts.prune(clock.now() - KEPT)

    every_process = [
        *([rounds.every(ROTATE_SECONDS, work.rotating.tick)] if work.rotating is not None else ()),
        rounds.every(TICK_SECONDS, tick),
        rounds.every(PRUNE_SECONDS, prune),
        rounds.every(POLL_SECONDS, Watch(work).look, storage.news),
        rounds.every(feed.POLL_SECONDS, work.feed.follow),
    ]
    if work.worker is None or work.worker.number == 0:  # others of this machine have nothing to add
        every_process.append(rounds.every(ALERT_SECONDS, work.alerts.tick))
        every_process.append(rounds.every(PRUNE_SECONDS, prune_alerts))
    if work.worker is not None or storage.is_shared:
        every_process.append(rounds.every(HEED_SECONDS, storage.ledger.heed))
    if work.worker is None:
        return every_process
    return [
        *every_process,
        rounds.every(PUBLISH_SECONDS, _publishing(work.worker, work.metrics, gateway)),
    ]


async def warm(gateway: Gateway, storage: Storage, rounds: Rounds) -> None:
    """Learns from the last calls of before how long answers are, a few at a time: nobody waits for it.

    What keeps it from that is logged as of every chore: what is not learnt now will be from the next calls.
    """

    async def learn() -> None:
        end = await storage.usage.last_line()
        number = max(0, end - WARMED)
        while number < end and (lines := await storage.usage.lines_after(number)):
            gateway.learned.warm(line for _, line in lines)
            number = lines[-1][0]
            await gateway.clock.sleep(WARM_SECONDS)

    await rounds.once(learn)


class Watch:
    """Heeds what other processes did: forgets keys that they changed, ends the calls of those they revoked, and the
    calls that they ask to have ended.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._known: tuple[int, int] | None = None

    async def look(self) -> None:
        """Looks for news, and heeds them; what failed is done when it looks again."""
        news = await self._work.storage.cancels.news()
        if self._known is None or news[0] != self._known[0]:
            await self._heed_keys()
        if self._known is None or news[1] != self._known[1]:
            await self._work.cancelling.heed()
        self._known = news

    async def _heed_keys(self) -> None:
        gateway, storage = self._work.gateway, self._work.storage
        gateway.authenticator.forget()
        if gateway.end_users is not None:
            gateway.end_users.forget()
        storage.ledger.give_back()  # a grant may have been lowered: what is leased of it is asked for anew
        principals = [visit.principal for visit in gateway.recorder.visits]
        for key_id in dict.fromkeys(principal.key_id for principal in principals if principal.kind.is_stored):
            if (await storage.keys.get(key_id)).revoked_at is not None:
                gateway.recorder.interrupt(InvalidKey("The API key was revoked."), key_id)


def _publishing(worker: Worker, metrics: Metrics, gateway: Gateway) -> Callable[[], Awaitable[None]]:
    """Shows the others this worker's metrics; and stops it, as a signal would, when nobody is left to do so."""

    async def publish() -> None:
        gateway.recorder.flush()
        await asyncio.to_thread(worker.publish, metrics.snapshot())
        if worker.has_lost_its_supervisor():
            os.kill(os.getpid(), signal.SIGTERM)

    return publish
