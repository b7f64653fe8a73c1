"""What Ollama's clients ask beside calls: which models there are, what one can do, and how new the server is.

Nothing here manages models: pull, push, create, copy, delete and blobs are no addresses of this gateway. What is not
known of a model, its size or digest, is told as Ollama tells of a model without any.
"""

from fastapi import Request
from starlette.responses import Response

from tollbar.domain.catalogue import Model
from tollbar.domain.errors import MissingField
from tollbar.edge.bodies import answer, read_raw
from tollbar.edge.models import context_of, named, permitted
from tollbar.wire import reading
from tollbar.wire.body import scan

API_VERSION = "0.12.6"
"""The version of Ollama whose API this is: clients refuse to talk to servers that are older than they know."""
_CAPABILITIES = {"tools": "tools", "images": "vision"}
_ARCHITECTURE = "tollbar"


async def version(request: Request) -> Response:
    """The version of Ollama's API that is spoken here."""
    return answer({"version": API_VERSION})


async def tags(request: Request) -> Response:
    """The models that can be named, as far as the key may use them."""
    began = request.app.state.began_at.isoformat()
    return answer({"models": [_listed(model, began) for model in permitted(request)]})


async def running(request: Request) -> Response:
    """The models in this machine's memory: none, since a gateway loads no model."""
    return answer({"models": []})


async def show(request: Request) -> Response:
    """What one model can do, by its name; one that the key may not use is as unknown as one that is not."""
    head = reading.head(scan(await read_raw(request)), {"model": str, "name": str})
    name = head.get("model") or head.get("name")
    if not name:
        raise MissingField("The field 'model' is missing.", field="model")
    return answer(_shown(named(request, name), request.app.state.began_at.isoformat()))


def _listed(model: Model, began: str) -> dict[str, object]:
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": began,
        "size": 0,
        "digest": "",
        "details": _details(model),
    }


def _details(model: Model) -> dict[str, object]:
    family = model.owned_by
    return {
        "parent_model": "",
        "format": "",
        "family": family,
        "families": [family],
        "parameter_size": "",
        "quantization_level": "",
    }


def _shown(model: Model, began: str) -> dict[str, object]:
    info: dict[str, object] = {"general.architecture": _ARCHITECTURE, "general.basename": model.name}
    if (context := context_of(model)) is not None:
        info[f"{_ARCHITECTURE}.context_length"] = context
    return {
        "modelfile": "",
        "parameters": "",
        "template": "",
        "details": _details(model),
        "model_info": info,
        "capabilities": ["completion", *(told for feature, told in _CAPABILITIES.items() if _can(model, feature))],
        "modified_at": began,
    }


def _can(model: Model, feature: str) -> bool:
    """Whether some target can, or nobody knows that it cannot: then it is tried."""
    return any(target.supports is None or feature in target.supports for target in model.targets)
