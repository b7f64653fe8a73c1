"""What a browser is shown: the landing page, the two API documents, and the files they need, all from this package.

Guarantees: nothing is loaded from another host, by policy as well as by content; no inline script runs. The documents
are written on first request, so that they cost a start nothing.
"""

import gzip
import re
import secrets
from html import escape
from pathlib import Path
from string import Template

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, HTMLResponse, Response

from tollbar.domain.errors import NotFound
from tollbar.edge.bodies import answer
from tollbar.edge.services import Services

FOLDER = Path(__file__).parent / "static"
ASSETS = {
    "tollbar.css": ("tollbar.css", "text/css; charset=utf-8"),
    "docs.css": ("docs.css", "text/css; charset=utf-8"),
    "docs.js": ("docs.js", "text/javascript; charset=utf-8"),
    "redoc.js": ("redoc.js", "text/javascript; charset=utf-8"),
    "mark.svg": ("mark.svg", "image/svg+xml"),
    "swagger-ui.css": ("vendor/swagger-ui.css.gz", "text/css; charset=utf-8"),
    "swagger-ui-bundle.js": ("vendor/swagger-ui-bundle.js.gz", "text/javascript; charset=utf-8"),
    "redoc.standalone.js": ("vendor/redoc.standalone.js.gz", "text/javascript; charset=utf-8"),
}
"""Every file that is served: its name in the address, its place, and its type."""

_ALONE = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
LANDING_POLICY = _ALONE + "style-src 'self'; img-src 'self'"
DOCS_POLICY = _ALONE + "script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'"
_REDOC_STYLES = (  # of the two style elements that this version of Redoc makes before it is told the nonce
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' 'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='"
)
REDOC_POLICY = (
    DOCS_POLICY.replace("style-src 'self'", f"style-src 'self' 'nonce-$nonce' {_REDOC_STYLES}") + "; worker-src blob:"
)

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")


async def landing(request: Request) -> Response:
    """What this is and how to try it; the bare facts for a caller that prefers JSON."""
    services: Services = request.app.state.services
    if prefers_json(request.headers.get("accept", "")):
        documents = {"docs": "/docs"} if services.doors.shows_documents else {}
        response = answer({"name": "Tollbar", "version": services.version, **documents})
    else:
        hidden = "" if services.doors.shows_documents else "hidden"
        values = {"version": services.version, "address": _address(request), "hidden": hidden}
        response = _page("landing.html", LANDING_POLICY, **values)
    response.headers["vary"] = "accept"
    return response


async def docs(request: Request) -> Response:
    """The API document to try out, with Swagger UI."""
    _refuse_closed(request)
    return _page("docs.html", DOCS_POLICY)


async def redoc(request: Request) -> Response:
    """The API document to read, with Redoc."""
    _refuse_closed(request)
    nonce = secrets.token_urlsafe(16)
    return _page("redoc.html", Template(REDOC_POLICY).substitute(nonce=nonce), nonce=nonce)


async def openapi_document(request: Request) -> Response:
    """The OpenAPI document of every address."""
    _refuse_closed(request)
    body = await run_in_threadpool(request.app.state.document)
    return Response(body, headers=_headers("application/json"))


async def asset(request: Request, name: str) -> Response:
    """One file of the documents."""
    if name not in ASSETS:
        raise NotFound(f"There is no file {name[:100]!r} here.", hint="/docs shows every address.")
    place, kind = ASSETS[name]
    path = FOLDER / place
    is_packed = path.suffix == ".gz"
    if is_packed and not _accepts_gzip(request):
        return Response(await run_in_threadpool(_unpacked, path), headers=_headers(kind))
    headers = {**_headers(kind), **({"content-encoding": "gzip", "vary": "accept-encoding"} if is_packed else {})}
    response = FileResponse(path, headers=headers, stat_result=path.stat())
    if request.headers.get("if-none-match") == response.headers["etag"]:
        return Response(status_code=304, headers={"etag": response.headers["etag"]})
    return response


def _refuse_closed(request: Request) -> None:
    services: Services = request.app.state.services
    if not services.doors.shows_documents:
        raise NotFound("This gateway does not show its documents.", hint="The setting is 'server.documents'.")


def prefers_json(accept: str) -> bool:
    """Whether an Accept header ranks JSON above HTML."""
    return _quality(accept, "application/json") > _quality(accept, "text/html")


def _quality(accept: str, wanted: str) -> float:
    """How much a type is wanted, from 0 to 1, by the most exact of the ranges that cover it."""
    ranks = {wanted: 2, f"{wanted.partition('/')[0]}/*": 1, "*/*": 0}
    best = (-1, 0.0)
    for item in accept[:1_000].split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        if name not in ranks:
            continue
        weights = [part.removeprefix("q=") for part in parameters if part.startswith("q=")]
        weight = float(weights[0]) if weights and re.fullmatch(r"[01](\.\d{0,3})?", weights[0]) else 1.0
        best = max(best, (ranks[name], weight))
    return best[1]


def _page(file: str, policy: str, **values: str) -> HTMLResponse:
    text = Template((FOLDER / file).read_text(encoding="utf-8"))
    page = text.substitute({name: escape(value) for name, value in values.items()})
    headers = {
        "cache-control": "no-cache",
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    return HTMLResponse(page, headers=headers)


def _headers(kind: str) -> dict[str, str]:
    return {"cache-control": "no-cache", "content-type": kind, "x-content-type-options": "nosniff"}


def _accepts_gzip(request: Request) -> bool:
    accepted = request.headers.get("accept-encoding", "").lower().replace(" ", "")
    return any(re.fullmatch(r"gzip(;q=(1.*|0\.0*[1-9].*))?", item) for item in accepted[:1_000].split(","))


def _unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


def _address(request: Request) -> str:
    """The address that the caller used, as far as it can be one."""
    host = request.headers.get("host", "")
    return f"{request.url.scheme}://{host}" if _HOST.fullmatch(host) else "http://127.0.0.1:8000"
