"""`/v1/responses/{id}`: what was answered and from what, and how it is forgotten. Free, not metered.

A response of another key is as unknown as one that never was.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from fastapi import Request
from starlette.responses import Response

from tollbar.domain.errors import InvalidValue
from tollbar.domain.identity import Principal
from tollbar.edge.bodies import answer
from tollbar.edge.services import Services
from tollbar.gateway.responses import Responses, missing
from tollbar.wire.openai_responses.keeping import items_of

USUAL_LIMIT = 20
MOST_ITEMS = 100
HEADERS: Mapping[str, str] = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


async def show_response(request: Request, response_id: str) -> Response:
    """The response, as it was told."""
    if _query(request).get("stream") == "true":
        hint = "Leave out 'stream': the whole response comes as one document."
        raise InvalidValue("A response that was kept is not told as a stream.", field="stream", hint=hint)
    found = await _kept(request, response_id).get(_caller(request), response_id)
    return Response(found.document, headers=dict(HEADERS), media_type="application/json")


async def remove_response(request: Request, response_id: str) -> Response:
    """Forgets it. What goes on from it cannot be gone on from either, but by the provider that keeps it."""
    await _kept(request, response_id).remove(_caller(request), response_id)
    return answer({"id": response_id, "object": "response", "deleted": True})


async def list_input_items(request: Request, response_id: str) -> Response:
    """What its own request brought, the last item first unless `order=asc`; `after` and `limit` choose a page."""
    found = await _kept(request, response_id).get(_caller(request), response_id)
    items = items_of(found)
    query = _query(request)
    if query.get("order", "desc") != "asc":
        items = items[::-1]
    page, has_more = _page(items, query)
    first, last = (page[0]["id"], page[-1]["id"]) if page else (None, None)
    told = {"object": "list", "data": page, "first_id": first, "last_id": last, "has_more": has_more}
    return Response(msgspec.json.encode(told), headers=dict(HEADERS), media_type="application/json")


def _page(items: Sequence[Mapping[str, Any]], query: Mapping[str, str]) -> tuple[Sequence[Mapping[str, Any]], bool]:
    limit = query.get("limit", str(USUAL_LIMIT))
    if not limit.isdecimal() or not 1 <= int(limit[:9]) <= MOST_ITEMS:
        raise InvalidValue(f"'limit' must be a whole number from 1 to {MOST_ITEMS}.", field="limit")
    start = 0
    if "after" in query:
        start = next((place for place, item in enumerate(items, 1) if item["id"] == query["after"]), 0)
        if not start:
            raise InvalidValue("'after' is no item of this response.", field="after")
    end = start + int(limit)
    return items[start:end], end < len(items)


def _kept(request: Request, response_id: str) -> Responses:
    """What keeps responses; raises NotFound where nothing does."""
    services: Services = request.app.state.services
    if services.gateway.responses is None:
        raise missing(response_id)
    return services.gateway.responses


def _caller(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


def _query(request: Request) -> Mapping[str, str]:
    return dict(parse_qsl(request.scope["query_string"].decode("latin-1")))
