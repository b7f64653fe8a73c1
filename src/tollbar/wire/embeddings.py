"""Vectors of texts, in OpenAI's shape and in the two of Ollama: how callers ask, how providers are asked and answer.

Reference: OpenAI's `/embeddings`; Ollama's `/api/embed` and its older `/api/embeddings`, of one text. A caller of the
provider's own shape has its bytes passed.
"""

import struct
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.errand import Embedding, Errand, Texts, Vectors
from tollbar.domain.errors import InvalidValue, UpstreamFailed
from tollbar.domain.usage import Usage
from tollbar.wire import ollama, openai_chat, reading
from tollbar.wire.asked import Asked
from tollbar.wire.body import Body, refuse_look_alikes, scan
from tollbar.wire.dialect import Dialect, Incoming
from tollbar.wire.forwarded import WIRE, Told, told_in, unspoken, usage_in
from tollbar.wire.writing import encoded

OPENAI_PATH = "/embeddings"
OPENAI_WIRE = f"{WIRE}{OPENAI_PATH}"
EMBED_WIRE = "ollama_embed"
EMBEDDINGS_WIRE = "ollama_embeddings"
MAX_INPUTS = 10_000
_OPENAI_FIELDS = frozenset({"model", "input", "dimensions", "encoding_format", "user"})
_EMBED_FIELDS = frozenset({"model", "input", "dimensions"})
_EMBEDDINGS_FIELDS = frozenset({"model", "prompt"})
_EMPTY = frozenset((b"null", b"false", b"{}"))


def _openai(incoming: Incoming) -> CompletionRequest:
    body = _read(incoming, _OPENAI_FIELDS, "input")
    head = reading.head(body, {"model": str, "dimensions": int, "encoding_format": str, "user": str})
    is_packed = head.get("encoding_format") == "base64"

    def texts() -> Texts:
        return Texts(_inputs(body, "input"), head.get("dimensions"), _lost(body, _OPENAI_FIELDS))

    def written(vectors: Vectors) -> bytes:
        return _openai_answer(vectors, is_packed)

    return _request(body, OPENAI_WIRE, "input", Embedding(texts, written))._replace(user=head.get("user"))


def _embed(incoming: Incoming) -> CompletionRequest:
    body = _read(incoming, _EMBED_FIELDS, "input")

    def texts() -> Texts:
        dimensions = reading.head(body, {"dimensions": int}).get("dimensions")
        return Texts(_inputs(body, "input"), dimensions, _lost(body, _EMBED_FIELDS))

    return _request(body, EMBED_WIRE, "input", Embedding(texts, _embed_answer))


def _embeddings(incoming: Incoming) -> CompletionRequest:
    body = _read(incoming, _EMBEDDINGS_FIELDS, "prompt")

    def texts() -> Texts:
        return Texts((reading.head(body, {"prompt": str})["prompt"],), None, _lost(body, _EMBEDDINGS_FIELDS))

    return _request(body, EMBEDDINGS_WIRE, "prompt", Embedding(texts, _embeddings_answer))


def _dialect(base: Dialect, wire: str, decode: Callable[[Incoming], CompletionRequest]) -> Dialect:
    return Dialect(wire, decode, base.encode, base.stream_encoder, base.encode_error, base.encode_stream_error)


OPENAI = _dialect(openai_chat.DIALECT, OPENAI_WIRE, _openai)
OLLAMA_EMBED = _dialect(ollama.CHAT, EMBED_WIRE, _embed)
OLLAMA_EMBEDDINGS = _dialect(ollama.CHAT, EMBEDDINGS_WIRE, _embeddings)


def asking_openai(texts: Texts, model: str) -> Asked:
    """What asks a provider that speaks OpenAI's shape."""
    told: dict[str, Any] = {"model": model, "input": list(texts.inputs), "encoding_format": "float"}
    return Asked(
        encoded(told if texts.dimensions is None else {**told, "dimensions": texts.dimensions}), texts.unmodelled
    )


def asking_ollama(texts: Texts, model: str) -> Asked:
    """What asks an Ollama."""
    told: dict[str, Any] = {"model": model, "input": list(texts.inputs)}
    return Asked(
        encoded(told if texts.dimensions is None else {**told, "dimensions": texts.dimensions}), texts.unmodelled
    )


def hear_openai(raw: bytes, count: int) -> Vectors:
    """The vectors in an answer of OpenAI's shape; raises UpstreamFailed when it does not hold one for each text."""
    told = document(raw)
    entries = told.get("data")
    found: dict[int, object] = {}
    for place, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            index = entry.get("index", place)
            found[index if isinstance(index, int) else place] = entry.get("embedding")
    values = [found.get(index) for index in range(count)]
    return Vectors(str(told.get("model", "")), vectors_of(values, count), usage_in(told.get("usage")))


def hear_ollama(raw: bytes, count: int) -> Vectors:
    """The vectors in an answer of Ollama's; raises UpstreamFailed when it does not hold one for each text."""
    told = document(raw)
    vectors = vectors_of(told.get("embeddings"), count)
    return Vectors(str(told.get("model", "")), vectors, _ollama_usage(told))


def told_by_ollama(raw: bytes, content_type: str) -> Told:
    """What an answer of Ollama's says of itself; raises UpstreamFailed when it is garbled or an error."""
    told = told_in(raw, content_type)
    return told._replace(usage=_ollama_usage(document(raw)))


def _read(incoming: Incoming, fields: frozenset[str], content: str) -> Body:
    body = scan(incoming.body)
    refuse_look_alikes(body, fields)
    reading.demand(body, "model", content)
    raw = body.value(content) or b""
    if raw.startswith(b"["):
        reading.check_count({content: raw}, content, MAX_INPUTS)
    return body


def _request(body: Body, wire: str, content: str, embedding: Embedding) -> CompletionRequest:
    return CompletionRequest(
        model=reading.head(body, {"model": str})["model"],
        source=Source(wire, body.raw, body.spans, lambda: unspoken(OPENAI_PATH)),
        max_tokens=0,
        prompt_bytes=len(body.value(content) or b""),
        errand=Errand(OPENAI_PATH, embedding=embedding),
    )


def _inputs(body: Body, name: str) -> tuple[str, ...]:
    """The texts; what is given as tokens cannot be told to another provider, whose vocabulary is another."""
    found = reading.member(body, name, str | list[str | int | list[int]])
    inputs = [found] if isinstance(found, str) else found or []
    texts = tuple(text for text in inputs if isinstance(text, str))
    if len(texts) < len(inputs) or not texts:
        raise InvalidValue(f"{name!r} must be text, or an array of texts, for this model's provider.", field=name)
    return texts


def _lost(body: Body, fields: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in body.spans if name not in fields and body.value(name) not in _EMPTY)


def _ollama_usage(document: Mapping[str, Any]) -> Usage | None:
    return usage_in({"prompt_tokens": document.get("prompt_eval_count")})


def document(raw: bytes) -> Mapping[str, Any]:
    """An answer as a JSON object; raises UpstreamFailed when it is none."""
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UpstreamFailed("The provider sent something that is no JSON object.", is_retryable=True)
    return found


def vectors_of(values: object, count: int) -> tuple[tuple[float, ...], ...]:
    """The vectors in a list of lists; raises UpstreamFailed when there is not one for each text."""
    try:
        vectors = msgspec.convert(values, tuple[tuple[float, ...], ...])
    except msgspec.ValidationError:
        vectors = ()
    if len(vectors) != count or not all(vectors):
        raise UpstreamFailed("The provider's answer does not hold a vector for each text.", is_retryable=True)
    return vectors


def _openai_answer(vectors: Vectors, is_packed: bool) -> bytes:
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if is_packed else vector}
        for index, vector in enumerate(vectors.values)
    ]
    tokens = vectors.usage.prompt_tokens if vectors.usage else 0
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return encoded({"object": "list", "data": data, "model": vectors.model, "usage": usage})


def _packed(vector: Sequence[float]) -> str:
    """A vector as OpenAI packs it: 32-bit floats, the lowest byte first, as base64."""
    try:
        return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except OverflowError:
        raise UpstreamFailed("The provider's vector holds a number that no vector can.") from None


def _embed_answer(vectors: Vectors) -> bytes:
    told: dict[str, Any] = {"model": vectors.model, "embeddings": vectors.values}
    return encoded({**told, "prompt_eval_count": vectors.usage.prompt_tokens} if vectors.usage else told)


def _embeddings_answer(vectors: Vectors) -> bytes:
    return encoded({"embedding": vectors.values[0]})
