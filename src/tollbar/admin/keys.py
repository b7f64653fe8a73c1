"""The life of a key: issued, shown, changed, given another secret, revoked.

Guarantees: a secret is in the answer of the call that made it and nowhere else; the store is told its digest alone;
every check is made before the store is touched, and its fault names the field.
"""

import secrets
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from tollbar.admin import drafts
from tollbar.admin.drafts import KeyDraft
from tollbar.domain import identity
from tollbar.domain.errors import Conflict, InvalidValue, NotFound
from tollbar.domain.identity import KEY_PREFIX, Key, KeyKind
from tollbar.ports.clock import Clock
from tollbar.ports.keys import KeyChange, KeyStore

Digest = Callable[[str], bytes]

MAX_GRACE = timedelta(days=30)
LONG_ENOUGH = 16
"""Characters of a secret that can spare four."""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key with the secret that was just made for it: the one moment at which it can be told."""

    key: Key
    secret: str = field(repr=False)


async def issue_key(
    store: KeyStore, clock: Clock, digest: Digest, draft: KeyDraft, tiers: Collection[str] = ()
) -> IssuedKey:
    """Makes a key; `tiers` are the configured ones. Raises InvalidValue, or Conflict when the name is in use."""
    now = clock.now()
    key_id = new_id()
    secret = new_secret(key_id)
    key = Key(
        id=key_id,
        name=drafts.read_name(draft),
        hint=hint_of(secret),
        permission=drafts.read_permission(draft),
        created_at=now,
        tier=drafts.read_tier(draft, tiers),
        team=draft.team or "",
        expires_at=drafts.read_expiry(draft, now),
        models=drafts.read_models(draft),
        limits=drafts.read_limits(draft),
    )
    return IssuedKey(await store.add(key, digest(secret), drafts.read_grants(draft)), secret)


async def list_keys(store: KeyStore) -> Sequence[Key]:
    """Every key, newest first."""
    return await store.list()


async def find_key(store: KeyStore, reference: str) -> Key:
    """The key with that id or name, or the key itself; raises NotFound."""
    if identity.is_well_formed(reference):
        reference = reference[len(KEY_PREFIX) :][: identity.ID_LENGTH]
    found: Key | None = None
    with suppress(NotFound):
        found = await store.get(reference)
    found = found or await store.find_named(reference)
    if found is None:
        raise NotFound("There is no such key.", hint="'tollbar keys list' shows them all.")
    return found


async def update_key(
    store: KeyStore,
    clock: Clock,
    key_id: str,
    draft: KeyDraft,
    version: int | None = None,
    tiers: Collection[str] = (),
) -> Key:
    """Changes what the draft names and leaves the rest; raises InvalidValue, NotFound or Conflict.

    With `version`, the change is refused when somebody else changed the key since that version.
    """
    if draft.permission is not None:
        hint = "Make another key."
        raise InvalidValue("What a key opens is settled when it is made.", field="permission", hint=hint)
    key = await store.get(key_id)
    if draft.expires is not None:
        _refuse_rotating(key)
    expires_at = drafts.read_expiry(draft, clock.now())
    changes_limits = any(getattr(draft, name) is not None for name in (*drafts.RATES, "concurrency"))
    change = KeyChange(
        name=None if draft.name is None else drafts.read_name(draft),
        tier=None if draft.tier is None else drafts.read_tier(draft, tiers),
        team=draft.team,
        expires_at=expires_at,
        never_expires=draft.expires is not None and expires_at is None,
        models=None if draft.models is None else drafts.read_models(draft),
        limits=drafts.read_limits(draft, key.limits) if changes_limits else None,
        grants=drafts.read_grants(draft, key) or None,
    )
    # The new limits were merged with those just read, so nobody may have changed the key in between.
    return await store.change(key_id, change, key.version if version is None else version)


async def rotate_key(
    store: KeyStore, clock: Clock, digest: Digest, key_id: str, grace: timedelta = timedelta()
) -> IssuedKey:
    """Gives a key another secret; the present one works on for `grace`. Raises InvalidValue, NotFound or Conflict."""
    if not timedelta() <= grace <= MAX_GRACE:
        raise InvalidValue(f"A grace period is at most {MAX_GRACE.days} days.", field="grace")
    _refuse_rotating(await store.get(key_id))
    secret = new_secret(key_id)
    key = await store.rotate(key_id, digest(secret), hint_of(secret), clock.now() + grace)
    return IssuedKey(key, secret)


async def revoke_key(store: KeyStore, clock: Clock, key_id: str) -> Key:
    """Ends a key for good, at once; one that is revoked already stays as it is. Raises NotFound."""
    key = await store.get(key_id)
    if key.revoked_at is not None:
        return key
    return await store.change(key_id, KeyChange(revoked_at=clock.now()))


async def top_up_key(store: KeyStore, clock: Clock, key_id: str, draft: KeyDraft) -> Key:
    """Puts the draft's amounts on top of the key's allowances until it expires; raises InvalidValue or NotFound."""
    return await store.change(key_id, KeyChange(top_ups=drafts.read_top_ups(draft, clock.now())))


def _refuse_rotating(key: Key) -> None:
    """What is shown of the rotating key, and until when, must be what is valid."""
    if key.kind is KeyKind.ROTATING:
        hint = "Revoke it, and another takes its place at once."
        raise Conflict("The rotating key gets its secrets and its expiry by itself.", hint=hint)


def new_id() -> str:
    """A fresh public id."""
    return _draw(identity.ID_LENGTH)


def new_secret(key_id: str) -> str:
    """A whole key under a public id, with 166 fresh random bits."""
    return identity.assemble(key_id, _draw(identity.SECRET_LENGTH))


def hint_of(secret: str) -> str:
    """What may be shown of a secret: the prefix of our keys, and its last four characters unless it is short."""
    prefix = KEY_PREFIX if secret.startswith(KEY_PREFIX) else ""
    return f"{prefix}…{secret[-4:] if len(secret) >= LONG_ENOUGH else ''}"


def _draw(length: int) -> str:
    return identity.draw([secrets.randbelow(len(identity.ALPHABET)) for _ in range(length)])
