"""How well the guide finds passages, and how well it knows what is none of its business."""

import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tollbar.providers.guide.index import Evidence, GuideIndex
from tollbar.providers.guide.passages import Library, Passage
from tollbar.providers.guide.provider import packaged_index
from tollbar.providers.guide.words import Folding

# What is promised of questions that nobody here has seen is 85 % and 95 %; these have been seen, so more is asked.
LEAST_RIGHT = 0.95
LEAST_REFUSED = 0.97

SMALL = Library(
    (
        Passage("keys", "create", "Create a key", "tollbar keys create", ("make a new key", "add a user")),
        Passage("stream", "usage", "Usage in a stream", "include_usage", ("token counts of a stream",)),
        Passage("nginx", "proxy", "Behind nginx", "proxy_buffering off", ("reverse proxy",)),
    ),
    ("write a poem", "who is the king"),
)
PLAIN = Folding('dropped = "a the is of"\nfaint = ""\n[same]\n[expressions]\n')


def names(index: GuideIndex, question: str) -> list[str]:
    """The names of the three passages that are found."""
    return [passage.name for passage in index.search(question).passages]


def test_unseen_questions_find_their_passage(index: GuideIndex, on_topic: Sequence[tuple[str, str]]) -> None:
    """At least this share is answered with the right passage among the three."""
    wrong = [
        (question, name, names(index, question))
        for name, question in on_topic
        if not index.search(question).is_answerable or name not in names(index, question)
    ]
    assert len(wrong) <= (1 - LEAST_RIGHT) * len(on_topic), wrong


def test_every_passage_is_found_by_a_question(
    for_users: Sequence[Passage], on_topic: Sequence[tuple[str, str]]
) -> None:
    """There is a question for each passage that has phrasings, and none for a passage that does not exist."""
    assert {passage.name for passage in for_users} == {name for name, _ in on_topic}


def test_questions_about_other_things_are_refused(index: GuideIndex, off_topic: Sequence[str]) -> None:
    """At least this share is recognised as none of Tollbar's business."""
    answered = [(question, names(index, question)) for question in off_topic if index.search(question).is_answerable]
    assert len(answered) <= (1 - LEAST_REFUSED) * len(off_topic), answered


def test_every_phrasing_finds_its_own_passage(index: GuideIndex, for_users: Sequence[Passage]) -> None:
    """A question that is known by heart is answered with its passage."""
    lost = [
        (text, passage.name)
        for passage in for_users
        for text in passage.phrasings[::12]
        if names(index, text)[0] != passage.name or not index.search(text).is_answerable
    ]
    assert lost == []


def test_the_nearest_passage_comes_first() -> None:
    """Words, their forms and their order decide."""
    index = GuideIndex(SMALL, PLAIN)
    assert names(index, "counting tokens in streams")[0] == "stream#usage"
    assert names(index, "proxies")[0] == "nginx#proxy"


def test_one_sentence_of_several_is_enough() -> None:
    """A question inside a longer message is found."""
    index = GuideIndex(SMALL, PLAIN)
    finding = index.search("Good day to everybody.\nI have a small flat in Rome. Make a new key!")
    assert (finding.passages[0].name, finding.is_answerable) == ("keys#create", True)


def test_a_question_that_names_tollbar_is_about_tollbar(index: GuideIndex) -> None:
    """Whoever says the name means it."""
    question = "Is {} fond of purple elephants?"
    assert index.search(question.format("Tollbar")).is_answerable
    assert not index.search(question.format("Grandma")).is_answerable


@pytest.mark.parametrize("question", ["", " \n", "🎉", "\x00\x07", "?", "是什么", "zzz qqq"])
def test_what_says_nothing_is_refused(index: GuideIndex, question: str) -> None:
    """Without a known word there is nothing to answer, though three passages are named all the same."""
    finding = index.search(question)
    assert (len(finding.passages), finding.is_answerable) == (3, False)


@pytest.mark.parametrize(
    "question", ['"', "key*", "(key", "key AND", "NEAR(key stream)", "title:key", "key'; DROP--", "^"]
)
def test_query_syntax_is_only_text(index: GuideIndex, question: str) -> None:
    """Characters that mean something to SQLite mean nothing here."""
    assert len(index.search(question).passages) == 3


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=300))
@settings(max_examples=30)
def test_any_text_is_searched(text: str) -> None:
    """No text breaks the search."""
    assert len(GuideIndex(SMALL, PLAIN).search(text).passages) == 3


def test_the_same_question_has_the_same_answer(index: GuideIndex, on_topic: Sequence[tuple[str, str]]) -> None:
    """Another index, and another order of questions, find the same with the same evidence."""
    other = packaged_index()
    questions = [question for _, question in on_topic[::10]]
    assert [other.search(question) for question in reversed(questions)] == [
        index.search(question) for question in reversed(questions)
    ]


def test_a_huge_question_is_searched_as_quickly_as_a_long_one(index: GuideIndex) -> None:
    """The time is bounded by what is read, not by what is sent."""
    huge = "how do I rotate a key? " * 5_000
    began = time.process_time()
    finding = index.search(huge)
    assert time.process_time() - began < 1
    assert finding.passages[0].name == "keys#rotate-a-key"


@pytest.mark.parametrize(
    ("evidence", "is_about_tollbar"),
    [
        (Evidence(nearest=0.9, elsewhere=0.1, leaning=1.0, covered=0.9, likelier=5.0, is_certain=False), True),
        (Evidence(nearest=0.3, elsewhere=0.6, leaning=-2.0, covered=0.3, likelier=0.0, is_certain=False), False),
        (Evidence(nearest=0.0, elsewhere=0.0, leaning=0.0, covered=0.0, likelier=0.0, is_certain=False), False),
        (Evidence(nearest=0.3, elsewhere=1.0, leaning=-2.0, covered=0.3, likelier=0.0, is_certain=True), True),
    ],
)
def test_evidence_is_weighed(evidence: Evidence, is_about_tollbar: bool) -> None:
    """What is near and known counts for a question, what is near to other subjects against it."""
    assert is_about_tollbar == (evidence.total > 0)
