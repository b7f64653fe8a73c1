"""How models are run: what an operator may set of it, as the engine is given it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from tollbar.domain.local_models import LocalModel
from tollbar.providers.local.memory import budget

USUAL_CONTEXT_TOKENS = 4_096


@dataclass(frozen=True, slots=True)
class Terms:
    """The settings of `local`, as plain values.

    `context_tokens` is for one call; `threads` 0 means as many as the machine has cores; `idle_seconds` 0 means that
    nothing is unloaded; `health_seconds` is how often an engine is asked whether it is there. `weights` are the shares
    that the tiers of keys have of a busy model, 1 where none is given.
    """

    context_tokens: int = USUAL_CONTEXT_TOKENS
    parallel: int = 4
    replicas: int = 1
    threads: int = 0
    memory_bytes: int = field(default_factory=lambda: budget(0))
    idle_seconds: float = 600.0
    start_seconds: float = 300.0
    health_seconds: float = 10.0
    queue: int = 64
    preload: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def cores(self) -> int:
        """The threads that an engine computes with."""
        return self.threads or usable_cores()

    def parallel_of(self, model: LocalModel) -> int:
        """How many calls a model answers at once: Transformers makes one answer after the other."""
        return 1 if model.format == "safetensors" else self.parallel

    def context_of(self, model: LocalModel) -> int:
        """How long one call of a model may be: what is allowed, or what the model was made for if that is less."""
        return min(self.context_tokens, model.context_tokens or self.context_tokens)


def usable_cores() -> int:
    """The cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        return os.cpu_count() or 1
