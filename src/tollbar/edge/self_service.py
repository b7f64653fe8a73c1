"""`/generate_api`: a key for whoever asks, one for each address."""

import structlog
from fastapi import Request
from starlette.responses import Response

from tollbar.admin.self_service import issue_own
from tollbar.domain.errors import NotAllowed, NotFound, Overloaded
from tollbar.edge.address import source
from tollbar.edge.bodies import answer
from tollbar.edge.browsers import refuse_foreign
from tollbar.edge.services import Services


async def generate(request: Request) -> Response:
    """The one key of the caller's address; it works from there alone, and is shown this once."""
    services: Services = request.app.state.services
    doors = services.doors
    if doors.self_service is None:
        raise NotFound("Keys are not handed out here.", hint="Ask who runs this gateway for one.")
    refuse_foreign(request.scope["headers"], doors.public_url)
    issued = await issue_own(
        services.keys, services.clock, services.digest, doors.self_service, _source(request, services)
    )
    services.key_changed(issued.key.id)
    return answer(
        {
            "One Time API key": issued.secret,
            "Generation Time": f"{issued.key.created_at:%Y-%m-%d %H:%M:%S}",
            "!": "Don't share this secret API key.",
        }
    )


def _source(request: Request, services: Services) -> str:
    """What the caller's address is counted as; raises where it would be the same for everybody."""
    client, headers = request.scope.get("client"), request.scope["headers"]
    if services.doors.addresses.is_unforwarded(client, headers):
        structlog.get_logger("tollbar.access").error("proxy.silent", client=client)
        hint = "The proxy in front must send X-Forwarded-For; see 'server.trusted_proxies'."
        raise Overloaded("A proxy brought this request without saying for whom.", hint=hint)
    address = services.doors.addresses.find(client, headers)
    if not address:
        raise NotAllowed("This needs an address, and a caller on a Unix socket has none.")
    return source(address)
