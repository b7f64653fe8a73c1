"""Which model to begin with on this machine: the largest of a few good ones that fits and is quick enough."""

from collections.abc import Iterable
from dataclasses import dataclass

from tollbar.providers.local.machine import Machine
from tollbar.providers.local.names import NamedModel

MEBIBYTE = 1 << 20
OVERHEAD_BYTES = 700 * MEBIBYTE
"""What a small model takes beside its weights: a few conversations of some thousand tokens, and the engine."""
PLEASANT_TOKENS_PER_SECOND = 8.0
"""About as fast as people read."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A model for a machine: what it takes there, about how fast it is, and whether it fits at all."""

    model: NamedModel
    memory_bytes: int
    tokens_per_second: float
    does_fit: bool


def propose(models: Iterable[NamedModel], machine: Machine) -> Proposal:
    """The proposal for a machine; the smallest, with `does_fit` saying so, where nothing fits."""
    candidates = sorted((model for model in models if model.is_proposed), key=lambda model: model.size_bytes)
    proposals = [_on(machine, model) for model in candidates]
    fitting = [proposal for proposal in proposals if proposal.does_fit]
    quick = [proposal for proposal in fitting if proposal.tokens_per_second >= PLEASANT_TOKENS_PER_SECOND]
    return quick[-1] if quick else (fitting or proposals)[0]


def _on(machine: Machine, model: NamedModel) -> Proposal:
    needed = model.size_bytes + OVERHEAD_BYTES
    return Proposal(model, needed, machine.tokens_per_second(model.size_bytes), needed <= machine.free_bytes)
