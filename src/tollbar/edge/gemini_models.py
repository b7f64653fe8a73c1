"""`/v1beta/models`: what the caller's key may call, in Google's shape. Free, not metered, asks no provider."""

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from tollbar.domain.catalogue import Model
from tollbar.edge.bodies import answer
from tollbar.edge.models import context_of, named, permitted

METHODS = ("generateContent", "streamGenerateContent")


class GeminiModel(BaseModel):
    """A model that can be called; its fields are written as Google writes them."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    name: str = Field(description="`models/` and the name to call it by.")
    display_name: str
    description: str = Field(description="Whose it is.")
    version: str = ""
    input_token_limit: int | None = Field(None, description="The most tokens of a prompt, where it is known.")
    supported_generation_methods: list[str] = list(METHODS)


class GeminiModelList(BaseModel):
    """The models of a key, all on one page."""

    models: list[GeminiModel]


async def list_models(request: Request) -> Response:
    """The models that can be named, as far as the key may use them."""
    shown = GeminiModelList(models=[_view(model, model.name) for model in permitted(request)])
    return answer(shown.model_dump(by_alias=True))


async def show_model(request: Request, model: str) -> Response:
    """One model by its name, which may hold slashes; one that the key may not use is as unknown as one that is not."""
    return answer(_view(named(request, model), model).model_dump(by_alias=True))


def _view(model: Model, name: str) -> GeminiModel:
    description = f"Served by {model.owned_by}." if model.owned_by else ""
    return GeminiModel(
        name=f"models/{name}", display_name=name, description=description, input_token_limit=context_of(model)
    )
