"""`/v1/models`: what the caller's key may call, in OpenAI's shape. Free, not metered, asks no provider."""

from fastapi import Request
from starlette.responses import Response

from tollbar.domain.catalogue import Model
from tollbar.domain.errors import UnknownModel
from tollbar.domain.identity import Principal
from tollbar.edge.bodies import answer
from tollbar.edge.schemas import ModelList, ModelView
from tollbar.edge.services import Services
from tollbar.gateway.resolve import find, permits


async def list_models(request: Request) -> Response:
    """The models that can be named, as far as the key may use them."""
    return answer(ModelList(data=[_view(request, model, model.name) for model in shown_to(request)]))


async def show_model(request: Request, model: str) -> Response:
    """One model by its name, which may hold slashes; one that the key may not use is as unknown as one that is not."""
    return answer(_view(request, named(request, model), model))


def shown_to(request: Request) -> list[Model]:
    """The listed models that the caller's key may use."""
    services: Services = request.app.state.services
    allowed = _principal(request).models
    return [model for model in services.listed() if not allowed or permits(allowed, model.name)]


def named(request: Request, name: str) -> Model:
    """The model of a name, where the key may use it; raises UnknownModel for any other, whether or not there is one."""
    services: Services = request.app.state.services
    allowed = _principal(request).models
    try:
        found = find(name, services.gateway.catalogue)
    except UnknownModel:
        raise _unknown(name) from None
    if allowed and not permits(allowed, name) and not permits(allowed, found.name):
        raise _unknown(name)
    return found


def context_tokens(model: Model) -> int | None:
    """How much surely fits, wherever the call is sent; None where that is not known."""
    contexts = [target.context_tokens for target in model.targets]
    known = [context for context in contexts if context is not None]
    return min(known) if known and len(known) == len(contexts) else None


def _principal(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


def _view(request: Request, model: Model, name: str) -> ModelView:
    return ModelView(
        id=name,
        created=int(request.app.state.began_at.timestamp()),
        owned_by=model.owned_by,
        context_length=context_tokens(model),
    )


def _unknown(name: str) -> UnknownModel:
    hint = "GET /v1/models lists those that it may."
    return UnknownModel(f"There is no model {name[:100]!r} that this key may use.", hint=hint, field="model")
