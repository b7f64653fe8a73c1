"""How much each stem says: about which passage is meant, and about whether Tollbar is meant at all.

Everything is counted once, from the passages and from samples of questions about other subjects, and never changes.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

ELSEWHERE = -1
"""The owner of a sample that belongs to no passage."""

# Chosen with the questions in tests/providers/guide/; doubling or halving any of them changes little.
_FAINT = 0.5
_IN_A_BODY = 0.5
_SMOOTHING = 0.2
# Counts that every stem starts with, so that one never seen leans slightly elsewhere, not infinitely.
_SEEN_HERE = 0.3
_SEEN_ELSEWHERE = 0.6
_SEEN_IN_A_BODY = 1.5


@dataclass(frozen=True, slots=True)
class Sample:
    """A question that somebody might ask: the number of the passage that answers it, and its stems in order."""

    owner: int
    stems: tuple[str, ...]


class Weights:
    """What the stems of the passages say; `related` and `bodies` are the further stems of each passage."""

    def __init__(
        self,
        samples: Sequence[Sample],
        related: Sequence[Sequence[str]],
        bodies: Sequence[Sequence[str]],
        faint: frozenset[str],
    ) -> None:
        asked = [Counter(stems) for stems in related]
        elsewhere: Counter[str] = Counter()
        for sample in samples:
            (elsewhere if sample.owner == ELSEWHERE else asked[sample.owner]).update(set(sample.stems))
        self._faint = faint
        self._elsewhere = elsewhere
        self._here: Counter[str] = Counter()
        self._spread: Counter[str] = Counter()
        for counts in asked:
            self._here.update(counts)
            self._spread.update(counts.keys())
        self._body_stems = frozenset(stem for stems in bodies for stem in stems)
        strangers = sum(sample.owner == ELSEWHERE for sample in samples)
        self._odds = strangers / (len(samples) - strangers)

        self._counts = [dict.fromkeys(stems, _IN_A_BODY) for stems in bodies]
        for mixed, counts in zip(self._counts, asked, strict=True):
            for stem, count in counts.items():
                mixed[stem] = mixed.get(stem, 0.0) + count
        self._weights = {stem: self._weigh(stem) for stem in self._spread}
        vocabulary = len(self._spread.keys() | self._body_stems)
        self._totals = [sum(counts.values()) + _SMOOTHING * vocabulary for counts in self._counts]
        self._elsewhere_total = elsewhere.total() + _SMOOTHING * vocabulary

    def weight(self, stem: str) -> float:
        """How much a stem tells passages apart: the fewer have it, the more."""
        weight = self._weights.get(stem)
        return self._weigh(stem) if weight is None else weight

    def length(self, stems: Iterable[str]) -> float:
        """The length of a text as a vector of its stems' weights."""
        return math.sqrt(sum(self.weight(stem) ** 2 for stem in set(stems)))

    def knows(self, number: int, stem: str) -> bool:
        """Whether a passage has a stem anywhere."""
        return stem in self._counts[number]

    def likelihood(self, stems: Sequence[str]) -> list[float]:
        """For each passage, the log of how likely its words are to make this question; naive Bayes."""
        counted = self._counted(stems)
        return [_likelihood(counted, counts, total) for counts, total in zip(self._counts, self._totals, strict=True)]

    def likelihood_elsewhere(self, stems: Sequence[str]) -> float:
        """The same for all samples of other subjects together."""
        return _likelihood(self._counted(stems), self._elsewhere, self._elsewhere_total)

    def leaning(self, stems: Sequence[str]) -> float:
        """Above zero when stems are rather those of questions about Tollbar; naive Bayes, damped by their number."""
        distinct = dict.fromkeys(stems)
        return sum(self._leaning(stem) for stem in distinct) / math.sqrt(len(distinct) or 1)

    def _counted(self, stems: Sequence[str]) -> Sequence[tuple[str, float]]:
        return [(stem, _FAINT if stem in self._faint else 1.0) for stem in dict.fromkeys(stems)]

    def _leaning(self, stem: str) -> float:
        here = self._here[stem] + _SEEN_HERE + (_SEEN_IN_A_BODY if stem in self._body_stems else 0.0)
        leaning = math.log(here / (self._elsewhere[stem] + _SEEN_ELSEWHERE) * self._odds)
        return leaning * _FAINT if stem in self._faint else leaning

    def _weigh(self, stem: str) -> float:
        weight = math.log(1 + len(self._counts) / (0.5 + self._spread[stem]))
        return weight * _FAINT if stem in self._faint else weight


def _likelihood(counted: Sequence[tuple[str, float]], counts: Mapping[str, float], total: float) -> float:
    return sum(share * math.log((counts.get(stem, 0.0) + _SMOOTHING) / total) for stem, share in counted)
