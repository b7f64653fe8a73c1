"""Vectors of texts as Vertex AI has them."""

import json

import pytest

from tollbar.domain.errand import Texts, Vectors
from tollbar.domain.errors import UpstreamFailed
from tollbar.domain.usage import Usage
from tollbar.wire.gemini.predicting import asking_vertex, hear_vertex


def a_prediction(*values: float, **statistics: object) -> dict[str, object]:
    """One of them."""
    return {"embeddings": {"values": values, "statistics": statistics}}


def test_each_text_is_an_instance() -> None:
    """How long a vector shall be holds for all of them."""
    asked = asking_vertex(Texts(("a", "b"), 3, ("user",)))
    assert json.loads(asked.body) == {
        "instances": [{"content": "a"}, {"content": "b"}],
        "parameters": {"autoTruncate": False, "outputDimensionality": 3},
    }
    assert asked.dropped == ("user",)
    assert json.loads(asking_vertex(Texts(("a",))).body)["parameters"] == {"autoTruncate": False}


def test_each_vector_is_a_prediction() -> None:
    """With its tokens, which are summed where all are told."""
    told = {"predictions": [a_prediction(1, 2, token_count=3.0), a_prediction(3, 4, token_count=4)]}
    expected = Vectors("m", ((1.0, 2.0), (3.0, 4.0)), Usage(7))
    assert hear_vertex("m", json.dumps(told).encode(), 2) == expected
    told["predictions"][1] = a_prediction(3, 4)
    assert hear_vertex("m", json.dumps(told).encode(), 2).usage is None


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"predictions":1}', b'{"predictions":[]}', b'{"predictions":[{"embeddings":[]}]}']
)
def test_an_answer_without_a_vector_for_each_is_none(raw: bytes) -> None:
    """Whatever it is."""
    with pytest.raises(UpstreamFailed):
        hear_vertex("m", raw, 1)
