"""The use cases' surroundings, as a test has them: a real store, a clock to move, a digest."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.counters.clock import ManualClock
from tollbar.admin.keys import Digest
from tollbar.domain.digest import digest
from tollbar.domain.identity import Principal
from tollbar.ports.keys import KeyStore
from tollbar.storage.store import Options, open_storage


@dataclass(frozen=True, slots=True)
class Desk:
    """What every use case wants."""

    keys: KeyStore
    clock: ManualClock
    digest: Digest

    async def holder(self, secret: str) -> Principal | None:
        """Whom a secret stands for now: None when it is unknown, expired or revoked."""
        principal = await self.keys.find(self.digest(secret))
        if principal is None or principal.revoked_at is not None:
            return None
        is_over = principal.expires_at is not None and principal.expires_at <= self.clock.now()
        return None if is_over else principal


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[Desk]:
    """A desk over the store of a directory."""
    clock = ManualClock()
    async with open_storage(directory, clock, Options(secret_check=b"check")) as storage:
        yield Desk(storage.keys, clock, partial(digest, b"pepper"))
