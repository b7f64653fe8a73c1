"""`/v1/files`: files that lie at a provider, each key seeing its own alone.

Each request counts as one against the rates of its key and has a record; it costs no credit, for no model answers.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from fastapi import Request
from starlette.responses import Response

from tollbar.domain.errors import GatewayError, NotFound, RateLimited
from tollbar.edge.acting import caller_of
from tollbar.edge.address import source
from tollbar.edge.bodies import NOT_KEPT, answer, document
from tollbar.edge.line import Departure, Receive, Send
from tollbar.edge.middleware import Scope
from tollbar.edge.paging import page_of
from tollbar.edge.services import Services
from tollbar.edge.spooling import spooled
from tollbar.gateway.files import Files
from tollbar.gateway.visit import Arrival
from tollbar.ports.providers import Delivery
from tollbar.wire.multipart import boundary_of

SETTING = "files.max_bytes"
PROVIDER = "x-tollbar-provider"
MOST_FILES = 10_000


async def upload_file(request: Request) -> Response:
    """Puts a file at a provider: the one that `?provider=` or the header `x-tollbar-provider` names, or the usual."""
    files, caller = _files(request), caller_of(request)
    async with _entered(request):
        kind = request.headers.get("content-type", "")
        boundary_of(kind)
        provider = files.choose(request.query_params.get("provider") or request.headers.get(PROVIDER, ""))
        services: Services = request.app.state.services
        async with spooled(request.scope["headers"], request.receive, services.max_file_bytes, SETTING) as body:
            return document(await files.add(caller, provider, body, kind))


async def list_files(request: Request) -> Response:
    """The files of the key, the newest first, as they were when they came; `purpose`, `after` and `limit` choose."""
    query = request.query_params
    async with _entered(request):
        found = [json.loads(file.document) for file in await _files(request).list(caller_of(request))]
    if query.get("order") == "asc":
        found.reverse()
    if purpose := query.get("purpose"):
        found = [file for file in found if file.get("purpose") == purpose]
    return answer(page_of(found, query, MOST_FILES, MOST_FILES))


async def show_file(request: Request, file_id: str) -> Response:
    """What the provider says of a file now."""
    async with _entered(request):
        return document(await _files(request).get(caller_of(request), file_id))


async def show_content(request: Request, file_id: str) -> Response:
    """What is in a file, as it comes from the provider."""
    files, caller = _files(request), caller_of(request)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_entered(request))
        delivery = await stack.enter_async_context(files.content(await files.find(caller, file_id)))
        return Delivered(stack.pop_all(), delivery)


async def remove_file(request: Request, file_id: str) -> Response:
    """Deletes a file at its provider."""
    async with _entered(request):
        return document(await _files(request).remove(caller_of(request), file_id))


class Delivered(Response):
    """A file's content on its way; one that breaks off at the provider is broken off here, so that a client notices."""

    def __init__(self, stack: AsyncExitStack, delivery: Delivery) -> None:
        super().__init__(headers=NOT_KEPT, media_type=delivery.content_type or "application/octet-stream")
        del self.headers["content-length"]
        self._stack = stack
        self._delivery = delivery

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it."""
        with suppress(GatewayError):
            async with self._stack:
                with Departure(receive, scope.get("tollbar.presence")) as departure:  # type: ignore[arg-type]
                    departure.watch()
                    await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                    while chunk := await self._delivery.read_chunk():
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                    departure.stop()
                    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def _entered(request: Request) -> AsyncIterator[None]:
    """The block of a call: its key's rates are taken, the answer tells how they stand, and there will be a record."""
    services: Services = request.app.state.services
    scope = request.scope
    address = services.doors.addresses.find(scope.get("client"), scope["headers"])
    route = "/v1" + scope["path"].removeprefix("/v1")
    now = services.clock.monotonic()
    arrival = Arrival(str(scope["tollbar.request_id"]), _known(route), address, now, source(address))
    try:
        async with services.gateway.enter(caller_of(request), arrival) as visit:
            scope["tollbar.rooms"] = visit.rooms
            yield
    except RateLimited as refused:
        scope["tollbar.rooms"] = refused.rooms
        raise


def _known(path: str) -> str:
    """The address as the route table has it."""
    parts = path.split("/")
    return "/".join([*parts[:3], *(("{file_id}", *parts[4:]) if len(parts) > 3 else ())])


def _files(request: Request) -> Files:
    services: Services = request.app.state.services
    files = services.gateway.files
    if files is None or not files.houses:
        raise NotFound("No provider is configured here that has files.")
    return files
