"""One model with its queue, and the engine that serves it while there is one."""

import asyncio
from dataclasses import dataclass, field
from secrets import token_urlsafe

from tollbar.domain.errors import EngineUnavailable
from tollbar.domain.local_models import LocalModel
from tollbar.ports.providers import Provider
from tollbar.providers.local.child import Order
from tollbar.providers.local.header import NoGgufError, read_header
from tollbar.providers.local.memory import Estimate, estimate, shown
from tollbar.providers.local.process import EngineProcess
from tollbar.providers.local.queue import FairQueue
from tollbar.providers.local.terms import Terms
from tollbar.providers.local.transformers.checkpoint import NoCheckpointError, weigh

LONGEST_PAUSE_SECONDS = 60.0
STEADY_SECONDS = 60.0
"""An engine that ran for so long is taken to have been well: a crash after it is the first of a row."""


@dataclass(slots=True, eq=False)
class Runner:
    """A model, and how it fares. `taken` is the memory that is counted as its own, whether loading or loaded.

    `silences` counts the times in a row that its engine did not answer when it was asked how it is.
    """

    model: LocalModel
    queue: FairQueue
    engine: EngineProcess | None = None
    provider: Provider | None = None
    starting: "asyncio.Task[EngineUnavailable | None] | None" = None
    taken: int = 0
    is_wanted: bool = False
    failures: int = 0
    not_before: float = 0.0
    started_at: float = 0.0
    asked_at: float = 0.0
    silences: int = 0
    fault: EngineUnavailable | None = field(default=None, repr=False)

    @property
    def running(self) -> Provider | None:
        """The provider behind which the engine is; None when it does not run."""
        return None if self.engine is None or self.engine.ended.is_set() else self.provider

    def failed(self, fault: EngineUnavailable, now: float) -> None:
        """It could not start, or crashed: the first time it may start again at once, then after longer and longer."""
        if self.started_at and now - self.started_at > STEADY_SECONDS:
            self.failures = 0
        self.failures += 1
        self.fault, self.started_at = fault, 0.0
        pause = 0.0 if self.failures == 1 else min(2.0 ** (self.failures - 2), LONGEST_PAUSE_SECONDS)
        self.not_before = now + pause

    def refusal(self, now: float) -> EngineUnavailable | None:
        """Why it may not start now; None when it may."""
        if self.fault is None or now >= self.not_before:
            return None
        seconds = self.not_before - now
        return EngineUnavailable(
            f"{self.fault.message} It is tried again in {seconds:.0f} seconds.",
            hint=self.fault.hint,
            retry_after_seconds=seconds,
        )


def order_of(model: LocalModel, terms: Terms) -> tuple[Order, int]:
    """What the engine is to serve and the bytes that it will take; raises EngineUnavailable when it cannot be had.

    An embedding is made in one go, so that such a model takes one conversation at a time.
    """
    context, parallel = terms.context_of(model), terms.parallel_of(model)
    try:
        needed, pools = _weighed(model, context, parallel)
    except (OSError, NoGgufError, NoCheckpointError) as fault:
        hint = f"Pull it anew: tollbar pull {model.name}."
        raise EngineUnavailable(f"The weights of {model.name} cannot be read: {fault}.", hint=hint) from None
    if needed.total > terms.memory_bytes:
        raise EngineUnavailable(
            f"{model.name} needs about {shown(needed.total)}: {shown(needed.weights)} for its weights, "
            f"{shown(needed.conversations)} for {parallel} conversation{'s' * (parallel > 1)} of {context} tokens and "
            f"{shown(needed.work)} to work in. Models may take {shown(terms.memory_bytes)} here.",
            hint="Raise 'local.memory_mib' if there is more, lower 'local.context_tokens' or 'local.parallel', or pull "
            "a smaller model.",
        )
    order = Order(
        name=model.name,
        path=str(model.path),
        is_embedding=model.kind == "embedding",
        pools=pools,
        context_tokens=context,
        parallel=parallel,
        threads=terms.cores,
        key=token_urlsafe(32),
        format=model.format,
    )
    return order, needed.total


def _weighed(model: LocalModel, context_tokens: int, parallel: int) -> tuple[Estimate, bool]:
    """What a model will take, and whether its file says how an embedding is made of its tokens."""
    if model.format == "safetensors":
        return weigh(model, context_tokens), False
    header = read_header(model.path)
    needed = estimate(header, model.size_bytes, context_tokens, parallel)
    return needed, header.number("pooling_type") is not None
