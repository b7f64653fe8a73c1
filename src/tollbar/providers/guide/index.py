"""Finds the passages that answer a question, and says whether the question is about Tollbar at all.

A question is compared with every phrasing (the cosine of their weighted stems, and a bonus for words in the same order)
and with every passage (BM25). Whether it may be answered is decided by four figures: see `Evidence`. The same question
always finds the same passages; nothing is learnt from questions.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tollbar.providers.guide.fulltext import FullText
from tollbar.providers.guide.passages import Library, Passage
from tollbar.providers.guide.weights import ELSEWHERE, Sample, Weights
from tollbar.providers.guide.words import LONGEST_QUESTION, Folding, spelled

MOST_WORDS = 64
"""Distinct words of a question that are looked at: enough for any question, and a bound on the time."""

MOST_SENTENCES = 6
"""Sentences of a question that are looked at one by one."""

_SENTENCE = re.compile(r"(?<=[.?!])\s+|\n+")

# Chosen with the questions in tests/providers/guide/: each improved them, and doubling or halving any changes little.
_ORDER_BONUS = 0.3
_SECOND_PHRASING = 0.6
_BM25_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for and against a question being about Tollbar.

    `nearest` and `elsewhere` are its similarities to the nearest phrasing and to the nearest sample of other subjects;
    `leaning` says which of the two kinds its words belong to; `covered` is the share of its weight in words that the
    best passage's phrasings have. An exact question is, but for case and punctuation, a phrasing itself.
    """

    nearest: float
    elsewhere: float
    leaning: float
    covered: float
    is_exact: bool

    @property
    def total(self) -> float:
        """Above zero: about Tollbar. A logistic regression, its threshold moved until 98 % of strangers are refused."""
        if self.is_exact:
            return math.inf
        return 1.8 * self.nearest - 3.7 * self.elsewhere + 1.6 * self.leaning + 5.4 * self.covered - 2.2


@dataclass(frozen=True, slots=True)
class Finding:
    """The best three passages, best first, and the evidence that they may answer the question."""

    passages: tuple[Passage, ...]
    evidence: Evidence

    @property
    def is_answerable(self) -> bool:
        """Whether the question is about Tollbar, as far as its words tell."""
        return self.evidence.total > 0


@dataclass(frozen=True, slots=True)
class _Likeness:
    """How like a question is to samples: to the nearest two of each passage, and to the nearest of other subjects."""

    nearest: list[float]
    second: list[float]
    elsewhere: float


class GuideIndex:
    """The library, ready to be searched. Building takes about a tenth of a second, a search about a millisecond."""

    def __init__(self, library: Library, folding: Folding) -> None:
        self._passages = library.passages
        self._folding = folding
        texts = [
            (number, text)
            for number, passage in enumerate(library.passages)
            for text in (passage.title, *passage.phrasings)
        ]
        texts += [(ELSEWHERE, text) for text in library.elsewhere]
        self._exact = {spelled(text): owner for owner, text in reversed(texts) if owner != ELSEWHERE}
        folded = [folding.fold(text) for _, text in texts]
        related = [folding.fold(passage.related) for passage in library.passages]
        self._text = FullText(_rows(library.passages, folding, folded, related))
        stems = self._text.stems(folded)
        related_stems = self._text.stems(related)
        self._samples = [Sample(owner, tuple(line)) for (owner, _), line in zip(texts, stems, strict=True)]
        [faint] = self._text.stems([sorted(folding.faint)])
        self._weights = Weights(self._samples, related_stems, self._text.body_stems(), frozenset(faint))
        self._lengths = [self._weights.length(sample.stems) for sample in self._samples]
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        self._known = [set(stems) for stems in related_stems]
        for place, sample in enumerate(self._samples):
            for stem in set(sample.stems):
                self._places[stem].append(place)
            if sample.owner != ELSEWHERE:
                self._known[sample.owner].update(sample.stems)

    def search(self, question: str) -> Finding:
        """The three best passages for a question, or if it says too little as a whole, for its most telling sentence."""
        whole = self._search(question)
        sentences = [sentence for sentence in _SENTENCE.split(question[:LONGEST_QUESTION]) if sentence.strip()]
        if whole.is_answerable or len(sentences) < 2:
            return whole
        parts = [self._search(sentence) for sentence in sentences[:MOST_SENTENCES]]
        return max(parts, key=lambda part: part.evidence.total)

    def _search(self, question: str) -> Finding:
        words = list(dict.fromkeys(self._folding.fold(question)))[:MOST_WORDS]
        [stems] = self._text.stems([words])
        length = self._weights.length(stems) or 1.0
        likeness = self._compare(stems, length)
        ranks = self._text.rank(words)
        exact = self._exact.get(spelled(question))
        scores = [
            likeness.nearest[number]
            + _SECOND_PHRASING * likeness.second[number]
            + _BM25_SHARE * ranks.get(number, 0.0) / length
            + (number == exact)
            for number in range(len(self._passages))
        ]
        best = sorted(range(len(scores)), key=lambda number: -scores[number])[:3]
        evidence = Evidence(
            nearest=max(likeness.nearest),
            elsewhere=likeness.elsewhere,
            leaning=self._weights.leaning(stems),
            covered=self._covered(stems, best[0]),
            is_exact=exact is not None,
        )
        return Finding(tuple(self._passages[number] for number in best), evidence)

    def _compare(self, stems: Sequence[str], length: float) -> _Likeness:
        shared: defaultdict[int, float] = defaultdict(float)
        for stem in dict.fromkeys(stems):
            square = self._weights.weight(stem) ** 2
            for place in self._places.get(stem, ()):
                shared[place] += square
        pairs = set(pairwise(stems))
        nearest = [0.0] * len(self._passages)
        second = [0.0] * len(self._passages)
        elsewhere = 0.0
        for place, square in shared.items():
            sample = self._samples[place]
            similarity = square / (length * self._lengths[place])
            if pairs:
                theirs = set(pairwise(sample.stems))
                similarity += _ORDER_BONUS * len(pairs & theirs) / max(len(pairs), len(theirs))
            if sample.owner == ELSEWHERE:
                elsewhere = max(elsewhere, similarity)
            elif similarity > nearest[sample.owner]:
                nearest[sample.owner], second[sample.owner] = similarity, nearest[sample.owner]
            elif similarity > second[sample.owner]:
                second[sample.owner] = similarity
        return _Likeness(nearest, second, elsewhere)

    def _covered(self, stems: Sequence[str], number: int) -> float:
        """The share of a question's weight that lies in stems of a passage's phrasings."""
        total = sum(self._weights.weight(stem) for stem in stems)
        known = sum(self._weights.weight(stem) for stem in stems if stem in self._known[number])
        return known / total if total else 0.0


def _rows(
    passages: Sequence[Passage],
    folding: Folding,
    folded: Sequence[Sequence[str]],
    related: Sequence[Sequence[str]],
) -> Iterator[tuple[str, str, str, str]]:
    """Title, phrasings, related words and body of each passage; `folded` begins with title and phrasings of each."""
    place = 0
    for passage, words in zip(passages, related, strict=True):
        title, *phrasings = folded[place : place + 1 + len(passage.phrasings)]
        place += 1 + len(passage.phrasings)
        asked = " ".join(" ".join(phrasing) for phrasing in phrasings)
        yield " ".join(title), asked, " ".join(words), " ".join(folding.fold(passage.body))
