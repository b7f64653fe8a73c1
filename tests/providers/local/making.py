"""A shelf with small real models on it."""

from pathlib import Path
from typing import Literal

from tests.providers.local.models import write_model
from tollbar.domain.local_models import LocalModel
from tollbar.providers.local.shelf import Shelf


def shelve(
    folder: Path,
    name: str = "tiny",
    *,
    context: int = 512,
    layers: int = 1,
    hidden: int = 32,
    kind: Literal["chat", "embedding"] = "chat",
) -> LocalModel:
    """Puts a model on the shelf of a folder, as a pull would."""
    shelf = Shelf(folder)
    weights = shelf.weights_of(name)
    weights.mkdir(parents=True, exist_ok=True)
    path = write_model(weights / "model.gguf", context=context, layers=layers, hidden=hidden, name=name)
    model = LocalModel(name, kind, "gguf", path, path.stat().st_size, context, "", "", "", "MIT")
    shelf.add(model)
    return model
