"""Alerts as the settings have them, and what ends calls from outside: each with the store and what it needs besides."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tollbar.admin.alerts import Alerts, AlertTerms
from tollbar.app.workers import Worker
from tollbar.domain.alerts import Webhook
from tollbar.domain.identity import Holder
from tollbar.domain.records import CallHistory
from tollbar.domain.teams import INSTALLATION
from tollbar.gateway.cancelling import Cancelling
from tollbar.gateway.record import Recorder
from tollbar.ports.clock import Clock
from tollbar.ports.watching import AlertStore
from tollbar.providers.destinations import url_fault
from tollbar.providers.transport.fetching import Fetcher
from tollbar.providers.webhooks import LONGEST_SECONDS, Webhooks
from tollbar.settings import Settings
from tollbar.storage.store import Storage


@asynccontextmanager
async def open_alerts(settings: Settings, store: AlertStore, clock: Clock, encryption: bytes) -> AsyncIterator[Alerts]:
    """The alerts, able to be sent as long as the block lasts."""
    egress, url, secret = settings.egress, settings.alerts.url, settings.alerts.secret
    hook = Webhook(url, secret.reveal()) if url and secret else None
    teams = dict(settings.alerts.teams)
    everybodys = {name: teams.pop(name) for name in (INSTALLATION,) if name in teams}
    own = {Holder.KEY: settings.alerts.keys, Holder.TEAM: teams, Holder.INSTALLATION: everybodys}
    async with Fetcher(egress.proxy, egress.ca_file, LONGEST_SECONDS) as fetcher:
        yield Alerts(store, Webhooks(fetcher), clock, AlertTerms(settings.alerts.at, hook, encryption, own), url_fault)


def cancelling_of(recorder: Recorder, storage: Storage, clock: Clock, worker: Worker | None) -> Cancelling:
    """What ends calls, and tells of those that are over, those of this moment included."""

    async def past(request_id: str) -> CallHistory | None:
        recorder.flush()
        storage.log.flush()
        return await storage.requests.history(request_id)

    return Cancelling(
        recorder, storage.cancels, storage.audit, clock, past, has_others=worker is not None or storage.is_shared
    )
