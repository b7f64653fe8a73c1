"""Who may use a page: one dependency for each class of access, run before a handler sees the request.

Guarantees: the credential rules are those of the calls (`credentials.py`, one authenticator, the same errors); a page
without a row in the route table, or without its guard, keeps the server from starting. It never reads a body.
"""

import hmac
import re
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute

from tollbar.domain.errors import InvalidKey, MissingKey, NotAllowed, RateLimited
from tollbar.domain.identity import Permission, Principal
from tollbar.edge.address import source
from tollbar.edge.credentials import credential_in, may_be_in_address
from tollbar.edge.query import hidden_keys
from tollbar.edge.routes import PAGES, Access
from tollbar.edge.services import Services

ADMIN_SECRET = b"admin-secret"
PROBED = "/health"
"""Where probes of one's own are let off the limit of the route."""
Guard = Callable[[Request], Awaitable[None]]

_FORWARDED = frozenset((b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"))
_OWN_NAMES = re.compile(rb"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.IGNORECASE)


def guard(access: Access) -> Guard:
    """The dependency that lets through whom `access` names, and puts the principal into `request.state`."""
    return _GUARDS[access]


def refuse_unguarded(app: FastAPI) -> None:
    """Raises RuntimeError when the application answers an address that the route table does not guard."""
    faults = unguarded(app)
    if faults:
        raise RuntimeError(f"These addresses are not in the route table, or lack its guard: {', '.join(faults)}")


def unguarded(app: FastAPI) -> list[str]:
    """Every address of the application that has no row in the route table, or not the guard that its row names."""
    wanted = {(page.path, page.handler): guard(page.access) for page in PAGES}
    faults: list[str] = []
    for route in app.routes:
        path = str(getattr(route, "path", route))
        if not isinstance(route, APIRoute):
            faults.append(path)
            continue
        expected = wanted.get((path, route.endpoint))
        if expected is None or expected not in [depends.dependency for depends in route.dependencies]:
            faults.append(path)
    return faults


async def _public(request: Request) -> None:
    """Lets everybody through, unknown, within the limits of the address."""
    if request.scope["path"] != PROBED or not _is_probe(request):
        await _enter(request, None)


async def _key(request: Request) -> None:
    """Lets holders of a key for calls through."""
    await _counted(request)
    await _enter(request, request.state.principal)


async def _counted(request: Request) -> None:
    """The same, where the handler takes the limits, those of the key among them."""
    services: Services = request.app.state.services
    reads_query = services.doors.reads_query_key and may_be_in_address(request.scope["path"])
    credential = credential_in(request.scope["headers"], hidden_keys(request.scope) if reads_query else ())
    request.state.principal = await services.gateway.authenticate(credential, _source(request))


async def _admin(request: Request) -> None:
    """Lets the admin key through."""
    services: Services = request.app.state.services
    credential = credential_in(request.scope["headers"])
    principal = await services.gateway.authenticator.principal(credential, _source(request))
    if principal.permission is not Permission.ADMIN:
        hint = "It was printed at the first start; 'tollbar admin reset' makes another."
        raise NotAllowed("This address needs the admin key.", hint=hint)
    request.state.principal = principal


async def _machine(request: Request) -> None:
    """Lets the admin key through, and whoever sends no key from this machine."""
    if credential_in(request.scope["headers"]) is None and is_from_this_machine(request):
        return
    await _admin(request)


async def _secret(request: Request) -> None:
    """Lets whoever sends the admin secret through; wrong ones are counted like wrong keys."""
    services: Services = request.app.state.services
    if services.doors.rotating is None:
        return  # the page says that there is nothing
    given = [value for name, value in request.scope["headers"] if name == ADMIN_SECRET]
    digests = [services.digest(value.decode("latin-1")) for value in given]
    if len(digests) == 1 and hmac.compare_digest(digests[0], services.doors.admin_secret):
        await _enter(request, None)
        return
    hint = "Send it as the header 'admin-secret'."
    fault = InvalidKey("The admin secret is wrong.") if given else MissingKey("This needs the admin secret.", hint=hint)
    raise await services.gateway.authenticator.refusal(fault, _source(request))


_GUARDS: dict[Access, Guard] = {
    Access.PUBLIC: _public,
    Access.KEY: _key,
    Access.COUNTED: _counted,
    Access.ADMIN: _admin,
    Access.MACHINE: _machine,
    Access.SECRET: _secret,
}


def is_from_this_machine(request: Request) -> bool:
    """Whether a request began on this machine: its socket is loopback, no proxy brought it, and it names us so.

    The Host header counts because a page of another site can point its own name at 127.0.0.1 and let the browser ask.
    """
    headers = request.scope["headers"]
    if any(name in _FORWARDED for name, _ in headers):
        return False
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1 or not all(_OWN_NAMES.fullmatch(host) for host in hosts):
        return False
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _is_probe(request: Request) -> bool:
    """Whether a request comes from this machine, or from a network that is trusted: probes ask without end."""
    services: Services = request.app.state.services
    addresses = services.doors.addresses
    if is_from_this_machine(request):
        return True
    return addresses.is_trusted(addresses.find(request.scope.get("client"), request.scope["headers"]))


async def _enter(request: Request, principal: Principal | None) -> None:
    """Takes the limits of the address and the route; the answer's headers tell how they stand."""
    services: Services = request.app.state.services
    if services.doors.gate is None:
        return
    try:
        rooms = await services.doors.gate.enter(request.scope["path"], principal, _source(request))
    except RateLimited as refused:
        request.scope["tollbar.rooms"] = refused.rooms
        raise
    request.scope["tollbar.rooms"] = rooms


def _source(request: Request) -> str:
    """What the caller is counted as; empty for a caller without an address, such as one on a Unix socket."""
    services: Services = request.app.state.services
    return source(services.doors.addresses.find(request.scope.get("client"), request.scope["headers"]))
