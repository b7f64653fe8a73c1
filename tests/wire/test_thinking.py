"""Words for how long to think and counts of tokens stand for each other."""

import pytest

from tollbar.wire.thinking import TOKENS, effort_of, tokens_of


@pytest.mark.parametrize("word", ["none", "low", "medium", "high"])
def test_a_word_comes_back_from_its_count(word: str) -> None:
    """What was said in words and translated twice is the same word."""
    assert effort_of(TOKENS[word]) == word


@pytest.mark.parametrize(
    ("tokens", "word"), [(-1, "none"), (1, "low"), (1_025, "medium"), (8_193, "high"), (10**6, "high")]
)
def test_a_count_between_two_words_is_the_greater(tokens: int, word: str) -> None:
    """A model is given no less than was asked for, as far as words go."""
    assert effort_of(tokens) == word


def test_a_word_that_nobody_knows_has_no_count() -> None:
    """It is the provider's own, and is not guessed at."""
    assert tokens_of("ultra") is None
