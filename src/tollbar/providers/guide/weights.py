"""How much each stem says: about which passage is meant, and about whether Tollbar is meant at all.

Both are counted once from the samples (phrasings and titles, and questions about other subjects) and never change.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ELSEWHERE = -1
"""The owner of a sample that belongs to no passage."""

_FAINT = 0.5
# Counts that every stem starts with, so that one never seen leans slightly elsewhere, not infinitely.
_SEEN_HERE = 0.3
_SEEN_ELSEWHERE = 0.6
_SEEN_IN_A_BODY = 0.5


@dataclass(frozen=True, slots=True)
class Sample:
    """A question that somebody might ask: the number of the passage that answers it, and its stems in order."""

    owner: int
    stems: tuple[str, ...]


class Weights:
    """The weights of all stems, unknown ones included."""

    def __init__(
        self,
        samples: Sequence[Sample],
        related: Sequence[Sequence[str]],
        body_stems: frozenset[str],
        faint: frozenset[str],
    ) -> None:
        owners: defaultdict[str, set[int]] = defaultdict(set)
        here: Counter[str] = Counter()
        elsewhere: Counter[str] = Counter()
        for sample in samples:
            if sample.owner == ELSEWHERE:
                elsewhere.update(set(sample.stems))
            else:
                here.update(set(sample.stems))
                for stem in sample.stems:
                    owners[stem].add(sample.owner)
        for number, stems in enumerate(related):
            here.update(set(stems))
            for stem in stems:
                owners[stem].add(number)
        self._faint = faint
        self._here = here
        self._elsewhere = elsewhere
        self._body_stems = body_stems
        self._passages = len(related)
        self._spread = {stem: len(numbers) for stem, numbers in owners.items()}
        strangers = sum(sample.owner == ELSEWHERE for sample in samples)
        self._odds = strangers / (len(samples) - strangers)

    def weight(self, stem: str) -> float:
        """How much a stem tells passages apart: the fewer have it, the more."""
        weight = math.log(1 + self._passages / (0.5 + self._spread.get(stem, 0)))
        return weight * _FAINT if stem in self._faint else weight

    def length(self, stems: Iterable[str]) -> float:
        """The length of a text as a vector of its stems' weights."""
        return math.sqrt(sum(self.weight(stem) ** 2 for stem in set(stems)))

    def leaning(self, stems: Sequence[str]) -> float:
        """Above zero when stems are rather those of questions about Tollbar; naive Bayes, damped by their number."""
        distinct = set(stems)
        return sum(self._leaning(stem) for stem in distinct) / math.sqrt(len(distinct) or 1)

    def _leaning(self, stem: str) -> float:
        here = self._here[stem] + _SEEN_HERE + (_SEEN_IN_A_BODY if stem in self._body_stems else 0.0)
        leaning = math.log(here / (self._elsewhere[stem] + _SEEN_ELSEWHERE) * self._odds)
        return leaning * _FAINT if stem in self._faint else leaning
