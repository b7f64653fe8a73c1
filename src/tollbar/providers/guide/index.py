"""Finds the passages that answer a question, and says whether the question is about Tollbar at all.

A question is compared with every phrasing (the cosine of their weighted stems, and a bonus for words in the same order)
and with every passage (BM25, and naive Bayes over its words). Whether it may be answered is decided by five figures:
see `Evidence`. The same question always finds the same passages; nothing is learnt from questions.
"""

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from tollbar.providers.guide.fulltext import FullText
from tollbar.providers.guide.passages import Library, Passage
from tollbar.providers.guide.weights import ELSEWHERE, Sample, Weights
from tollbar.providers.guide.words import LONGEST_QUESTION, Folding, spelled

MOST_WORDS = 64
"""Distinct words of a question that are looked at: enough for any question, and a bound on the time."""

MOST_SENTENCES = 6
"""Sentences of a question that are looked at one by one."""

OUR_NAME = "tollbar"
_SENTENCE = re.compile(r"(?<=[.?!])\s+|\n+")

# Chosen with the questions in tests/providers/guide/: each improved them, and doubling or halving any changes little.
_ORDER_BONUS = 0.3
_SECOND_PHRASING = 0.6
_BM25_SHARE = 0.2
_BAYES_SHARE = 0.3
_EXACT_BONUS = 100.0
# Measured with a small model of word vectors: of 626 questions one more was answered, and seven more by the first of
# the three. With equal shares it was fewer than by words alone.
_MEANING_SHARE = 0.5
_RANK_OFFSET = 5
RANKED = 20
"""Passages of each ranking that are looked at when there are two."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for and against a question being about Tollbar.

    `nearest` and `elsewhere` are its similarities to the nearest phrasing and to the nearest sample of other subjects;
    `leaning` says which of the two kinds its words belong to; `covered` is the share of its weight in words that the
    best passage knows; `likelier` is how much likelier its words are in some passage than in all other subjects. A
    question that names Tollbar, or that is a phrasing but for case and punctuation, is certain.
    """

    nearest: float
    elsewhere: float
    leaning: float
    covered: float
    likelier: float
    is_certain: bool

    @property
    def total(self) -> float:
        """Above zero: about Tollbar. A logistic regression over the tests' sets of questions."""
        if self.is_certain:
            return math.inf
        about = 1.85 * self.nearest + 1.20 * self.leaning + 6.27 * self.covered + 0.38 * self.likelier
        return about - 2.55 * self.elsewhere - 6.08


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
    """The library, ready to be searched. Building takes some tenths of a second, a search about a millisecond."""

    def __init__(self, library: Library, folding: Folding) -> None:
        passages = library.passages
        questions = [(passage.title, *passage.phrasings) for passage in passages]
        asked = [[folding.fold(text) for text in texts] for texts in questions]
        related = [folding.fold(passage.related) for passage in passages]
        bodies = [folding.fold(passage.body) for passage in passages]
        text = FullText(map(_row, asked, related, bodies))
        stems = iter(text.stems([*chain(*asked), *map(folding.fold, library.elsewhere), *related, *bodies]))
        samples = [Sample(number, tuple(next(stems))) for number, texts in enumerate(asked) for _ in texts]
        samples += [Sample(ELSEWHERE, tuple(next(stems))) for _ in library.elsewhere]
        related_stems = [next(stems) for _ in passages]
        body_stems = [next(stems) for _ in passages]
        [faint] = text.stems([sorted(folding.faint)])

        self._passages = passages
        self._folding = folding
        self._text = text
        self._samples = samples
        self._weights = Weights(samples, related_stems, body_stems, frozenset(faint))
        self._lengths = [self._weights.length(sample.stems) for sample in samples]
        self._places = _places(samples)
        self._exact: dict[str, int] = {}
        for number, texts in enumerate(questions):
            for text in texts:
                self._exact.setdefault(spelled(text), number)

    @property
    def passages(self) -> Sequence[Passage]:
        """The passages, by their numbers."""
        return self._passages

    def search(self, question: str, nearest: Sequence[int] = ()) -> Finding:
        """The three best passages for a question; that one of its sentences is about Tollbar is evidence enough.

        `nearest` are the numbers of those that mean the same, the nearest first: they change which passages are best,
        and nothing of the evidence.
        """
        finding = self._search(question, nearest)
        sentences = [sentence for sentence in _SENTENCE.split(question[:LONGEST_QUESTION]) if sentence.strip()]
        if finding.is_answerable or len(sentences) < 2:
            return finding
        parts = [self._search(sentence) for sentence in sentences[:MOST_SENTENCES]]
        telling = max(parts, key=lambda part: part.evidence.total)
        return Finding(finding.passages, telling.evidence) if telling.is_answerable else finding

    def _search(self, question: str, nearest: Sequence[int] = ()) -> Finding:
        words = list(dict.fromkeys(self._folding.fold(question)))[:MOST_WORDS]
        [stems] = self._text.stems([words])
        length = self._weights.length(stems) or 1.0
        likeness = self._compare(stems, length)
        ranks = self._text.rank(words)
        likelihoods = self._weights.likelihood(stems)
        exact = self._exact.get(spelled(question))
        scores = [
            likeness.nearest[number]
            + _SECOND_PHRASING * likeness.second[number]
            + _BM25_SHARE * ranks.get(number, 0.0) / length
            + _BAYES_SHARE * likelihoods[number]
            + _EXACT_BONUS * (number == exact)
            for number in range(len(self._passages))
        ]
        best = sorted(range(len(scores)), key=lambda number: -scores[number])[:RANKED]
        evidence = Evidence(
            nearest=max(likeness.nearest),
            elsewhere=likeness.elsewhere,
            leaning=self._weights.leaning(stems),
            covered=self._covered(stems, best[0]),
            likelier=max(likelihoods) - self._weights.likelihood_elsewhere(stems),
            is_certain=exact is not None or OUR_NAME in words,
        )
        if nearest and exact is None:
            best = fused([number for number in best if number in ranks], nearest[:RANKED])
        return Finding(tuple(self._passages[number] for number in best[:3]), evidence)

    def _compare(self, stems: Sequence[str], length: float) -> _Likeness:
        shared: defaultdict[int, float] = defaultdict(float)
        for stem in stems:
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
        """The share of a question's weight that lies in stems that a passage knows."""
        total = sum(self._weights.weight(stem) for stem in stems)
        known = sum(self._weights.weight(stem) for stem in stems if self._weights.knows(number, stem))
        return known / total if total else 0.0


def fused(by_words: Sequence[int], by_meaning: Sequence[int]) -> list[int]:
    """Two rankings as one, by the reciprocals of ranks; words count more, since they were weighed for these pages."""
    scores: defaultdict[int, float] = defaultdict(float)
    for share, ranking in ((1.0, by_words), (_MEANING_SHARE, by_meaning)):
        for rank, number in enumerate(ranking, 1):
            scores[number] += share / (_RANK_OFFSET + rank)
    return sorted(scores, key=lambda number: -scores[number])


def _row(asked: Sequence[Sequence[str]], related: Sequence[str], body: Sequence[str]) -> tuple[str, str, str, str]:
    """Title, phrasings, related words and body of a passage."""
    title, *phrasings = asked
    return " ".join(title), " ".join(chain(*phrasings)), " ".join(related), " ".join(body)


def _places(samples: Sequence[Sample]) -> Mapping[str, Sequence[int]]:
    """Where each stem occurs."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, sample in enumerate(samples):
        for stem in set(sample.stems):
            places[stem].append(place)
    return places
