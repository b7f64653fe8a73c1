"""The weights of stems."""

import pytest

from tollbar.providers.guide.weights import ELSEWHERE, Sample, Weights

WEIGHTS = Weights(
    [
        Sample(0, ("key", "creat")),
        Sample(1, ("key", "revok")),
        Sample(2, ("stream", "long")),
        Sample(ELSEWHERE, ("poem", "key")),
        Sample(ELSEWHERE, ("poem", "long")),
    ],
    related=[["fresh"], ["kill"], ["sse"]],
    bodies=[["header"], ["header", "revok"], []],
    faint=frozenset({"long"}),
)


def test_a_stem_of_fewer_passages_weighs_more() -> None:
    """What tells passages apart counts, and a faint stem counts half."""
    assert WEIGHTS.weight("revok") > WEIGHTS.weight("key")
    assert WEIGHTS.weight("long") == WEIGHTS.weight("stream") / 2


def test_the_length_counts_each_stem_once() -> None:
    """A repeated stem does not lengthen a text."""
    assert WEIGHTS.length(["key"]) == pytest.approx(WEIGHTS.weight("key"))
    assert WEIGHTS.length(["key", "key"]) == WEIGHTS.length(["key"])


def test_stems_lean_to_where_they_were_seen() -> None:
    """Ours lean above zero, those of other subjects and strangers below; a stem of a body less so."""
    assert WEIGHTS.leaning(["revok"]) > 0 > WEIGHTS.leaning(["poem"])
    assert WEIGHTS.leaning(["header"]) > WEIGHTS.leaning(["zebra"])
    assert WEIGHTS.leaning([]) == 0


def test_the_likeliest_passage_has_the_words() -> None:
    """Phrasings, related words and body all count; a passage without the words is less likely."""
    by_question = {stem: WEIGHTS.likelihood([stem]) for stem in ("creat", "kill", "revok", "stream")}
    best = {stem: values.index(max(values)) for stem, values in by_question.items()}
    assert best == {"creat": 0, "kill": 1, "revok": 1, "stream": 2}


def test_other_subjects_have_a_likelihood_of_their_own() -> None:
    """What only they were asked with is likelier there, what only a passage knows less so."""
    assert WEIGHTS.likelihood_elsewhere(["poem"]) > max(WEIGHTS.likelihood(["poem"]))
    assert WEIGHTS.likelihood_elsewhere(["revok"]) < max(WEIGHTS.likelihood(["revok"]))


def test_a_passage_knows_its_own_stems() -> None:
    """Whatever it is asked with or says, and nothing else."""
    known = [stem for stem in ("key", "fresh", "header", "sse", "poem") if WEIGHTS.knows(0, stem)]
    assert known == ["key", "fresh", "header"]
