"""`/v1/models`: what the caller's key may call, in OpenAI's shape. Free, not metered, asks no provider."""

from fastapi import Request
from starlette.responses import Response

from tollbar.domain.catalogue import Model
from tollbar.domain.errors import UnknownModel
from tollbar.edge import gemini_models
from tollbar.edge.acting import caller_of
from tollbar.edge.bodies import answer
from tollbar.edge.schemas import ModelList, ModelView
from tollbar.edge.services import Services
from tollbar.gateway.resolve import find, may_use


async def list_models(request: Request) -> Response:
    """The models that can be named, as far as the key may use them."""
    if gemini_models.is_googles(request):
        return await list_gemini_models(request)
    return answer(ModelList(data=[_view(request, model, model.name) for model in permitted(request)]))


async def show_model(request: Request, model: str) -> Response:
    """One model by its name, which may hold slashes; one that the key may not use is as unknown as one that is not."""
    if gemini_models.is_googles(request):
        return await show_gemini_model(request, model)
    return answer(_view(request, named(request, model), model))


async def list_gemini_models(request: Request) -> Response:
    """The models that can be named, as far as the key may use them, as Google's clients read them."""
    shown = permitted(request)
    return gemini_models.answer_list(_gemini_view(model, model.name) for model in shown)


async def show_gemini_model(request: Request, model: str) -> Response:
    """One model by its name, which may hold slashes, as Google's clients read it."""
    return gemini_models.answer_one(_gemini_view(named(request, model), model))


def permitted(request: Request) -> list[Model]:
    """The models that can be named, as far as the key may use them."""
    services: Services = request.app.state.services
    principal = caller_of(request)
    return [model for model in services.listed() if may_use(principal, model.name)]


def named(request: Request, name: str) -> Model:
    """One model, if the key may use it; raises UnknownModel."""
    services: Services = request.app.state.services
    try:
        found = find(name, services.gateway.catalogue)
    except UnknownModel:
        raise _unknown(name) from None
    if not may_use(caller_of(request), name, found.name):
        raise _unknown(name)
    return found


def context_of(model: Model) -> int | None:
    """The context of a model: the least among its targets, None where one of them is not known."""
    contexts = [target.context_tokens for target in model.targets]
    known = [context for context in contexts if context is not None]
    return min(known) if known and len(known) == len(contexts) else None


def _view(request: Request, model: Model, name: str) -> ModelView:
    return ModelView(
        id=name,
        created=int(request.app.state.began_at.timestamp()),
        owned_by=model.owned_by,
        context_length=context_of(model),
    )


def _gemini_view(model: Model, name: str) -> gemini_models.GeminiModel:
    return gemini_models.view(name, model.owned_by, context_of(model))


def _unknown(name: str) -> UnknownModel:
    hint = "GET /v1/models lists those that it may."
    return UnknownModel(f"There is no model {name[:100]!r} that this key may use.", hint=hint, field="model")
