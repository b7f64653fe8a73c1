"""Vectors of texts in Google's two shapes: how callers ask, how providers are asked and answer.

Reference: the Gemini API, `models.embedContent` and `models.batchEmbedContents`. A caller of the same shape has its
bytes passed; of any other, the newer one asks for all texts at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.errand import Embedding, Errand, Texts, Vectors
from tollbar.domain.errors import InvalidValue, MissingField
from tollbar.domain.usage import Usage
from tollbar.wire import gemini, reading
from tollbar.wire.asked import Asked
from tollbar.wire.body import Body, scan, splice
from tollbar.wire.dialect import Dialect, Incoming
from tollbar.wire.embeddings import MAX_INPUTS, OPENAI_PATH, document, vectors_of
from tollbar.wire.forwarded import Told, told_in, unspoken, usage_in
from tollbar.wire.gemini.members import Members
from tollbar.wire.gemini.request import NAMED, WORDS, spelled
from tollbar.wire.uploads import uploads_in
from tollbar.wire.writing import encoded

ONE_WIRE = "gemini, embedContent"
BATCH_WIRE = "gemini, batchEmbedContents"
_MODELLED = ("content", "outputDimensionality", "model", "requests")
_SPELLINGS = {name.casefold(): name for name in _MODELLED}
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw]).decode


def _decode(
    incoming: Incoming, wire: str, content: str, read: Callable[[Members], Texts], written: Callable[[Vectors], bytes]
) -> CompletionRequest:
    """The request; raises RequestError naming the field at fault."""
    body = scan(incoming.body)
    raw = body.value(spelled(body, _SPELLINGS).get(content, content))
    if not incoming.name:
        raise MissingField("The address names no model.", field="model")
    if raw in (None, b"null"):
        raise MissingField(f"The field {content!r} is missing.", field=content)
    if wire == BATCH_WIRE and raw is not None:
        reading.check_count({content: raw}, content, MAX_INPUTS)
    return CompletionRequest(
        model=incoming.name.removeprefix("models/"),
        source=Source(wire, body.raw, body.spans, lambda: unspoken(OPENAI_PATH)),
        max_tokens=0,
        prompt_bytes=len(raw or b""),
        errand=Errand(OPENAI_PATH, embedding=Embedding(lambda: read(Members(body.raw)), written)),
        uploads=uploads_in(body.raw, NAMED, WORDS),
    )


def _read_one(asked: Members) -> Texts:
    lost = tuple(name for name in asked if name not in _MODELLED)
    return Texts((_text(asked),), asked.whole("outputDimensionality"), lost)


def _read_batch(asked: Members) -> Texts:
    each = asked.objects("requests")
    found = [_read_one(one) for one in each]
    for one, read in zip(each, found, strict=True):
        if read.dimensions != found[0].dimensions:
            name = one.at("outputDimensionality")
            raise InvalidValue(f"{name!r} must be that of all others for this model's provider.", field=name)
    if not found:
        raise InvalidValue("'requests' must hold one request at least.", field="requests")
    lost = dict.fromkeys(name for read in found for name in read.unmodelled)
    return Texts(tuple(read.inputs[0] for read in found), found[0].dimensions, tuple(lost))


def _text(asked: Members) -> str:
    """The text whose vector is wanted; of several parts, each is a line."""
    content = asked.object("content")
    parts = content.objects("parts") if content is not None else []
    texts = [part.text("text") for part in parts if set(part) == {"text"}]
    if len(texts) < len(parts) or not texts:
        name = asked.at("content.parts")
        raise InvalidValue(f"{name!r} must hold text for this model's provider, and nothing else.", field=name)
    return "\n".join(text or "" for text in texts)


def _write_one(vectors: Vectors) -> bytes:
    return encoded({"embedding": {"values": vectors.values[0]}})


def _write_batch(vectors: Vectors) -> bytes:
    return encoded({"embeddings": [{"values": values} for values in vectors.values]})


def _dialect(wire: str, **parts: Any) -> Dialect:
    return replace(gemini.DIALECT, wire=wire, decode=partial(_decode, wire=wire, **parts))


ONE = _dialect(ONE_WIRE, content="content", read=_read_one, written=_write_one)
BATCH = _dialect(BATCH_WIRE, content="requests", read=_read_batch, written=_write_batch)


def asking_google(texts: Texts, place: str) -> Asked:
    """What asks a provider of Google's dialect; `place` is the model in its words, such as `models/a`."""
    size = {} if texts.dimensions is None else {"outputDimensionality": texts.dimensions}
    asked = [{"model": place, "content": {"parts": [{"text": text}]}, **size} for text in texts.inputs]
    return Asked(encoded({"requests": asked}), texts.unmodelled)


def outgoing_embedding(request: CompletionRequest, place: str) -> bytes:
    """The caller's body, with the model replaced wherever it is written again; all else as it came."""
    body = Body(request.source.raw, request.source.spans)
    named = msgspec.json.encode(place)
    changed = {"model": named} if "model" in body.spans else {}
    if request.source.wire == BATCH_WIRE and (raw := body.value("requests") or b"").startswith(b"["):
        changed["requests"] = b"[%b]" % b",".join(_renamed(bytes(item), named) for item in _ITEMS(raw))
    return splice(body, changed) if changed else body.raw


def hear_google(model: str, raw: bytes, count: int) -> Vectors:
    """The vectors in an answer, which names no model; raises UpstreamFailed when some are missing."""
    told = document(raw)
    found = told.get("embeddings")
    values = (
        [one.get("values") if isinstance(one, dict) else None for one in found] if isinstance(found, list) else None
    )
    return Vectors(model, vectors_of(values, count), _usage(told))


def told_by_google(raw: bytes, content_type: str) -> Told:
    """What an answer says of itself; raises UpstreamFailed when it is garbled or an error."""
    return told_in(raw, content_type)._replace(usage=_usage(document(raw)))


def _renamed(item: bytes, named: bytes) -> bytes:
    inner = scan(item)
    return splice(inner, {"model": named}) if "model" in inner.spans else item


def _usage(told: Mapping[str, Any]) -> Usage | None:
    usage = told.get("usageMetadata")
    return usage_in({"prompt_tokens": usage.get("promptTokenCount")}) if isinstance(usage, dict) else None
