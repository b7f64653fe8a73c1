"""How long answers usually are, by key and model: the 95th percentile of the last ones, in memory alone.

It is what a call is expected to use, where nothing is known of it beforehand; the most it may use is never guessed.
"""

from collections.abc import Iterable

from tollbar.domain.records import LedgerEntry, Outcome

KEPT = 64
"""Answers of each key and model."""
ENOUGH = 8
"""Of fewer nothing is concluded; after so many more it is worked out anew."""
MOST_KNOWN = 10_000
SHARE = 0.95


class Sample:
    """The last answers of one key and model."""

    __slots__ = ("_lengths", "_next", "_until", "usual")

    def __init__(self) -> None:
        self._lengths: list[int] = []
        self._next = 0
        self._until = ENOUGH
        self.usual: int | None = None

    def note(self, tokens: int) -> None:
        """One more."""
        lengths = self._lengths
        if len(lengths) < KEPT:
            lengths.append(tokens)
        else:
            lengths[self._next] = tokens
            self._next = (self._next + 1) % KEPT
        self._until -= 1
        if not self._until:
            self._until = ENOUGH
            self.usual = sorted(lengths)[int(len(lengths) * SHARE)]


class Learned:
    """Samples by key and model; of too many, those that came first are forgotten."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, str], Sample] = {}

    def usual(self, key_id: str, model: str) -> int | None:
        """The tokens of an answer as they usually are at the most; None where too little is known."""
        sample = self._samples.get((key_id, model))
        return None if sample is None else sample.usual

    def note(self, key_id: str, model: str, tokens: int) -> None:
        """Learns from an answer that was complete."""
        sample = self._samples.get((key_id, model))
        if sample is None:
            if len(self._samples) >= MOST_KNOWN:
                del self._samples[next(iter(self._samples))]
            sample = self._samples[key_id, model] = Sample()
        sample.note(tokens)

    def warm(self, lines: Iterable[LedgerEntry]) -> None:
        """Learns from calls that were settled before this process began."""
        for line in lines:
            if line.outcome is Outcome.OK and line.paid and line.usage.completion_tokens:
                self.note(line.key_id, line.model, line.usage.completion_tokens)
