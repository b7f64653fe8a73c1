"""Which limits the first gate charges: those of the caller, of its address, and of the route.

The limits of a key are its own, wherever it is used from; those of callers without a key are counted by address. Limits
of an address and of a route hold for people who share nothing but that, so a key that carries limits of its own is let
off the route's. The most exact entry for a route holds, and the others do not. What is looked up for a route is
remembered, so that a call pays for a dictionary.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tollbar.domain.errors import RateLimited
from tollbar.domain.identity import KeyKind, Principal
from tollbar.domain.limits import Charge, Limit, Measure, Room
from tollbar.ports.money import Counters

ADDRESS_ROUTES = frozenset({"/generate_api", "/response"})
"""Where the limits per address hold (rulings on address limits)."""
REMEMBERED = 1_000
"""Routes with parameters have no end of paths."""


class RouteRate(NamedTuple):
    """The limits of a route, or of all whose path begins so (`/v1/*`), for each address or for each key."""

    pattern: str
    limits: tuple[Limit, ...]
    is_per_key: bool = False


class _Place(NamedTuple):
    """What holds on one path."""

    per_address: tuple[Limit, ...]
    route: RouteRate | None


class Rates:
    """Picks what a request is charged for its place. Without arguments that is nothing."""

    def __init__(self, per_address: Sequence[Limit] = (), routes: Sequence[RouteRate] = ()) -> None:
        self._per_address = tuple(per_address)
        self._exact = {rate.pattern: rate for rate in routes if not rate.pattern.endswith("*")}
        beginnings = [rate for rate in routes if rate.pattern.endswith("*")]
        self._beginnings = sorted(beginnings, key=lambda rate: len(rate.pattern), reverse=True)
        self._places: dict[str, _Place] = {}

    def of_place(self, route: str, principal: Principal | None, source: str) -> Sequence[Charge]:
        """What a request takes for where it comes from and goes to, whatever the caller's own limits take."""
        place = self._places.get(route) or self._place(route)
        return () if place is NOWHERE else _charges(place, principal, source)

    def _place(self, route: str) -> _Place:
        rate = self._exact.get(route)
        if rate is None:
            fitting = (one for one in self._beginnings if route.startswith(one.pattern[:-1]))
            rate = next(fitting, None)
        per_address = self._per_address if route in ADDRESS_ROUTES else ()
        has_any = per_address or (rate is not None and rate.limits)
        place = _Place(per_address, rate) if has_any else NOWHERE
        if len(self._places) >= REMEMBERED:
            self._places.clear()
        self._places[route] = place
        return place


class PageGate:
    """The first gate for what is no call."""

    def __init__(self, counters: Counters, rates: Rates) -> None:
        self._counters = counters
        self._rates = rates

    async def enter(self, route: str, principal: Principal | None, source: str) -> tuple[Room, ...]:
        """How the limits stand that were taken from; raises RateLimited, which says that as well."""
        charges = self._rates.of_place(route, principal, source)
        if not charges:
            return ()
        verdict = await self._counters.take(charges)
        if verdict.refused is not None:
            raise refusal(verdict.refused, verdict.retry_after_seconds, verdict.rooms)
        return verdict.rooms


NOWHERE = _Place((), None)
CALLERS_ONLY = Rates()
"""No limits but the callers' own."""


def refusal(refused: Charge, retry_after_seconds: float, rooms: Sequence[Room]) -> RateLimited:
    """The error for a charge that did not fit."""
    measure = refused.limit.measure
    word = "Too many calls" if measure is Measure.CONCURRENCY else "Rate limit exceeded"
    unit = " (tokens)" if measure is Measure.TOKENS else ""
    details = {"limit": str(refused.limit), "measure": measure.value, "scope": refused.scope.partition(":")[0]}
    text = f"{word}: {refused.limit}{unit}"
    return RateLimited(text, retry_after_seconds=retry_after_seconds, details=details, rooms=rooms)


def _charges(place: _Place, principal: Principal | None, source: str) -> list[Charge]:
    charges = [Charge(f"address:{source}", limit) for limit in place.per_address]
    rate = place.route
    if rate is None:
        return charges
    key = None if principal is None or principal.kind is KeyKind.ANONYMOUS else principal
    if key is not None and key.limits:
        return charges
    whose = key.key_id if rate.is_per_key and key is not None else source
    return [*charges, *(Charge(f"route:{rate.pattern}:{whose}", limit) for limit in rate.limits)]
