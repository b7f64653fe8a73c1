"""`/v1/requests/{id}`: what became of a call, and how its price came about. Free, not metered.

The holder of a key is told of calls of that key; one of another key is as unknown as one that never was.
"""

from fastapi import Request
from starlette.responses import Response

from tollbar.domain.audit import Actor
from tollbar.domain.errors import NotFound
from tollbar.domain.identity import KeyKind, Principal
from tollbar.edge.acting import actor_of, caller_of
from tollbar.edge.bodies import answer, read
from tollbar.edge.request_schemas import CancelView, RequestView, RunningList
from tollbar.edge.schemas import NothingMore
from tollbar.edge.services import Services


async def show_request(request: Request, request_id: str) -> Response:
    """One call of the caller's own key: attempts, ledger lines, prices and where the figures come from."""
    principal = caller_of(request)
    return await _shown(request, request_id, principal)


async def show_any_request(request: Request, request_id: str) -> Response:
    """One call of whatever key."""
    return await _shown(request, request_id, None)


async def cancel_request(request: Request, request_id: str) -> Response:
    """Ends a running call of the caller's own key: a stream as a whole one ends, another call with an error."""
    principal = caller_of(request)
    if principal.kind is KeyKind.ANONYMOUS:  # one principal and many people
        raise NotFound("There is no such request of this key.")
    return await _cancelled(request, request_id, principal.key_id)


async def cancel_any_request(request: Request, request_id: str) -> Response:
    """Ends a running call of whatever key."""
    return await _cancelled(request, request_id, actor_of(request))


async def list_running(request: Request) -> Response:
    """The calls under way in every process, the longest first."""
    services: Services = request.app.state.services
    return answer(RunningList.of(await services.running()))


async def _cancelled(request: Request, request_id: str, whose: str | Actor) -> Response:
    services: Services = request.app.state.services
    await read(request, NothingMore)
    await services.cancel(request_id, whose)
    return answer(CancelView(id=request_id), 202)


async def _shown(request: Request, request_id: str, holder: Principal | None) -> Response:
    services: Services = request.app.state.services
    history = await services.history(request_id)
    # Callers without a key are one principal and many people.
    is_theirs = holder is None or holder.kind is not KeyKind.ANONYMOUS
    if history is None or not is_theirs or (holder is not None and history.key_id != holder.key_id):
        hint = "The header x-request-id of an answer names its request; a call that goes on is not told of yet."
        raise NotFound("There is no such request of this key." if holder else "There is no such request.", hint=hint)
    return answer(RequestView.of(request_id, history))
