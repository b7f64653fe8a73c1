"""Folding of questions into the words that carry their meaning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.providers.guide.words import DEFINING, LONGEST_QUESTION, Folding, spelled

FOLDING = Folding(
    """
    dropped = "the a how do i"
    faint = "good"
    [same]
    key = "keys credential"
    [expressions]
    key = "api key, api keys"
    ratelimit = "rate limit"
    rate = "rate limit of"
    """
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("How do I delete the keys?", ["delete", "key"]),
        ("API-Keys, api_key; CREDENTIAL!", ["key", "key", "key", "apikey"]),
        ("Ünïcode ﬁle", ["unicode", "file"]),
        ("x-request-id / 429", ["x", "request", "id", "429", "xrequestid"]),
        ("", []),
        ("?!… 🎉", []),
    ],
)
def test_a_text_is_folded(text: str, words: list[str]) -> None:
    """Case, accents, punctuation, synonyms and words without meaning make no difference."""
    assert words == FOLDING.fold(text)


def test_the_longest_expression_is_read() -> None:
    """Where two expressions begin alike, the longer one counts."""
    assert FOLDING.fold("rate limit of x") == ["rate", "x"]
    assert FOLDING.fold("rate limit x") == ["ratelimit", "x"]


@pytest.mark.parametrize("text", ["What is Docker?", "what's docker", "Explain Docker", "How does Docker work?"])
def test_a_question_for_a_definition_is_marked(text: str) -> None:
    """A question about what something is carries a word for that; a question about using it does not."""
    assert DEFINING in FOLDING.fold(text)
    assert DEFINING not in FOLDING.fold("How do I run Docker?")


def test_a_long_text_is_read_up_to_its_bound() -> None:
    """What comes after the bound is not read."""
    assert "end" not in FOLDING.fold("x" * LONGEST_QUESTION + " end")


@pytest.mark.parametrize(("text", "same"), [("Who are you?", "who ARE you"), ("/v1/me", "v1 me!"), ("é", "e")])
def test_texts_that_sound_the_same_are_spelled_the_same(text: str, same: str) -> None:
    """Case, accents and punctuation are no part of the spelling."""
    assert spelled(text) == spelled(same)


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_any_text_gives_plain_words(text: str) -> None:
    """Whatever the text, lone surrogates and control characters included, the words are letters and digits."""
    words = FOLDING.fold(text)
    assert all(word.isalnum() for word in words)
    assert " ".join(words).encode().decode() == " ".join(words)
