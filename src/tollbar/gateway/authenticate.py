"""Credential → Principal.

Guarantees: equal work for unknown, expired and revoked keys, and one message for unknown and revoked; a mistyped key is
told apart by its checksum, without a look-up; a cached principal never outlives its expiry, and `forget` ends the cache
at once. The secret itself is never kept: the store knows it by its digest, the cache by a mark of this process alone.
"""

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime

from tollbar.domain.errors import AccessError, ExpiredKey, InvalidKey, MissingKey, RateLimited
from tollbar.domain.identity import KEY_PREFIX, Credential, Principal, is_well_formed
from tollbar.domain.limits import Charge, Limit, Measure
from tollbar.ports import Clock, Counters, KeyStore

CACHE_SECONDS = 60.0
CACHE_ENTRIES = 100_000
BAD_CREDENTIALS = Limit(Measure.REQUESTS, 20, 60)


class Authenticator:
    """Finds out who calls. Bad credentials are counted per address; valid keys from there still pass."""

    def __init__(self, keys: KeyStore, digest: Callable[[str], bytes], counters: Counters, clock: Clock) -> None:
        self._keys = keys
        self._digest = digest
        self._counters = counters
        self._clock = clock
        self._known: dict[bytes, tuple[Principal, float]] = {}
        self._salt = secrets.token_bytes(32)
        self._generation = 0

    async def principal(self, credential: Credential | None, address: str) -> Principal:
        """The principal a credential stands for; raises AccessError, or RateLimited after too many bad ones."""
        try:
            return _checked(await self._find(credential), self._clock.now())
        except AccessError:
            verdict = await self._counters.take((Charge(f"bad-credentials:{address}", BAD_CREDENTIALS),))
            if verdict.refused is not None:
                seconds = verdict.retry_after_seconds
                text = f"Too many requests with a bad key from this address: {BAD_CREDENTIALS}."
                raise RateLimited(text, retry_after_seconds=seconds) from None
            raise

    def forget(self) -> None:
        """Looks every key up anew: something about them changed."""
        self._known.clear()
        self._generation += 1

    async def _find(self, credential: Credential | None) -> Principal | None:
        if credential is None:
            hint = "Send it as 'Authorization: Bearer KEY'; 'tollbar keys create --name NAME' makes one."
            raise MissingKey("This address needs an API key.", hint=hint)
        text, now = credential.text, self._clock.monotonic()
        mark = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=16).digest()
        found = self._known.get(mark)
        if found is not None and now < found[1]:
            return found[0]
        if text.startswith(KEY_PREFIX) and not is_well_formed(text):
            raise InvalidKey("The API key is mistyped or cut short: its checksum does not fit.")
        generation = self._generation
        principal = await self._keys.find(self._digest(text))
        if principal is not None and generation == self._generation:  # else this is what was true before a change
            if len(self._known) >= CACHE_ENTRIES:
                self._known.clear()
            self._known[mark] = (principal, now + CACHE_SECONDS)
        return principal


def _checked(principal: Principal | None, now: datetime) -> Principal:
    if principal is None or principal.revoked_at is not None:
        raise InvalidKey("The API key is not valid.", hint="Check that it is whole, or ask for a new one.")
    if principal.expires_at is not None and principal.expires_at <= now:
        raise ExpiredKey(f"The API key expired at {principal.expires_at:%Y-%m-%d %H:%M:%S} UTC.")
    return principal
