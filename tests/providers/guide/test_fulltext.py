"""The full-text search in memory."""

from tollbar.providers.guide.fulltext import FullText

TEXT = FullText(
    [("create key", "new key", "generate", "tollbar keys create"), ("stream answer", "curl", "sse", "data done")]
)


def test_words_are_stemmed_in_order() -> None:
    """Each text keeps its words' order; forms of one word become one stem."""
    assert TEXT.stems([["retries", "calls"], [], ["calling", "retried"]]) == [["retri", "call"], [], ["call", "retri"]]


def test_stemming_leaves_nothing_behind() -> None:
    """The place for stemming is empty afterwards."""
    TEXT.stems([["first"]])
    assert TEXT.stems([["second"]]) == [["second"]]


def test_the_passage_with_the_words_ranks_first() -> None:
    """Only passages that hold a word are ranked; a word in the title counts for more than one in the body."""
    assert list(TEXT.rank(["keys"])) == [0]
    ranks = FullText([("x", "", "", "backup"), ("backup", "", "", "x"), ("y", "", "", "")]).rank(["backup"])
    assert ranks[1] > ranks[0]


def test_no_words_rank_nothing() -> None:
    """An empty question is no query."""
    assert TEXT.rank([]) == {}


def test_words_of_the_query_language_are_words() -> None:
    """What FTS5 takes for an operator is looked up as a word."""
    assert TEXT.rank(["AND", "NEAR", "NOT"]) == {}
