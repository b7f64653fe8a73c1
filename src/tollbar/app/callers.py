"""What the settings say of callers, in the values that the product works with."""

from collections.abc import Iterable
from ipaddress import ip_network

from tollbar.admin.keys import Digest
from tollbar.admin.rotating import RotatingKey
from tollbar.admin.self_service import SelfServiceTerms
from tollbar.domain.identity import Grant, KeyKind, Principal
from tollbar.domain.limits import Limit, Measure
from tollbar.domain.money import Unit
from tollbar.edge.address import Addresses
from tollbar.edge.services import Doors
from tollbar.gateway.authenticate import CallerTerms
from tollbar.gateway.rates import PageGate, Rates, RouteRate
from tollbar.settings import Settings
from tollbar.settings.fields import Rate

STATIC = Principal(KeyKind.STATIC.value, KeyKind.STATIC.value, kind=KeyKind.STATIC)
"""Whoever sends the key of the environment: without limits, for it has no keeper who could set some."""


def doors(settings: Settings, gate: PageGate, digest: Digest, rotating: RotatingKey | None) -> Doors:
    """How callers come in."""
    secret = settings.rotating_key.admin_secret
    return Doors(
        addresses=addresses(settings),
        tiers=frozenset(settings.tiers),
        gate=gate,
        self_service=_self_service(settings) if settings.self_service.enabled else None,
        public_url=settings.server.public_url,
        reads_query_key=settings.server.query_key,
        rotating=rotating,
        admin_secret=digest(secret.reveal()) if secret else b"",
        shows_documents=settings.server.documents,
    )


def terms(settings: Settings, digest: Digest) -> CallerTerms:
    """What a call costs in each tier, and who may call beside the keys of the store."""
    static = settings.static_key
    return CallerTerms(
        tiers={name: tier.cost for name, tier in settings.tiers.items()},
        fixed={digest(static.reveal()): STATIC} if static else {},
        anonymous=_anonymous(settings) if settings.anonymous.enabled else None,
    )


def rates(settings: Settings) -> Rates:
    """The limits of addresses and routes."""
    routes = [
        RouteRate(pattern, limits_of(route.rates), is_per_key=route.per == "key")
        for pattern, route in settings.limits.routes.items()
    ]
    return Rates(limits_of(settings.limits.per_address), routes)


def addresses(settings: Settings) -> Addresses:
    """Whose word about a caller's address is taken."""
    return Addresses(tuple(ip_network(network) for network in settings.server.trusted_proxies))


def limits_of(declared: Iterable[Rate]) -> tuple[Limit, ...]:
    """Rates of the settings as limits on requests."""
    return tuple(Limit(Measure.REQUESTS, rate.amount, rate.window_seconds) for rate in declared)


def _self_service(settings: Settings) -> SelfServiceTerms:
    granted = ((Unit.CREDITS, settings.self_service.credits), (Unit.USES, settings.self_service.max_uses))
    return SelfServiceTerms(
        models=settings.self_service.models,
        limits=limits_of(settings.self_service.limits),
        grants=tuple(Grant(unit, amount) for unit, amount in granted if amount is not None),
        may_renew=settings.self_service.renew,
    )


def _anonymous(settings: Settings) -> Principal:
    return Principal(
        key_id=KeyKind.ANONYMOUS.value,
        name=KeyKind.ANONYMOUS.value,
        models=settings.anonymous.models,
        limits=limits_of(settings.anonymous.limits),
        credit_cost=settings.anonymous.cost,
        kind=KeyKind.ANONYMOUS,
    )
