"""The open store, as commands work with it. A server may run at the same time: the store is made for that."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tollbar.admin.keys import Digest
from tollbar.admin.rotating import RotatingKey
from tollbar.app.rotation import rotating_key
from tollbar.app.stores import postgres_address
from tollbar.cli.context import instance_keys, read_settings
from tollbar.clock import SystemClock
from tollbar.domain.digest import digest
from tollbar.ports import Clock, KeyStore
from tollbar.settings import Settings
from tollbar.storage.store import Options, open_storage


@dataclass(frozen=True, slots=True)
class Desk:
    """What the use cases of keys want: the store, the time, the digest of secrets, the tiers, the rotating key."""

    keys: KeyStore
    clock: Clock
    digest: Digest
    tiers: frozenset[str]
    rotating: RotatingKey | None


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
        digest_of = partial(digest, secrets.pepper)
        rotating = rotating_key(settings, storage.rotation, clock, digest_of, secrets.encryption, lambda: None)
        yield Desk(storage.keys, clock, digest_of, frozenset(settings.tiers), rotating)
