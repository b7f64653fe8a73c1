"""Sources in Google's words and ours."""

from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.messages import Citation
from tollbar.wire.gemini.grounding import citations, grounding_metadata

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(words, st.lists(st.tuples(words, words, st.one_of(st.none(), words), st.booleans()), max_size=3))
def test_what_is_written_is_read(said: str, sources: list[tuple[str, str, str | None, bool]]) -> None:
    """With the characters that rest on a source, where that is known; Google's own type reads it."""
    cited = [
        Citation(url, title, quote, 0 if is_known else None, len(said) if is_known else None)
        for url, title, quote, is_known in sources
    ]
    told = grounding_metadata(cited, said)
    types.GroundingMetadata.model_validate(told)
    assert list(citations({"groundingMetadata": told}, said)) == cited


def test_citations_of_old_are_read() -> None:
    """Of what was recited, with its place."""
    told = {"citationMetadata": {"citations": [{"uri": "u", "title": "t", "endIndex": 2}, {"uri": "v"}]}}
    assert list(citations(told, "éa")) == [Citation("u", "t", None, 0, 1), Citation("v")]


def test_what_makes_no_sense_is_passed_over() -> None:
    """Sources that are not there, segments that end before they begin."""
    supports = [{"segment": {"startIndex": 3, "endIndex": 1}, "groundingChunkIndices": [0, 5, "x"]}, {"segment": 5}]
    told = {
        "groundingMetadata": {"groundingChunks": [{"maps": {"uri": "u"}}, {"new": 1}], "groundingSupports": supports}
    }
    assert list(citations(told, "abc")) == [Citation("u")]
