"""Credential → Principal.

Guarantees: equal work for unknown, expired and revoked keys, and one message for unknown ones, revoked ones and those
bound to another address; a mistyped key is told apart by its checksum, without a look-up; a cached principal never
outlives its expiry, and `forget` ends the cache at once; a wrong key is never taken for no key. The secret itself is
never kept: the store knows it by its digest, the cache by a mark of this process alone.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from tollbar.domain.digest import place_text
from tollbar.domain.errors import AccessError, ExpiredKey, InvalidKey, MissingKey, NotAllowed, RateLimited
from tollbar.domain.identity import KEY_PREFIX, Credential, KeyKind, Principal, is_well_formed
from tollbar.domain.limits import Charge, Limit, Measure
from tollbar.ports.clock import Clock
from tollbar.ports.keys import KeyStore
from tollbar.ports.money import Counters

CACHE_SECONDS = 60.0
CACHE_ENTRIES = 100_000
BAD_CREDENTIALS = Limit(Measure.REQUESTS, 20, 60)


@dataclass(frozen=True, slots=True)
class CallerTerms:
    """What the settings say of callers: the credits that a call costs in each tier, and who may call beside the store's
    keys: `fixed` by the digest of their credential, `anonymous` without one, if anybody may.
    """

    tiers: Mapping[str, int] = field(default_factory=dict)
    fixed: Mapping[bytes, Principal] = field(default_factory=dict)
    anonymous: Principal | None = None


class Authenticator:
    """Finds out who calls. Bad credentials are counted per address; valid keys from there still pass.

    An `address` is what the caller is counted as: IPv6 by networks of 64 bits.
    """

    def __init__(
        self,
        keys: KeyStore,
        digest: Callable[[str], bytes],
        counters: Counters,
        clock: Clock,
        terms: CallerTerms = CallerTerms(),
    ) -> None:
        self._keys = keys
        self._digest = digest
        self._counters = counters
        self._clock = clock
        self._terms = terms
        self._known: dict[bytes, tuple[Principal, float]] = {}
        self._salt = secrets.token_bytes(32)
        self._generation = 0
        self._fixed: dict[str, Principal] = {}

    async def caller(self, credential: Credential | None, address: str) -> Principal:
        """Who calls a model: whoever `principal` finds or, where the settings let them in, callers without a key."""
        if credential is None and self._terms.anonymous is not None:
            return await self._covered(self._terms.anonymous)
        return await self.principal(credential, address)

    async def principal(self, credential: Credential | None, address: str) -> Principal:
        """The principal a credential stands for; raises AccessError, or RateLimited after too many bad ones."""
        try:
            principal = _checked(await self._find(credential), self._clock.now)
            if principal.bound_to is not None:
                self._check_place(principal.bound_to, address)
        except AccessError as fault:
            if credential is not None and isinstance(fault, ExpiredKey):
                self._known.pop(self._mark(credential.text), None)  # a clock that goes back must not bring it back
            raise await self.refusal(fault, address) from None
        if principal.tier and principal.tier not in self._terms.tiers:
            hint = f"Add it to the setting 'tiers', or move the key: 'tollbar keys update {principal.key_id} --tier'."
            raise NotAllowed(f"The tier {principal.tier!r} of this API key is not configured.", hint=hint)
        return principal

    async def refusal(self, fault: AccessError, address: str) -> AccessError | RateLimited:
        """What to tell the sender of a bad credential: the fault or, after too many from there, to wait."""
        verdict = await self._counters.take((Charge(f"bad-credentials:{address}", BAD_CREDENTIALS),))
        if verdict.refused is None:
            return fault
        text = f"Too many requests with a bad key from this address: {BAD_CREDENTIALS}."
        return RateLimited(text, retry_after_seconds=verdict.retry_after_seconds)

    def forget(self) -> None:
        """Looks every key up anew: something about them changed."""
        self._known.clear()
        self._fixed.clear()
        self._generation += 1

    async def _find(self, credential: Credential | None) -> Principal | None:
        if credential is None:
            hint = "Send it as 'Authorization: Bearer KEY'; 'tollbar keys create --name NAME' makes one."
            raise MissingKey("This address needs an API key.", hint=hint)
        text, now = credential.text, self._clock.monotonic()
        mark = self._mark(text)
        found = self._known.get(mark)
        if found is not None and now < found[1]:
            return found[0]
        generation = self._generation
        principal = await self._look_up(text)
        if principal is not None and generation == self._generation:  # else this is what was true before a change
            if len(self._known) >= CACHE_ENTRIES:
                self._known.clear()
            self._known[mark] = (principal, now + CACHE_SECONDS)
        return principal

    def _mark(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=16).digest()

    async def _look_up(self, text: str) -> Principal | None:
        digest = self._digest(text)
        fixed = self._terms.fixed.get(digest)
        if fixed is not None:
            return await self._covered(fixed)
        if text.startswith(KEY_PREFIX) and not is_well_formed(text):
            raise InvalidKey("The API key is mistyped or cut short: its checksum does not fit.")
        principal = await self._keys.find(digest)
        if principal is None or not principal.tier:
            return principal
        return replace(principal, credit_cost=self._terms.tiers.get(principal.tier, 1))

    async def _covered(self, principal: Principal) -> Principal:
        """A caller whom the store does not know, with the allowances that cover everybody."""
        known = self._fixed.get(principal.key_id)
        if known is None:
            generation = self._generation
            known = replace(principal, allowances=tuple(await self._keys.shared()))
            if generation == self._generation:
                self._fixed[principal.key_id] = known
        return known

    def _check_place(self, bound_to: bytes, address: str) -> None:
        if not hmac.compare_digest(bound_to, self._digest(place_text(address))):
            raise _unknown()


def _checked(principal: Principal | None, now: Callable[[], datetime]) -> Principal:
    if principal is None or principal.revoked_at is not None:
        raise _unknown()
    if principal.expires_at is not None and principal.expires_at <= now():
        if principal.kind is KeyKind.ROTATING:  # the moment says when it was replaced at the latest, not more
            raise ExpiredKey("The API key was replaced by the next one.", hint="GET /current-key shows that.")
        raise ExpiredKey(f"The API key expired at {principal.expires_at:%Y-%m-%d %H:%M:%S} UTC.")
    return principal


def _unknown() -> InvalidKey:
    return InvalidKey("The API key is not valid.", hint="Check that it is whole, or ask for a new one.")
