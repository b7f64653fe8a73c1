"""What a model's name tells of how it may be asked: Anthropic's generations differ in what they refuse.

Reference: the pages on extended and adaptive thinking, on effort, and the table of models in Anthropic's documentation.
A name that tells nothing is taken for another maker's model that speaks this wire: it is asked in the oldest way, which
the servers of others took over.
"""

import re
from functools import lru_cache
from typing import NamedTuple

_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d)(?:[-.](\d)(?!\d))?")
UNKNOWN_OUTPUT_TOKENS = 8_192


class Manner(NamedTuple):
    """How a model is asked.

    `is_adaptive` says that it decides by itself how long to think, by a word of effort, and takes no count of tokens;
    `takes_sampling` that it may be told how words are chosen. `output_tokens` is a length that every model of its
    generation can answer, for callers who give none.
    """

    is_adaptive: bool = False
    takes_sampling: bool = True
    output_tokens: int = UNKNOWN_OUTPUT_TOKENS


@lru_cache(maxsize=1_000)
def manner_of(model: str) -> Manner:
    """The manner of a model by its name, wherever in it `claude` stands."""
    if "claude" not in model:
        return Manner()
    found = _VERSION.search(model)
    if found is None:  # a name without a number: only new ones have those
        return Manner(is_adaptive=True, takes_sampling=False, output_tokens=32_000)
    version = int(found[1]), int(found[2] or 0)
    if version < (3, 5):
        return Manner(output_tokens=4_096)
    if version < (3, 7):
        return Manner(output_tokens=8_192)
    return Manner(version >= (4, 6), version < (4, 7), 32_000)
