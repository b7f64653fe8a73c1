"""Which model to begin with."""

import pytest

from tollbar.providers.local.machine import Machine
from tollbar.providers.local.names import load
from tollbar.providers.local.proposal import propose

MODELS = tuple(load().models.values())
GIGABYTE = 10**9


@pytest.mark.parametrize(
    ("free", "speed", "name"),
    [
        (64, 60, "qwen3-4b"),
        (64, 15, "qwen3-1.7b"),
        (3, 60, "qwen3-1.7b"),
        (1.5, 60, "qwen3-0.6b"),
        (1.1, 60, "smollm2-360m"),
        (64, 1, "smollm2-360m"),
    ],
)
def test_the_largest_that_fits_and_is_quick_enough(free: float, speed: float, name: str) -> None:
    """Neither a model that swaps nor one that crawls; on a machine where all crawl, the smallest."""
    proposal = propose(MODELS, Machine(int(free * GIGABYTE), 4, speed * GIGABYTE))
    assert (proposal.model.name, proposal.does_fit) == (name, True)
    assert proposal.model.size_bytes < proposal.memory_bytes <= free * GIGABYTE
    assert proposal.tokens_per_second == pytest.approx(speed * GIGABYTE / proposal.model.size_bytes)


def test_where_nothing_fits_that_is_told() -> None:
    """The smallest is named, and that it does not fit."""
    proposal = propose(MODELS, Machine(200_000_000, 1, 10 * GIGABYTE))
    assert (proposal.model.name, proposal.does_fit) == ("smollm2-360m", False)
