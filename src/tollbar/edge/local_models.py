"""`/admin/api/models`: the use cases of `admin/pulls.py` over HTTP, and nothing of their own."""

from collections.abc import AsyncIterator

import msgspec
from fastapi import Request
from starlette.responses import Response, StreamingResponse

from tollbar.admin.pulls import Pull, remove_model
from tollbar.edge.acting import actor_of
from tollbar.edge.bodies import NOT_KEPT, answer, read
from tollbar.edge.local_schemas import LocalModelList, LocalModelView, ModelWish, PullView, RemovedView
from tollbar.edge.services import Services

_ENCODE = msgspec.json.Encoder().encode


async def list_local_models(request: Request) -> Response:
    """The models on the server's machine, and the pulls that are under way or have just ended."""
    pulls = _services(request).pulls
    models = [LocalModelView.of(model) for model in pulls.shelf.list()]
    return answer(LocalModelList(data=models, pulls=[PullView.of(pull) for pull in pulls.list()]))


async def pull_model(request: Request) -> Response:
    """Begins to fetch a model, and answers at once; the pull goes on whether or not anybody watches it."""
    wish = await read(request, ModelWish)
    pull = await _services(request).pulls.start(wish.model)
    await _told(request, "model.pull", pull.plan.name)
    return answer(PullView.of(pull), 202)


async def remove_local_model(request: Request) -> Response:
    """Deletes a model from the server's machine, or what an unfinished pull left of it."""
    wish = await read(request, ModelWish)
    removed = remove_model(_services(request).pulls.shelf, wish.model)
    name = removed.name if removed else wish.model
    await _told(request, "model.remove", name)
    return answer(RemovedView(model=name))


async def show_pull(request: Request, pull_id: str) -> Response:
    """How far a pull is."""
    return answer(PullView.of(_services(request).pulls.get(pull_id)))


async def cancel_pull(request: Request, pull_id: str) -> Response:
    """Ends a pull, whichever worker it belongs to; what has come stays for the next."""
    pull = await _services(request).pulls.cancel(pull_id)
    await _told(request, "model.cancel", pull.plan.name)
    return answer(PullView.of(pull))


async def watch_pull(request: Request, pull_id: str) -> Response:
    """Server-sent events: the pull each time that it has gone on, until it has ended."""
    services = _services(request)
    pull = services.pulls.get(pull_id)
    headers = {**NOT_KEPT, "x-accel-buffering": "no"}
    return StreamingResponse(_events(services, pull), media_type="text/event-stream", headers=headers)


async def _events(services: Services, pull: Pull) -> AsyncIterator[bytes]:
    """The pull as events; a server that is stopping ends them, and a browser connects again."""
    async for seen in services.pulls.watch(pull, services.is_ready):
        yield b"data: %b\n\n" % _ENCODE(PullView.of(seen).model_dump(mode="json"))


async def _told(request: Request, action: str, model: str) -> None:
    """Has the audit tell what was done with a model."""
    await _services(request).audit.note(actor_of(request), action, model)


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services
