"""`/current-key`: the rotating key, to whoever has the admin secret."""

from fastapi import Request
from starlette.responses import Response

from tollbar.domain.errors import NotFound
from tollbar.edge.bodies import answer
from tollbar.edge.services import Services


async def current_key(request: Request) -> Response:
    """The rotating key that is valid now, and when it is replaced."""
    services: Services = request.app.state.services
    if services.doors.rotating is None:
        raise NotFound("There is no rotating key here.", hint="The setting ADMIN_SECRET makes one.")
    shown = await services.doors.rotating.current()
    return answer({"api_key": shown.secret, "expiry": shown.expires_at.isoformat(timespec="seconds")})
