"""The guide by meaning: what it learns, what it keeps, and that it is none the worse for it."""

import tomllib
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from tests.providers.guide.test_fresh_questions import RIGHT_AT_LEAST
from tests.providers.guide.test_index import PLAIN, SMALL
from tollbar.domain.errors import EngineUnavailable
from tollbar.providers.guide.index import GuideIndex, fused
from tollbar.providers.guide.meaning import Meaning
from tollbar.providers.guide.passages import Library
from tollbar.providers.guide.words import Folding, spelled

pytestmark = pytest.mark.anyio

WIDTH = 128


class Words:
    """A model whose vectors are those of the words; words that `same` pairs have one vector."""

    def __init__(self, same: dict[str, str] | None = None) -> None:
        self.model = "words"
        self.asked: list[int] = []
        self.fault: EngineUnavailable | None = None
        self._same = same or {}
        self._vectors: dict[str, np.ndarray] = {}
        self._random = np.random.default_rng(7)

    async def embed(self, texts: Sequence[str], patience: float) -> list[list[float]]:
        """The sums of the words' vectors."""
        if self.fault is not None:
            raise self.fault
        self.asked.append(len(texts))
        return [self._sum(spelled(text).split()).tolist() for text in texts]

    def _sum(self, words: Sequence[str]) -> np.ndarray:
        vectors = [self._vector(self._same.get(word, word)) for word in words]
        return np.sum([np.zeros(WIDTH), *vectors], axis=0)

    def _vector(self, word: str) -> np.ndarray:
        return self._vectors.setdefault(word, self._random.normal(size=WIDTH))


def kept(folder: Path) -> list[Path]:
    """The files of vectors."""
    return list(folder.iterdir())


async def test_words_of_one_meaning_find_the_same(tmp_path: Path) -> None:
    """A question without a word of the page finds it when the model knows that they mean the same."""
    index, model = GuideIndex(SMALL, PLAIN), Words({"gatekeeper": "proxy", "backwards": "reverse"})
    meaning = Meaning(model, tmp_path)
    assert (meaning.is_due, await meaning.nearest("backwards gatekeeper")) == (True, ())
    assert await meaning.learn(index.passages)
    assert not meaning.is_due
    nearest = await meaning.nearest("backwards gatekeeper")
    assert nearest[0] == 2
    assert index.search("stream gatekeeper").passages[0].name == "stream#usage"
    assert index.search("backwards gatekeeper", nearest).passages[0].name == "nginx#proxy"
    assert not index.search("backwards gatekeeper", nearest).is_answerable  # whether it may be answered, words decide
    assert index.search("make a new key", [2, 1, 0]).passages[0].name == "keys#create"  # known by heart


async def test_it_learns_once(tmp_path: Path) -> None:
    """What one process made another reads; another model makes its own, and what it replaces is gone."""
    model = Words()
    assert await Meaning(model, tmp_path).learn(SMALL.passages)
    assert (model.asked, len(kept(tmp_path))) == ([7], 1)
    again = Meaning(model, tmp_path)
    assert await again.learn(SMALL.passages)
    assert model.asked == [7]
    assert (await again.nearest("reverse proxy"))[0] == 2
    model.model = "other"
    assert again.is_due
    assert await again.nearest("reverse proxy") == ()  # the vectors of two models are not compared
    assert await again.learn(SMALL.passages)
    assert len(kept(tmp_path)) == 1
    kept(tmp_path)[0].write_bytes(b"half")
    assert await Meaning(model, tmp_path).learn(SMALL.passages)


async def test_without_its_model_it_goes_on_by_words(tmp_path: Path) -> None:
    """Whatever the engine says, and when there is none any more."""
    model = Words()
    meaning = Meaning(model, tmp_path)
    model.fault = EngineUnavailable("It is not installed.")
    assert (await meaning.learn(SMALL.passages), meaning.is_due) == (False, True)
    model.fault = None
    assert await meaning.learn(SMALL.passages)
    model.fault = EngineUnavailable("It ended.")
    assert await meaning.nearest("reverse proxy") == ()
    model.fault, model.model = None, ""
    assert (await meaning.nearest("reverse proxy"), meaning.is_due) == ((), False)


def test_known_questions_are_still_answered(index: GuideIndex, library: Library) -> None:
    """As large a share as is promised of words alone, though the model is a weak one, which knows words and no more.

    What is found by meaning is worked out here by numpy: the same, in a hundredth of the time.
    """
    folding = Folding((files("tollbar.providers.guide") / "vocabulary.toml").read_text(encoding="utf-8"))
    pairs = [(at, text) for at, each in enumerate(library.passages) for text in (each.title, *each.phrasings[::3])]
    counts = Counter(word for _, text in pairs for word in set(folding.fold(text)))
    vectors: dict[str, np.ndarray] = {}
    random = np.random.default_rng(7)

    def embed(text: str) -> np.ndarray:
        words = [
            vectors.setdefault(word, random.normal(size=WIDTH)) / (1 + counts[word]) for word in folding.fold(text)
        ]
        whole = np.sum([np.zeros(WIDTH), *words], axis=0)
        return whole / (np.linalg.norm(whole) or 1)

    owners, matrix = np.array([at for at, _ in pairs]), np.array([embed(text) for _, text in pairs])
    asked = tomllib.loads((Path(__file__).parent / "fresh_questions.toml").read_text(encoding="utf-8"))
    questions: list[tuple[str, list[str]]] = [(each["text"], each["answers"]) for each in asked["question"]]
    questions += [(each["text"], []) for each in asked["off_topic"][::5]]
    right = 0
    for text, answers in questions:
        nearest = np.full(len(library.passages), -1.0)
        np.maximum.at(nearest, owners, matrix @ embed(text))
        found = index.search(text, np.argsort(-nearest)[:20].tolist())
        assert found.evidence == index.search(text).evidence  # what is refused is refused
        right += found.is_answerable and any(passage.name in answers for passage in found.passages)
    assert right >= RIGHT_AT_LEAST * len(asked["question"])


def test_two_rankings_become_one() -> None:
    """Who is near the top of both comes before who is at the top of one; words outweigh meaning."""
    assert fused([1, 2, 3], [3, 4]) == [3, 1, 2, 4]
    assert fused([1, 2], []) == [1, 2]
