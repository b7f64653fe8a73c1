"""Vectors are asked of Titan and of Cohere in their own words, and heard in all of theirs."""

import json

import pytest

from tollbar.domain.errand import Texts, Vectors
from tollbar.domain.errors import InvalidValue, UpstreamFailed
from tollbar.domain.usage import Usage
from tollbar.wire.bedrock.embedding import asking_embedding, hear_embedding

TITAN, COHERE = "amazon.titan-embed-text-v2:0", "us.cohere.embed-v4:0"


@pytest.mark.parametrize(
    ("model", "texts", "told"),
    [
        (TITAN, Texts(("a",)), {"inputText": "a"}),
        (TITAN, Texts(("a",), 256), {"inputText": "a", "dimensions": 256}),
        (COHERE, Texts(("a", "b")), {"texts": ["a", "b"], "input_type": "search_document"}),
        (COHERE, Texts(("a",), 256), {"texts": ["a"], "input_type": "search_document", "output_dimension": 256}),
    ],
)
def test_each_maker_is_asked_in_its_words(model: str, texts: Texts, told: object) -> None:
    """With the size where the caller said one."""
    assert json.loads(asking_embedding(texts, model).body) == told


def test_what_has_no_word_is_told() -> None:
    """It is left out."""
    assert asking_embedding(Texts(("a",), unmodelled=("x",)), TITAN).dropped == ("x",)


@pytest.mark.parametrize(("model", "field"), [(TITAN, "input"), ("meta.llama3", "model")])
def test_what_cannot_be_asked_is_refused_by_name(model: str, field: str) -> None:
    """More texts than a model takes, and a model that gives no vectors."""
    with pytest.raises(InvalidValue) as fault:
        asking_embedding(Texts(("a", "b")), model)
    assert fault.value.field == field


@pytest.mark.parametrize(
    ("told", "count", "usage"),
    [
        ({"embedding": [1, 0.5], "inputTextTokenCount": 3}, 1, Usage(3)),
        ({"embeddings": [[1, 0.5], [1, 0.5]], "response_type": "embeddings_floats"}, 2, None),
        ({"embeddings": {"float": [[1, 0.5]]}, "response_type": "embeddings_by_type"}, 1, None),
    ],
)
def test_vectors_are_heard(told: object, count: int, usage: Usage | None) -> None:
    """One for each text, and the tokens where they are told."""
    assert hear_embedding("m", json.dumps(told).encode(), count) == Vectors("m", ((1.0, 0.5),) * count, usage)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"embeddings": {}}', b'{"embeddings": 5}', b'{"embedding": "x"}'])
def test_an_answer_without_vectors_is_a_failure(raw: bytes) -> None:
    """It can be tried again."""
    with pytest.raises(UpstreamFailed) as fault:
        hear_embedding("m", raw, 1)
    assert fault.value.is_retryable is True
