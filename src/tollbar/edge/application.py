"""The whole HTTP surface as one ASGI application, built from the route table.

Calls are served by endpoints of our own, one dictionary look-up away from the server; everything else goes to a FastAPI
application that also documents both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import Depends, FastAPI

from tollbar.edge import errors
from tollbar.edge.credentials import QUERY_KEY_ROUTES
from tollbar.edge.guards import guard, refuse_unguarded
from tollbar.edge.line import Receive, Send
from tollbar.edge.middleware import AccessLog, RequestIds, Scope
from tollbar.edge.query import hide_keys
from tollbar.edge.routes import CALLS, PAGES
from tollbar.edge.services import Services
from tollbar.edge.streaming import DEFAULT_BODY_BYTES, Endpoint


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Sends calls to their endpoints and everything else to the control plane."""

    calls: Mapping[tuple[object, object], Endpoint]
    control: Callable[..., object]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection event."""
        if scope.get("query_string"):
            hide_keys(scope)
        endpoint = self.calls.get((scope.get("method"), scope.get("path")))
        await (endpoint or self.control)(scope, receive, send)  # type: ignore[misc]


def application(
    services: Services,
    max_body_bytes: int = DEFAULT_BODY_BYTES,
) -> RequestIds:
    """The ASGI application of every route in the table."""
    calls: dict[tuple[object, object], Endpoint] = {
        (route.method, route.path): Endpoint(
            services.gateway,
            route.dialect,
            route.pin,
            max_body_bytes,
            addresses=services.doors.addresses,
            reads_query_key=services.doors.reads_query_key and route.path in QUERY_KEY_ROUTES,
        )
        for route in CALLS
    }
    control = AccessLog(control_plane(services))
    return RequestIds(Dispatcher(calls, control), services.clock.now())


def control_plane(services: Services) -> FastAPI:
    """The FastAPI application of the pages, with the documents of the whole surface."""
    app = FastAPI(
        title="Tollbar",
        version=services.version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.began = services.clock.monotonic()
    app.state.began_at = services.clock.now()
    for page in PAGES:
        guarded = [Depends(guard(page.access))]
        app.add_api_route(page.path, page.handler, methods=list(page.methods), dependencies=guarded)
    errors.install(app)
    refuse_unguarded(app)
    return app
