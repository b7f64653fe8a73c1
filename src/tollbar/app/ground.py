"""What a running product stands on: the store, whose clock is everybody's where machines share it, and the way out."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from tollbar.admin.bootstrap import InstanceKeys, derive, ensure_admin_key, read_secret, renew_starter_key
from tollbar.admin.keys import Digest
from tollbar.app.stores import postgres_address
from tollbar.app.workers import MadeKeys, Worker
from tollbar.clock import ShiftedClock
from tollbar.domain.digest import digest
from tollbar.ports.clock import Clock
from tollbar.providers.transport import Transport
from tollbar.settings import Settings
from tollbar.storage.store import Options, Storage, open_storage


@dataclass(frozen=True, slots=True)
class Ground:
    """Settings, clock, secrets, store and transport; `digest_of` turns a key into what the store knows of it."""

    settings: Settings
    clock: Clock
    secrets: InstanceKeys
    digest_of: Digest
    storage: Storage
    transport: Transport
    worker: Worker | None


async def open_ground(settings: Settings, clock: Clock, worker: Worker | None, stack: AsyncExitStack) -> Ground:
    """The ground of these settings, closed with the stack. Raises BootstrapError and StorageError."""
    if postgres_address(settings) is not None:
        clock = ShiftedClock(clock)
    secrets = derive(read_secret(settings.data, settings.secret.reveal() if settings.secret else None))
    options = _store_options(settings, secrets.check, worker)
    storage = await stack.enter_async_context(open_storage(settings.data, clock, options))
    if isinstance(clock, ShiftedClock):
        clock.set(await storage.time(clock))
    transport = await stack.enter_async_context(Transport(clock, settings.egress.proxy, settings.egress.ca_file))
    return Ground(settings, clock, secrets, partial(digest, secrets.pepper), storage, transport, worker)


async def make_keys(ground: Ground, makes_starter_key: bool) -> MadeKeys:
    """The keys that a start makes: the first admin's, and one to begin with."""
    store, clock, digest_of = ground.storage.keys, ground.clock, ground.digest_of
    configured = ground.settings.admin_key.reveal() if ground.settings.admin_key else None
    return MadeKeys(
        await ensure_admin_key(store, clock, digest_of, configured),
        await renew_starter_key(store, clock, digest_of) if makes_starter_key else None,
    )


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
