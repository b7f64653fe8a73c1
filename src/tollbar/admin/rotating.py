"""The rotating key: one that everybody shares for a week, and then another.

Guarantees: at every moment exactly one is valid, whichever process was down, and whatever the clock does: the next one
is made by whoever notices first that the present one is over, and a clock that goes back revives none. The secret can
be shown again, so the store keeps it sealed beside its digest. A process whose disk does not last derives it from the
admin secret and the week instead, and comes to the same one after every start.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tollbar.admin.keys import Digest, hint_of, new_id
from tollbar.admin.sealing import seal, unseal
from tollbar.domain.errors import Conflict, InvalidValue
from tollbar.domain.identity import ALPHABET, Key, KeyKind, Permission, draw
from tollbar.ports.clock import Clock
from tollbar.ports.keys import Rotation, RotationStore

LIFE = timedelta(days=7)
PREFIX = "sk-"
LENGTH = 16
NAME = "rotating"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_NAMES = 1_000


@dataclass(frozen=True, slots=True)
class Shown:
    """The key in force, for those who may see it."""

    secret: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Sources:
    """What secrets are made with: the key they are sealed under and, for those that are derived, the admin secret.

    `grace` is how long a key works on after it was replaced; within it there are two.
    """

    sealing_key: bytes = field(repr=False)
    derive_from: str | None = field(default=None, repr=False)
    grace: timedelta = timedelta()


class RotatingKey:
    """Keeps the rotating key current. `changed` is called when another is in force."""

    def __init__(
        self,
        store: RotationStore,
        clock: Clock,
        digest: Digest,
        sources: Sources,
        changed: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._digest = digest
        self._sources = sources
        self._changed = changed

    async def current(self) -> Shown:
        """The key in force, made or replaced where that is due; raises Conflict where it was revoked for its week."""
        present = await self.tick()
        if present.is_revoked:
            until = f"{present.expires_at:%Y-%m-%d %H:%M} UTC"
            hint = "Another ADMIN_SECRET makes another one at once."
            raise Conflict(f"The rotating key was revoked; the next one comes at {until}.", hint=hint)
        return Shown(self._secret_of(present), present.expires_at)

    async def tick(self) -> Rotation:
        """What is in force, once a key that was over is replaced; to be called at a start, and every second or so."""
        present = await self._store.current()
        if present is not None and not self._is_due(present):
            return present
        return await self._put(present, *self._next())

    async def adopt(self, secret: str, expires_at: datetime) -> Shown:
        """Puts a key from elsewhere in force until its time is over; the present one stops.

        Raises InvalidValue for one that is over, and Conflict for one that is known already.
        """
        if expires_at <= self._clock.now():
            hint = "Nothing is lost: the next start makes one, and GET /current-key shows it."
            raise InvalidValue(f"That key expired at {expires_at:%Y-%m-%d %H:%M} UTC.", field="file", hint=hint)
        present = await self._store.current()
        if present is not None and self._secret_of(present) == secret:
            return Shown(secret, present.expires_at)
        stands = await self._put(present, secret, expires_at)
        if self._secret_of(stands) != secret:
            raise Conflict("Another process replaced the rotating key at the same moment.", hint="Try again.")
        return Shown(secret, stands.expires_at)

    def _is_due(self, present: Rotation) -> bool:
        if self._clock.now() >= present.expires_at:
            return True
        # A derived key that was revoked has no other for its week, unless the admin secret was changed.
        return present.is_revoked and self._secret_of(present) != self._next()[0]

    async def _put(self, present: Rotation | None, secret: str, expires_at: datetime) -> Rotation:
        now = self._clock.now()
        is_lasting = present is not None and not present.is_revoked
        key_id = present.key_id if present is not None and is_lasting else new_id()
        number = present.number + 1 if present else 1
        rotation = Rotation(number, key_id, self._sealed(secret, key_id, number), now, expires_at)
        for attempt in range(MOST_NAMES):
            name = NAME if attempt == 0 else f"{NAME}-{attempt + 1}"
            ends_at = expires_at + self._sources.grace
            key = Key(key_id, name, hint_of(secret), Permission.CALL, now, ends_at, kind=KeyKind.ROTATING)
            try:
                stands = await self._store.advance(key, self._digest(secret), rotation, self._old_until(present, now))
            except Conflict as conflict:
                if conflict.field != "name":
                    raise
                continue
            self._changed()
            return stands
        raise Conflict(f"Every name for the rotating key is in use, from {NAME!r} on.", field="name")

    def _old_until(self, present: Rotation | None, now: datetime) -> datetime:
        """When the replaced secret stops: without grace so long ago that no clock going back brings it to life."""
        if present is None:
            return now
        if self._sources.grace:
            return min(now, present.expires_at) + self._sources.grace
        return min(now, present.created_at)

    def _next(self) -> tuple[str, datetime]:
        """The secret of the next key, and when it is over."""
        now = self._clock.now()
        if self._sources.derive_from is None:
            return PREFIX + draw([secrets.randbelow(len(ALPHABET)) for _ in range(LENGTH)]), now + LIFE
        week = (now - EPOCH) // LIFE
        return derived(self._sources.derive_from, week), EPOCH + (week + 1) * LIFE

    def _sealed(self, secret: str, key_id: str, number: int) -> bytes:
        return seal(self._sources.sealing_key, secret, _place(key_id, number))

    def _secret_of(self, rotation: Rotation) -> str:
        return unseal(self._sources.sealing_key, rotation.sealed, _place(rotation.key_id, rotation.number))


def derived(admin_secret: str, week: int) -> str:
    """The key of a week since 1970 under an admin secret; by HKDF-SHA256, without bias among its characters."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    info = f"tollbar rotating key of week {week} v1".encode()
    stream = HKDF(algorithm=SHA256(), length=LENGTH * 8, salt=None, info=info).derive(admin_secret.encode())
    fair = 256 - 256 % len(ALPHABET)
    symbols = [byte % len(ALPHABET) for byte in stream if byte < fair]
    return PREFIX + draw(symbols[:LENGTH])


def _place(key_id: str, number: int) -> str:
    return f"rotating key {key_id}/{number}"
