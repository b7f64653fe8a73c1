"""What a folder of safetensors says of its model, and what the model will take: read from `config.json` alone.

The estimate is an upper one, as for GGUF files: the weights, one conversation at its longest, and what Python, PyTorch
and Transformers work in.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tollbar.domain.errors import EngineUnavailable
from tollbar.domain.local_models import LocalModel
from tollbar.providers.local.memory import MEBIBYTE, Estimate

BASE_BYTES = 512 * MEBIBYTE
"""The process itself: Python, PyTorch, Transformers (430 MB were measured with the smallest of models)."""
BYTES_PER_NUMBER = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}
MOST_BYTES = 16 << 20
WRITERS = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")
"""How the classes of Transformers end that write text."""
USUAL_VOCABULARY = 152_064
LIVE_COPIES = 8
"""How many arrays as wide as a layer are alive at once, for each token of a prompt."""


class NoCheckpointError(ValueError):
    """A folder holds no safetensors model that can be read."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The settings of a model; those of its language part where it has several."""

    values: Mapping[str, Any]
    architecture: str
    has_template: bool

    @property
    def context_tokens(self) -> int | None:
        """The context it was made for."""
        return self._number("max_position_embeddings") or self._number("n_positions")

    def estimate(self, size_bytes: int, context_tokens: int) -> Estimate:
        """What it will take with one conversation of that length."""
        each = BYTES_PER_NUMBER.get(str(self.values.get("dtype") or self.values.get("torch_dtype")), 4)
        layers = self._number("num_hidden_layers") or self._number("n_layer") or 0
        hidden = self._number("hidden_size") or self._number("n_embd") or 0
        heads = self._number("num_attention_heads") or self._number("n_head") or 1
        sharing = self._number("num_key_value_heads") or heads
        width = self._number("head_dim") or hidden // heads
        inner = self._number("intermediate_size") or 4 * hidden
        vocabulary = self._number("vocab_size") or USUAL_VOCABULARY
        return Estimate(
            weights=size_bytes,
            conversations=2 * layers * sharing * width * each * context_tokens,
            work=BASE_BYTES + LIVE_COPIES * max(hidden, inner) * each * context_tokens + 2 * 4 * vocabulary,
        )

    def _number(self, key: str) -> int | None:
        value = self.values.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def read_checkpoint(folder: Path) -> Checkpoint:
    """The settings in a folder; raises NoCheckpointError, or OSError when they cannot be read at all."""
    values = _document(folder / "config.json")
    classes = values.get("architectures")
    architecture = str(classes[0]) if isinstance(classes, list) and classes else ""
    inner = values.get("text_config")
    named = ("chat_template.jinja", "chat_template.json")
    has_template = any((folder / name).is_file() for name in named)
    if not has_template and (folder / "tokenizer_config.json").is_file():
        has_template = bool(_document(folder / "tokenizer_config.json").get("chat_template"))
    return Checkpoint(
        {**values, **inner} if isinstance(inner, dict) else values, architecture, has_template=has_template
    )


def context_of(folder: Path) -> int | None:
    """The context that the model of a folder was made for; None when the folder does not say."""
    try:
        return read_checkpoint(folder).context_tokens
    except (OSError, NoCheckpointError):
        return None


def weigh(model: LocalModel, context_tokens: int) -> Estimate:
    """What a safetensors model will take; raises EngineUnavailable when Transformers cannot chat with it.

    NoCheckpointError and OSError are for a folder that cannot be read.
    """
    checkpoint = read_checkpoint(model.path)
    other = "Pull a GGUF of it: most repositories have a sister whose name ends in -GGUF."
    if model.kind == "embedding":
        raise EngineUnavailable(f"{model.name} makes vectors, and of safetensors only chats run here.", hint=other)
    if not checkpoint.architecture.endswith(WRITERS):
        told = f"a {checkpoint.architecture}" if checkpoint.architecture else "of a kind that it does not tell"
        raise EngineUnavailable(f"{model.name} is {told}, which writes no text.", hint=other)
    if not checkpoint.has_template:
        hint = "Pull the version of it that was made for chats; its name often ends in -Instruct or -Chat."
        raise EngineUnavailable(f"{model.name} has no chat template.", hint=hint)
    return checkpoint.estimate(model.size_bytes, context_tokens)


def _document(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a sensible size; raises NoCheckpointError."""
    with path.open("rb") as file:
        raw = file.read(MOST_BYTES)
    try:
        found = json.loads(raw)
    except ValueError as fault:
        raise NoCheckpointError(f"{path.name} is no JSON") from fault
    if not isinstance(found, dict):
        raise NoCheckpointError(f"{path.name} is no object")
    return found
