"""Vectors in three shapes: what is asked, what is answered, and the one in the words of the other."""

import json
import struct
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ollama import EmbeddingsResponse, EmbedResponse
from openai.types import CreateEmbeddingResponse

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errand import Embedding, Texts, Vectors
from tollbar.domain.errors import InvalidType, InvalidValue, MissingField, RequestError, UpstreamFailed
from tollbar.domain.usage import Usage
from tollbar.wire import embeddings
from tollbar.wire.dialect import Dialect, Incoming
from tollbar.wire.embeddings import OLLAMA_EMBED, OLLAMA_EMBEDDINGS, OPENAI

floats = st.floats(-(2**20), 2**20, width=32)
made = st.lists(st.lists(floats, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3).map(tuple)


def request(dialect: Dialect, **fields: Any) -> CompletionRequest:
    """A request, read."""
    return dialect.decode(Incoming(json.dumps({"model": "m", **fields}).encode()))


def embedding(dialect: Dialect, **fields: Any) -> Embedding:
    """What it says of the vectors that it wants."""
    errand = request(dialect, **fields).errand
    assert errand is not None
    assert errand.embedding is not None
    return errand.embedding


@given(made, st.sampled_from([None, Usage(7)]))
def test_what_is_told_is_heard(values: tuple[tuple[float, ...], ...], usage: Usage | None) -> None:
    """In OpenAI's shape and Ollama's, as the SDKs' own models read them."""
    vectors = Vectors("real", values, usage)
    raw = embedding(OPENAI, input="x").written(vectors)
    CreateEmbeddingResponse.model_validate_json(raw)
    assert embeddings.hear_openai(raw, len(values)) == Vectors("real", values, usage or Usage())
    raw = embedding(OLLAMA_EMBED, input="x").written(vectors)
    EmbedResponse.model_validate_json(raw)
    assert embeddings.hear_ollama(raw, len(values)) == vectors
    raw = embedding(OLLAMA_EMBEDDINGS, prompt="x").written(vectors)
    assert tuple(EmbeddingsResponse.model_validate_json(raw).embedding) == values[0]


@given(made)
def test_packed_vectors_are_what_openai_packs(values: tuple[tuple[float, ...], ...]) -> None:
    """32-bit floats, the lowest byte first."""
    raw = embedding(OPENAI, input="x", encoding_format="base64").written(Vectors("real", values))
    packed = [b64decode(entry["embedding"]) for entry in json.loads(raw)["data"]]
    assert [struct.unpack(f"<{len(one) // 4}f", one) for one in packed] == list(values)


def test_a_number_that_cannot_be_packed_fails_the_call() -> None:
    """It is no vector."""
    with pytest.raises(UpstreamFailed):
        embedding(OPENAI, input="x", encoding_format="base64").written(Vectors("m", ((1e300,),)))


def test_what_is_asked() -> None:
    """One text or many, the length of the vectors, and what has no place."""
    asked = embedding(OPENAI, input=["a", "b"], dimensions=3, user="u", extra=1).texts()
    assert asked == Texts(("a", "b"), 3, ("extra",))
    assert embedding(OLLAMA_EMBED, input="a", truncate=True, options={}).texts() == Texts(("a",), None, ("truncate",))
    assert embedding(OLLAMA_EMBEDDINGS, prompt="a", keep_alive="5m").texts() == Texts(("a",), None, ("keep_alive",))
    body, dropped = embeddings.asking_openai(asked, "m")
    told = {"model": "m", "input": ["a", "b"], "encoding_format": "float", "dimensions": 3}
    assert (json.loads(body), dropped) == (told, ("extra",))
    body, dropped = embeddings.asking_ollama(asked, "m")
    assert (json.loads(body), dropped) == ({"model": "m", "input": ["a", "b"], "dimensions": 3}, ("extra",))
    read = request(OPENAI, input=["a"], user="u")
    assert (read.model, read.user, read.max_tokens, read.prompt_bytes) == ("m", "u", 0, 5)


@pytest.mark.parametrize(
    ("fields", "kind", "field"),
    [
        ({}, MissingField, "input"),
        ({"input": [[1]]}, InvalidValue, "input"),
        ({"input": [1, 2]}, InvalidValue, "input"),
        ({"input": []}, InvalidValue, "input"),
        ({"input": {}}, InvalidType, "input"),
        ({"input": "x", "dimensions": "many"}, InvalidType, "dimensions"),
        ({"input": "x", "Input": "y"}, InvalidValue, "Input"),
        ({"input": [""] * 10_001}, InvalidValue, "input"),
    ],
)
def test_faults_name_their_field(fields: dict[str, Any], kind: type[RequestError], field: str) -> None:
    """Tokens are a fault only where another provider would have to read them."""
    with pytest.raises(kind) as fault:
        embedding(OPENAI, **fields).texts()
    assert fault.value.field == field


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b'{"data":[{"embedding":[1]}],"embeddings":[[1]]}',
        b'{"data":5,"embeddings":[[],[1]]}',
        b'{"data":[{"embedding":["a"]},{"embedding":[1]}],"embeddings":[["a"],[1]]}',
    ],
)
def test_an_answer_that_does_not_hold_a_vector_for_each_text_is_a_failure(raw: bytes) -> None:
    """Too few, empty ones, and what is no number."""
    for hear in (embeddings.hear_openai, embeddings.hear_ollama):
        with pytest.raises(UpstreamFailed):
            hear(raw, 2)


def test_vectors_are_put_in_their_order() -> None:
    """By the index that each has."""
    raw = b'{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[1]}]}'
    assert embeddings.hear_openai(raw, 2).values == ((1.0,), (2.0,))


def test_what_ollama_tells_of_usage() -> None:
    """The tokens of the texts."""
    assert embeddings.told_by_ollama(b'{"prompt_eval_count":7}', "application/json").usage == Usage(7)
    assert embeddings.told_by_ollama(b'{"embedding":[1]}', "application/json").usage is None
