"""Vectors in Google's two shapes: what is asked, what is answered, and what goes on as it came."""

import json
from typing import Any

import pytest
from google.genai.types import EmbedContentResponse
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errand import Embedding, Texts, Vectors
from tollbar.domain.errors import InvalidType, InvalidValue, MissingField, RequestError, UpstreamFailed
from tollbar.domain.usage import Usage
from tollbar.wire.dialect import Dialect, Incoming
from tollbar.wire.gemini.embedding import (
    BATCH,
    ONE,
    asking_google,
    hear_google,
    outgoing_embedding,
    told_by_google,
)

floats = st.floats(-(2**20), 2**20, width=32)
made = st.lists(st.lists(floats, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3).map(tuple)


def content(*texts: str) -> dict[str, Any]:
    """A content of so many parts."""
    return {"content": {"parts": [{"text": text} for text in texts]}}


def request(dialect: Dialect, told: Any, name: str = "models/m") -> CompletionRequest:
    """A request, read."""
    return dialect.decode(Incoming(json.dumps(told).encode(), name=name))


def embedding(dialect: Dialect, told: Any) -> Embedding:
    """What it says of the vectors that it wants."""
    errand = request(dialect, told).errand
    assert errand is not None
    assert errand.embedding is not None
    return errand.embedding


@given(made)
def test_what_is_told_is_heard(values: tuple[tuple[float, ...], ...]) -> None:
    """As the SDK's own model reads it."""
    raw = embedding(BATCH, {"requests": []}).written(Vectors("m", values))
    EmbedContentResponse.model_validate_json(raw)
    assert hear_google("m", raw, len(values)) == Vectors("m", values)
    assert json.loads(embedding(ONE, content("a")).written(Vectors("m", values))) == {
        "embedding": {"values": list(values[0])}
    }


@given(st.lists(st.text(), min_size=1, max_size=3).map(tuple), st.sampled_from([None, 3]))
def test_what_is_asked_is_read(inputs: tuple[str, ...], size: int | None) -> None:
    """A request of ours, read as a caller's, asks for the same."""
    body, dropped = asking_google(Texts(inputs, size, ("user",)), "models/m")
    read = BATCH.decode(Incoming(body, name="m"))
    assert read.errand is not None
    assert read.errand.embedding is not None
    assert (read.errand.embedding.texts(), dropped) == (Texts(inputs, size), ("user",))


def test_what_callers_ask() -> None:
    """Parts are lines, either spelling is read, knobs are named."""
    asked = {**content("a", "b"), "output_dimensionality": 3, "taskType": "RETRIEVAL_QUERY", "model": "models/m"}
    assert embedding(ONE, asked).texts() == Texts(("a\nb",), 3, ("taskType",))
    assert embedding(BATCH, {"requests": [asked, asked]}).texts() == Texts(("a\nb", "a\nb"), 3, ("taskType",))
    read = request(ONE, content("a"))
    assert (read.model, read.max_tokens, read.prompt_bytes) == ("m", 0, len(b'{"parts": [{"text": "a"}]}'))


@pytest.mark.parametrize(
    ("dialect", "told", "kind", "field"),
    [
        (ONE, {}, MissingField, "content"),
        (ONE, {"content": None}, MissingField, "content"),
        (ONE, {"content": "a"}, InvalidType, "content"),
        (ONE, {"content": {}}, InvalidValue, "content.parts"),
        (ONE, {"content": {"parts": [{"inlineData": {}}]}}, InvalidValue, "content.parts"),
        (ONE, {**content("a"), "Content": 1}, InvalidValue, "Content"),
        (BATCH, {}, MissingField, "requests"),
        (BATCH, {"requests": []}, InvalidValue, "requests"),
        (BATCH, {"requests": [{}]}, InvalidValue, "requests[0].content.parts"),
        (BATCH, {"requests": [{}] * 10_001}, InvalidValue, "requests"),
        (
            BATCH,
            {"requests": [content("a"), {**content("b"), "outputDimensionality": 3}]},
            InvalidValue,
            "requests[1].outputDimensionality",
        ),
    ],
)
def test_faults_name_their_field(dialect: Dialect, told: Any, kind: type[RequestError], field: str) -> None:
    """What no other provider could be told is a fault only before such a one."""
    with pytest.raises(kind) as fault:
        embedding(dialect, told).texts()
    assert fault.value.field == field


def test_an_address_without_a_model_is_a_fault() -> None:
    """There is no other place for it."""
    with pytest.raises(MissingField):
        request(ONE, content("a"), "")


@given(st.binary() | st.recursive(st.none() | st.text(), st.lists).map(lambda told: json.dumps(told).encode()))
def test_garbage_raises_errors_of_ours(raw: bytes) -> None:
    """Whoever sends it."""
    for dialect in (ONE, BATCH):
        with pytest.raises(RequestError):
            dialect.decode(Incoming(raw, name="m"))
    for body in (b'{"requests": %b}' % raw, b'{"content": %b}' % raw):
        try:
            asked = (BATCH if b"requests" in body[:12] else ONE).decode(Incoming(body, name="m"))
            outgoing_embedding(asked, "models/m")
            assert asked.errand is not None
            assert asked.errand.embedding is not None
            asked.errand.embedding.texts()
        except RequestError:
            pass
    with pytest.raises(UpstreamFailed):
        hear_google("m", raw, 2)


def test_only_the_model_is_changed_on_the_way() -> None:
    """Wherever it is written; all else stays as it came."""
    raw = b'{ "model": "models/mine", "content": {"parts":[{"text": "a"}]}, "future": 1.50 }'
    asked = ONE.decode(Incoming(raw, name="mine"))
    assert outgoing_embedding(asked, "models/real") == raw.replace(b"mine", b"real")
    raw = b'{"requests": [{ "content": {},"model":"models/mine" },{"content": 5}], "future": 1.50}'
    asked = BATCH.decode(Incoming(raw, name="mine"))
    assert json.loads(outgoing_embedding(asked, "models/real")) == json.loads(raw.replace(b"mine", b"real"))
    raw = b'{"requests": {"content": {}}}'
    assert outgoing_embedding(BATCH.decode(Incoming(raw, name="mine")), "models/real") == raw


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"embeddings":5}', b'{"embeddings":[{"values":[1]},5]}'])
def test_an_answer_that_does_not_hold_a_vector_for_each_text_is_a_failure(raw: bytes) -> None:
    """Too few, and what is no vector."""
    with pytest.raises(UpstreamFailed):
        hear_google("m", raw, 2)


def test_what_an_answer_tells_of_usage() -> None:
    """The tokens of the texts, where it tells them."""
    raw = b'{"embedding":{"values":[1]},"usageMetadata":{"promptTokenCount":7}}'
    assert told_by_google(raw, "application/json").usage == Usage(7)
    assert told_by_google(b'{"embedding":{"values":[1]}}', "application/json").usage is None
