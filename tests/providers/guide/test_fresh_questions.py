"""Questions written from the documentation alone, by people who never saw the phrasings; they are in no index."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tollbar.providers.guide.index import GuideIndex
from tollbar.providers.guide.passages import Library
from tollbar.providers.guide.words import spelled

SIZES = {"fresh": (100, 50), "second": (100, 50), "third": (30, 20), "fourth": (100, 60)}
RIGHT_AT_LEAST = 0.85
REFUSED_AT_LEAST = 0.95
MOST_COINCIDENCES = 4


@pytest.fixture(params=SIZES)
def questions(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """A set of questions, with its name."""
    file = Path(__file__).parent / f"{request.param}_questions.toml"
    return {"name": request.param, **tomllib.loads(file.read_text(encoding="utf-8"))}


def test_the_set_is_as_large_as_it_should_be(questions: Mapping[str, Any]) -> None:
    """So many questions and so many others, none of them twice."""
    on, off = questions["question"], questions["off_topic"]
    assert (len({each["text"] for each in on}), len({each["text"] for each in off})) == SIZES[questions["name"]]


def test_fresh_questions_find_their_passage(index: GuideIndex, questions: Mapping[str, Any]) -> None:
    """Answered, with the right passage among the three shown."""
    right = [each for each in questions["question"] if _is_right(index, each["text"], each["answers"])]
    assert len(right) / len(questions["question"]) >= RIGHT_AT_LEAST, len(right)


def test_what_is_not_about_tollbar_is_refused(index: GuideIndex, questions: Mapping[str, Any]) -> None:
    """The guide knows Tollbar only, and knows that."""
    answered = [each["text"] for each in questions["off_topic"] if index.search(each["text"]).is_answerable]
    assert 1 - len(answered) / len(questions["off_topic"]) >= REFUSED_AT_LEAST, answered


def test_fresh_questions_are_not_in_the_index(library: Library, questions: Mapping[str, Any]) -> None:
    """A question known by heart proves nothing; now and then two people use the same words, more would be a leak."""
    known = {spelled(text) for passage in library.passages for text in passage.phrasings}
    known |= {spelled(text) for text in library.elsewhere}
    asked = [each["text"] for each in [*questions["question"], *questions["off_topic"]]]
    assert len([text for text in asked if spelled(text) in known]) <= MOST_COINCIDENCES


def _is_right(index: GuideIndex, text: str, answers: list[str]) -> bool:
    finding = index.search(text)
    return finding.is_answerable and any(passage.name in answers for passage in finding.passages)
