"""Questions written from the documentation alone, by somebody who never saw the phrasings; they are in no index."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tollbar.providers.guide.index import GuideIndex
from tollbar.providers.guide.provider import packaged_index

QUESTIONS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "fresh_questions.toml").read_text(encoding="utf-8"))
RIGHT_AT_LEAST = 0.85
REFUSED_AT_LEAST = 0.95


@pytest.fixture(scope="module")
def index() -> GuideIndex:
    """The index over the packaged documentation."""
    return packaged_index()


def test_the_set_is_as_large_as_it_should_be() -> None:
    """A hundred questions and fifty others, none of them twice."""
    on, off = QUESTIONS["question"], QUESTIONS["off_topic"]
    assert (len({each["text"] for each in on}), len({each["text"] for each in off})) == (100, 50)


def test_fresh_questions_find_their_passage(index: GuideIndex) -> None:
    """Answered, with the right passage among the three shown."""
    right = [each for each in QUESTIONS["question"] if _is_right(index, each["text"], each["answers"])]
    assert len(right) / len(QUESTIONS["question"]) >= RIGHT_AT_LEAST, len(right)


def test_what_is_not_about_tollbar_is_refused(index: GuideIndex) -> None:
    """The guide knows Tollbar only, and knows that."""
    answered = [each["text"] for each in QUESTIONS["off_topic"] if index.search(each["text"]).is_answerable]
    assert 1 - len(answered) / len(QUESTIONS["off_topic"]) >= REFUSED_AT_LEAST, answered


def _is_right(index: GuideIndex, text: str, answers: list[str]) -> bool:
    finding = index.search(text)
    return finding.is_answerable and any(passage.name in answers for passage in finding.passages)
