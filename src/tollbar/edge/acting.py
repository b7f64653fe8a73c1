"""Who makes a request: the caller, and how the audit tells of one that changes something."""

from fastapi import Request

from tollbar.domain.audit import Actor
from tollbar.domain.identity import Principal
from tollbar.edge.services import Services
from tollbar.ports.keys import KeyStore, TeamStore


def caller_of(request: Request) -> Principal:
    """Whom the guard of the page let in."""
    principal: Principal = request.state.principal
    return principal


def actor_of(request: Request) -> Actor:
    """The admin key that the request came with."""
    principal = caller_of(request)
    return Actor(f"admin key {principal.key_id} ({principal.name})", str(request.scope["tollbar.request_id"]))


def keys_of(request: Request) -> KeyStore:
    """The keys, to be changed by this request."""
    services: Services = request.app.state.services
    return services.keys.by(actor_of(request))


def teams_of(request: Request) -> TeamStore:
    """The teams, to be changed by this request."""
    services: Services = request.app.state.services
    return services.teams.by(actor_of(request))
