"""Token counts of one answer, by kind.

`prompt_tokens` and `completion_tokens` are totals: cached and audio tokens are parts of the first, reasoning and audio
tokens parts of the second, as in OpenAI's `usage` object. Codecs of other dialects convert to this reading. What was
written to a cache for an hour is a part of what was written; only its price differs, so the ledger keeps it as a line
of the bill.
"""

from typing import NamedTuple

MOST_TOKENS = 1_000_000_000
"""More than any call can consume: a report beyond it is a fault of the provider's, and would not fit the ledger."""


class Usage(NamedTuple):
    """What a provider says, or we counted, that a call consumed. All figures are tokens."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_read_tokens: int = 0
    cached_write_tokens: int = 0
    reasoning_tokens: int = 0
    audio_prompt_tokens: int = 0
    audio_completion_tokens: int = 0
    cached_write_hour_tokens: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether all tokens are of the two plain kinds: nothing cached, no reasoning, no audio."""
        return not any(self[2:])

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


class Tally(NamedTuple):
    """What a request holds, counted here: the tokens of its words, and pictures, whose tokens only a provider knows."""

    tokens: int
    pictures: int = 0


def possible(tokens: int) -> int:
    """A count as a provider tells it, or the nearest that there can be."""
    return min(max(0, tokens), MOST_TOKENS)


def merge(earlier: Usage, later: Usage) -> Usage:
    """The two reports of one call as one: each figure is the last that was not zero."""
    return Usage(*(new or old for new, old in zip(later, earlier, strict=True)))
