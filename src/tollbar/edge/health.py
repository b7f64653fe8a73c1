"""Whether we live, whether new calls are welcome, and the metrics. Nothing here asks a provider or a store."""

from fastapi import Request
from starlette.responses import Response

from tollbar.domain.errors import Overloaded
from tollbar.edge.bodies import NOT_KEPT, answer
from tollbar.edge.services import Services

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text exposition format, as its scrapers ask for it."""


async def live(request: Request) -> Response:
    """That the process answers, and what it already knows of its stores and providers."""
    services: Services = request.app.state.services
    return answer({"status": "ok", **_known(request, services)})


async def ready(request: Request) -> Response:
    """That new calls are welcome; 503 with the reasons when they are not."""
    services: Services = request.app.state.services
    known = _known(request, services)
    if services.is_ready():
        return answer({"status": "ready", **known})
    reasons = known.get("reasons")
    because = f": {', '.join(map(str, reasons))}" if isinstance(reasons, list | tuple) and reasons else ""
    raise Overloaded(f"Tollbar takes no new calls{because}.", details=known)


async def metrics(request: Request) -> Response:
    """The metrics in Prometheus' text format."""
    services: Services = request.app.state.services
    return Response(services.metrics(), headers=NOT_KEPT, media_type=METRICS_TYPE)


def _known(request: Request, services: Services) -> dict[str, object]:
    uptime = services.clock.monotonic() - request.app.state.began
    return {"version": services.version, "uptime_seconds": round(uptime, 3), **services.status()}
