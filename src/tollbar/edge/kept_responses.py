"""`/v1/responses/{id}`: what was answered and from what, and how it is forgotten. Free, not metered.

A response of another key is as unknown as one that never was.
"""

import msgspec
from fastapi import Request
from starlette.responses import Response

from tollbar.domain.errors import InvalidValue
from tollbar.edge.acting import caller_of
from tollbar.edge.bodies import answer, document
from tollbar.edge.paging import page_of
from tollbar.edge.services import Services
from tollbar.gateway.responses import Responses, missing
from tollbar.wire.openai_responses.keeping import items_of

USUAL_LIMIT = 20
MOST_ITEMS = 100


async def show_response(request: Request, response_id: str) -> Response:
    """The response, as it was told."""
    if request.query_params.get("stream") == "true":
        hint = "Leave out 'stream': the whole response comes as one document."
        raise InvalidValue("A response that was kept is not told as a stream.", field="stream", hint=hint)
    found = await _kept(request, response_id).get(caller_of(request), response_id)
    return document(found.document)


async def remove_response(request: Request, response_id: str) -> Response:
    """Forgets it. What goes on from it cannot be gone on from either, but by the provider that keeps it."""
    await _kept(request, response_id).remove(caller_of(request), response_id)
    return answer({"id": response_id, "object": "response", "deleted": True})


async def list_input_items(request: Request, response_id: str) -> Response:
    """What its own request brought, the last item first unless `order=asc`; `after` and `limit` choose a page."""
    found = await _kept(request, response_id).get(caller_of(request), response_id)
    items = items_of(found)
    if request.query_params.get("order", "desc") != "asc":
        items = items[::-1]
    return document(msgspec.json.encode(page_of(items, request.query_params, USUAL_LIMIT, MOST_ITEMS)))


def _kept(request: Request, response_id: str) -> Responses:
    """What keeps responses; raises NotFound where nothing does."""
    services: Services = request.app.state.services
    if services.gateway.responses is None:
        raise missing(response_id)
    return services.gateway.responses
