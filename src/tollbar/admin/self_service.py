"""Keys that callers fetch for themselves: one for each address, and good from there alone.

Guarantees: the store decides who is first, so of any number of requests at once, to any number of processes, one gets
a key and the others nothing of it. The address is stored as its digest. A key that was revoked or has expired still
counts as the address's one key, unless the terms say that another may be fetched.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from tollbar.admin.keys import Digest, IssuedKey, hint_of, new_id
from tollbar.domain.digest import place_text
from tollbar.domain.errors import Conflict, KeyAlreadyIssued
from tollbar.domain.identity import ALPHABET, Grant, Key, KeyKind, Permission, draw
from tollbar.domain.limits import Limit
from tollbar.ports.clock import Clock
from tollbar.ports.keys import KeyChange, KeyStore

LENGTH = 31


@dataclass(frozen=True, slots=True)
class SelfServiceTerms:
    """What such a key may do; with `may_renew` an address may replace one that was revoked or has expired."""

    models: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    grants: tuple[Grant, ...] = ()
    may_renew: bool = False


async def issue_own(store: KeyStore, clock: Clock, digest: Digest, terms: SelfServiceTerms, source: str) -> IssuedKey:
    """The one key of an address; `source` is what the address is counted as. Raises KeyAlreadyIssued."""
    now = clock.now()
    place = digest(place_text(source))
    if terms.may_renew:
        await _release(store, place, now)
    secret = draw([secrets.randbelow(len(ALPHABET)) for _ in range(LENGTH)])
    key_id = new_id()
    key = Key(
        id=key_id,
        name=f"self-service {key_id}",
        hint=hint_of(secret),
        permission=Permission.CALL,
        created_at=now,
        models=terms.models,
        limits=terms.limits,
        kind=KeyKind.SELF_SERVICE,
        bound_to=place,
    )
    try:
        return IssuedKey(await store.add(key, digest(secret), terms.grants), secret)
    except Conflict as conflict:
        if conflict.field != "bound_to":
            raise
    hint = "Whoever shares a network shares its address: ask who runs this gateway for a key of your own."
    raise KeyAlreadyIssued("This address has had its key.", hint=hint)


async def _release(store: KeyStore, place: bytes, now: datetime) -> None:
    """Lets an address go whose key is over; that key is ended for good, so that it cannot come back beside the next."""
    present = await store.find_bound(place)
    if present is None:
        return
    is_expired = present.expires_at is not None and present.expires_at <= now
    if present.revoked_at is not None or is_expired:
        ending = KeyChange(revoked_at=present.revoked_at or now, unbinds=True)
        await store.change(present.id, ending, present.version)
