"""Alerts as the settings have them: the store, the door to the outside, and what the file says of where they go."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tollbar.admin.alerts import Alerts, AlertTerms
from tollbar.domain.alerts import Webhook
from tollbar.ports import AlertStore, Clock
from tollbar.providers.destinations import url_fault
from tollbar.providers.transport.fetching import Fetcher
from tollbar.providers.webhooks import LONGEST_SECONDS, Webhooks
from tollbar.settings import Settings


@asynccontextmanager
async def open_alerts(settings: Settings, store: AlertStore, clock: Clock, encryption: bytes) -> AsyncIterator[Alerts]:
    """The alerts, able to be sent as long as the block lasts."""
    egress, url, secret = settings.egress, settings.alerts.url, settings.alerts.secret
    hook = Webhook(url, secret.reveal()) if url and secret else None
    async with Fetcher(egress.proxy, egress.ca_file, LONGEST_SECONDS) as fetcher:
        yield Alerts(store, Webhooks(fetcher), clock, AlertTerms(settings.alerts.at, hook, encryption), url_fault)
