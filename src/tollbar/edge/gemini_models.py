"""What a key may call, in the shape that Google's clients read."""

from collections.abc import Iterable

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.responses import Response

from tollbar.edge.bodies import answer

METHODS = ("generateContent", "streamGenerateContent", "countTokens")
GOOGLES_HEADERS = ("x-goog-api-client", "x-goog-api-key")


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


def is_googles(request: Request) -> bool:
    """Whether a client of Google's asks: some of them do so at the address where OpenAI's do."""
    return any(name in request.headers for name in GOOGLES_HEADERS)


def answer_list(models: Iterable[GeminiModel]) -> Response:
    """The answer to who asks for all."""
    return answer(GeminiModelList(models=list(models)).model_dump(by_alias=True))


def answer_one(model: GeminiModel) -> Response:
    """The answer to who asks for one."""
    return answer(model.model_dump(by_alias=True))


def view(name: str, owner: str, context: int | None) -> GeminiModel:
    """A model, as Google's clients read it."""
    description = f"Served by {owner}." if owner else ""
    return GeminiModel(name=f"models/{name}", display_name=name, description=description, input_token_limit=context)
