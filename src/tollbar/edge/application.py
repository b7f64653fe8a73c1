"""The whole HTTP surface as one ASGI application, built from the route table.

Calls are served by endpoints of our own, one dictionary look-up away from the server; everything else goes to a FastAPI
application that also documents both.
"""

import re
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute

from tollbar.edge import errors
from tollbar.edge.cors import Cors
from tollbar.edge.credentials import may_be_in_address
from tollbar.edge.guards import guard, refuse_unguarded
from tollbar.edge.line import Receive, Send
from tollbar.edge.middleware import AccessLog, Application, RequestIds, Scope
from tollbar.edge.origins import Origins
from tollbar.edge.query import hide_keys
from tollbar.edge.routes import PAGES, USUAL_CALL_RULES, CallRoute, CallRules, calls, pattern_of, public_path
from tollbar.edge.services import Services
from tollbar.edge.sparing import Sparing
from tollbar.edge.streaming import Endpoint
from tollbar.edge.telemetry import Memory


class Pattern(NamedTuple):
    """An address with a parameter, and what serves it."""

    method: str
    path: re.Pattern[str]
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Sends calls to their endpoints and everything else to the control plane.

    It gives the awaitable of whoever serves and is no frame on the way: each event of a stream would pass through it.
    `calls` are addresses as they are; `patterns`, tried in their order, those with a parameter, which may hold slashes.
    """

    calls: Mapping[tuple[object, object], Endpoint]
    patterns: Sequence[Pattern]
    control: Application

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serves one connection event."""
        if scope.get("query_string"):
            hide_keys(scope)
        endpoint = self.calls.get((scope.get("method"), scope.get("path"))) or self._by_pattern(scope)
        return (endpoint or self.control)(scope, receive, send)

    def _by_pattern(self, scope: Scope) -> Endpoint | None:
        if scope["type"] != "http":
            return None
        for method, path, endpoint in self.patterns:
            if method == scope["method"] and (match := path.match(str(scope["path"]))):
                scope["tollbar.path_name"] = match[1]
                return endpoint
        return None


def application(services: Services, rules: CallRules = USUAL_CALL_RULES, origins: Collection[str] = ()) -> RequestIds:
    """The ASGI application of every route in the table.

    `origins` are the sites whose pages may have browsers call it, `*` for any.
    """
    memory, refusals, pages = Memory(), Sparing(), Origins.of(origins)
    exact: dict[tuple[object, object], Endpoint] = {}
    patterns: list[Pattern] = []
    for route in calls(rules.simple):
        endpoint = replace(_endpoint(services, route, rules), memory=memory, refusals=refusals, origins=pages)
        if "{" in route.path:
            patterns.append(Pattern(route.method, pattern_of(route.path), endpoint))
        else:
            exact[route.method, route.path] = endpoint
    dispatcher = Dispatcher(exact, patterns, AccessLog(control_plane(services), memory))
    served = Cors(dispatcher, pages, memory) if origins else dispatcher
    return RequestIds(served, services.clock.now())


def _endpoint(services: Services, route: CallRoute, rules: CallRules) -> Endpoint:
    doors = services.doors
    endpoint = Endpoint(
        services.gateway,
        route.dialect,
        route.pin,
        rules.max_body_bytes,
        route=public_path(route.path),
        addresses=doors.addresses,
        reads_query_key=doors.reads_query_key and may_be_in_address(route.path),
        quotes=route.quotes,
    )
    if not route.is_simple:
        return endpoint
    return replace(
        endpoint,
        max_body_bytes=rules.max_simple_body_bytes,
        pace=rules.pace,
        body_setting="input.max_simple_body_bytes",
    )


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
    app.state.document = partial(_document, services.version)
    for page in PAGES:
        guarded = [Depends(guard(page.access))]
        app.add_api_route(page.path, page.handler, methods=list(page.methods), dependencies=guarded)
    for route in app.routes:
        if isinstance(route, APIRoute):
            route.path_regex = pattern_of(route.path)
    errors.install(app)
    refuse_unguarded(app)
    return app


def _document(version: str) -> bytes:
    """The OpenAPI document. What makes it is read when somebody asks: that is a tenth of a start."""
    from tollbar.edge.openapi import written

    return written(version)
