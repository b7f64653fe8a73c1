"""The open store, as commands work with it. A server may run at the same time: the store is made for that."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from getpass import getuser
from pathlib import Path

from tollbar.admin.alerts import Alerts
from tollbar.admin.keys import Digest
from tollbar.admin.rotating import RotatingKey
from tollbar.app.rotation import rotating_key
from tollbar.app.stores import postgres_address
from tollbar.cli.context import instance_keys, read_settings
from tollbar.clock import SystemClock
from tollbar.domain.audit import Actor
from tollbar.domain.digest import digest
from tollbar.domain.records import CallHistory, RunningCalls
from tollbar.gateway.cancelling import Cancelling
from tollbar.gateway.record import Recorder
from tollbar.ports.clock import Clock
from tollbar.ports.keys import EndUserStore, KeyStore, TeamStore
from tollbar.ports.watching import AlertStore
from tollbar.settings import Settings
from tollbar.storage.audit import StoredAudit
from tollbar.storage.store import Options, open_storage


@dataclass(frozen=True, slots=True)
class Desk:
    """What the use cases of keys and teams want: the store, the time, the digest of secrets, tiers, rotating key."""

    keys: KeyStore
    teams: TeamStore
    end_users: EndUserStore
    history: Callable[[str], Awaitable[CallHistory | None]]
    running: Callable[[], Awaitable[RunningCalls]]
    cancel: Callable[[str], Awaitable[None]]
    audit: StoredAudit
    clock: Clock
    digest: Digest
    tiers: frozenset[str]
    rotating: RotatingKey | None
    alerts: Callable[[], AbstractAsyncContextManager[Alerts]]
    alert_store: AlertStore


@asynccontextmanager
async def open_desk(config: Path | None, data: Path | None) -> AsyncIterator[Desk]:
    """The store of the settings in force; raises SettingsError, BootstrapError or StoreRefused."""
    async with open_store(read_settings(config, data)) as desk:
        yield desk


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Desk]:
    """The store of these settings, made where there is none; raises BootstrapError or StoreRefused."""
    secrets, clock = instance_keys(settings), SystemClock()
    options = Options(
        secrets.check, survives_power_loss=settings.ledger.durability == "power", address=postgres_address(settings)
    )
    async with open_storage(settings.data, clock, options) as storage:

        def alerts() -> AbstractAsyncContextManager[Alerts]:
            from tollbar.app.alerting import open_alerts  # and with it aiohttp, for which no other command waits

            return open_alerts(settings, storage.alerts, clock, secrets.encryption)

        digest_of = partial(digest, secrets.pepper)
        rotating = rotating_key(settings, storage.rotation, clock, digest_of, secrets.encryption, lambda: None)
        actor = Actor(f"command line of {_user()}")
        cancelling = Cancelling(
            Recorder((), clock), storage.cancels, storage.audit, clock, storage.requests.history, has_others=True
        )
        yield Desk(
            storage.keys.by(actor),
            storage.teams.by(actor),
            storage.end_users.by(actor),
            storage.requests.history,
            cancelling.running,
            lambda request_id: cancelling.cancel(request_id, actor),
            storage.audit,
            clock,
            digest_of,
            frozenset(settings.tiers),
            rotating,
            alerts,
            storage.alerts.by(actor),
        )


def _user() -> str:
    """Whose command line it is; in a container the user need not have a name."""
    try:
        return getuser()
    except (KeyError, OSError, ImportError):
        return "a user without a name"
