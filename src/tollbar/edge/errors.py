"""Every failure of the control plane in the shape of its address, ours and the framework's alike.

Guarantees: `{"error": {…}}` for unknown addresses, wrong methods, faulty input and crashes; an unknown address names
the nearest known one, a wrong method the right ones. Never: details of a crash, which stay in the log under the id.
"""

import difflib
from collections.abc import Sequence

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from tollbar.domain.errors import GatewayError, InternalError, MethodNotAllowed, NotFound, PayloadTooLarge, RequestError
from tollbar.edge.bodies import fault_in
from tollbar.edge.headers import error_headers
from tollbar.edge.routes import CALLS, PAGES, pattern_of
from tollbar.edge.shapes import shape_of
from tollbar.edge.unserved import unserved

MOST_QUOTED = 100
_ROWS = tuple((pattern_of(row.path), row.methods, row.path) for row in (*CALLS, *PAGES))


def install(app: FastAPI) -> None:
    """Makes every failure of the application one of ours."""
    app.add_exception_handler(GatewayError, _told)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _crashed)


def failure(request: Request, error: GatewayError, headers: Sequence[tuple[bytes, bytes]] = ()) -> Response:
    """The answer that tells of an error."""
    status, body = shape_of(request.scope["path"]).encode(error, str(request.scope["tollbar.request_id"]))
    response = Response(body, status, media_type="application/json")
    response.raw_headers += [*error_headers(error), *headers, (b"x-content-type-options", b"nosniff")]
    return response


def methods_of(path: str) -> list[str]:
    """The methods that an address answers, in the order of the table; none when it is unknown."""
    return list(dict.fromkeys(method for pattern, methods, _ in _ROWS if pattern.match(path) for method in methods))


def nearest(path: str) -> str | None:
    """The known address that is most like an unknown one, None when nothing is."""
    paths = dict.fromkeys(path for *_, path in _ROWS)
    near = difflib.get_close_matches(path[:MOST_QUOTED].lower(), paths, n=1, cutoff=0.6)
    return near[0] if near else None


async def _told(request: Request, error: Exception) -> Response:
    if not isinstance(error, GatewayError):
        raise error
    return failure(request, error)


async def _framework(request: Request, error: Exception) -> Response:
    """An error that the framework raises itself: no such address, no such method, or a fault in the request."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    match status:
        case 404 | 405:
            return _not_here(request)
        case 413:
            return failure(request, PayloadTooLarge("The body is larger than is accepted here."))
        case _ if status < 500:
            return failure(request, RequestError("The request cannot be read."))
        case _:
            return failure(request, InternalError("Something went wrong on our side."))


def _not_here(request: Request) -> Response:
    path: str = request.scope["path"]
    quoted = path if len(path) <= MOST_QUOTED else f"{path[:MOST_QUOTED]}…"
    methods = methods_of(path)
    if (not_yet := unserved(path)) is not None and not methods:
        return failure(request, not_yet)
    if methods:
        allowed = ", ".join(methods)
        error = MethodNotAllowed(f"{quoted!r} does not answer {request.method[:20]}.", hint=f"It answers {allowed}.")
        return failure(request, error, [(b"allow", allowed.encode())])
    near = nearest(path)
    hint = f"Did you mean {near}? " if near else ""
    return failure(request, NotFound(f"There is nothing at {quoted!r}.", hint=f"{hint}/docs shows every address."))


async def _invalid(request: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    return failure(request, fault_in(faults))


async def _crashed(request: Request, error: Exception) -> Response:
    request_id = str(request.scope["tollbar.request_id"])
    structlog.get_logger().error("request.crashed", request_id=request_id, exc_info=error)
    return failure(request, InternalError("Something went wrong on our side.", hint=f"Id: {request_id}."))
