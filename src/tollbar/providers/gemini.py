"""Providers that speak Google's `generateContent`: the Gemini API, and Gemini on Vertex AI.

It knows no vendor: address and key come with the `Instance`; the model stands in the address of each call. A caller who
speaks this dialect gets the provider's own bytes; for any other the request is written anew and the answer heard as
events. One attempt per call; retries are the gateway's.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, NamedTuple

import msgspec

from tollbar.domain.catalogue import Call
from tollbar.domain.errand import Errand
from tollbar.domain.errors import InvalidValue, UpstreamFailed
from tollbar.domain.events import StreamEvent
from tollbar.ports.clock import Clock
from tollbar.providers.errands import carried, passing, telling
from tollbar.providers.faults import Peer
from tollbar.providers.openai import listed
from tollbar.providers.relayed import Passing as Relay
from tollbar.providers.relayed import Relayed
from tollbar.providers.translated import Translated
from tollbar.providers.transport import Answer, Transport, endpoint
from tollbar.providers.transport.pool import Endpoint
from tollbar.providers.vendors import Instance
from tollbar.wire.forwarded import unspoken
from tollbar.wire.gemini.array import ArrayPassing
from tollbar.wire.gemini.asking import asking
from tollbar.wire.gemini.embedding import (
    BATCH_WIRE,
    ONE_WIRE,
    asking_google,
    hear_google,
    outgoing_embedding,
    told_by_google,
)
from tollbar.wire.gemini.hearing import Hearing
from tollbar.wire.gemini.predicting import asking_vertex, hear_vertex
from tollbar.wire.gemini.request import ARRAY_WIRE, WIRE, outgoing, outgoing_counting
from tollbar.wire.hearing import Passing
from tollbar.wire.sse import Splitter

MOST_MODELS = 10_000
MOST_REMEMBERED = 256
PREDICT = "predict"
"""What of a vendor's `also` says that it has vectors by Vertex AI's address for them."""
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,199}"
_MODEL = re.compile(rf"{_PART}(?:/{_PART}){{0,7}}")
_COLLECTIONS = ("models/", "tunedModels/", "publishers/", "endpoints/")


class _Count(msgspec.Struct, rename="camel"):
    total_tokens: int = 0


class _Doors(NamedTuple):
    """The addresses of a model."""

    whole: Endpoint
    stream: Endpoint
    count: Endpoint
    place: str
    embed: Endpoint
    embed_batch: Endpoint
    predict: Endpoint


class GeminiProvider:
    """`ports.Provider`, and `ports.TokenCounter`, over Google's wire."""

    def __init__(self, instance: Instance, transport: Transport, clock: Clock) -> None:
        self._instance = instance
        self._peer = Peer(instance.name, instance.credential, instance.api_key)
        self._models = endpoint(self._peer, f"{instance.base_url}/models", instance.headers, "pageSize=1000")
        self._predicts = PREDICT in instance.vendor.also
        self._doors: dict[str, _Doors] = {}
        self._transport = transport
        self._clock = clock

    def open(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """The answer as frames of the provider's own, or as events; see the port."""
        request, target = call.request, call.target
        stream, wire = request.stream, request.source.wire
        if request.errand is not None:
            return self._run(call, request.errand)
        dropped: tuple[str, ...] = ()
        if wire in (WIRE, ARRAY_WIRE):
            body = outgoing(request, target.model)
        else:
            body, dropped = asking(request, target.model)
        doors = self._of(target.model)
        to = doors.stream if stream else doors.whole
        answer = self._send(to, body, call)
        if wire not in (WIRE, ARRAY_WIRE):
            return Translated(answer, Hearing(stream), stream, dropped)
        passing = Passing(Hearing(stream, passes=True), Splitter() if stream else None)
        relay: Relay = ArrayPassing(passing) if stream and wire == ARRAY_WIRE else passing
        return Relayed(answer, relay, stream)

    def _run(self, call: Call, errand: Errand) -> Translated:
        """Vectors, in Google's own shapes as they are, for all others many at once; no other errand is run."""
        wire, doors, embedding = call.request.source.wire, self._of(call.target.model), errand.embedding
        if wire in (ONE_WIRE, BATCH_WIRE) and not self._predicts:
            to = doors.embed if wire == ONE_WIRE else doors.embed_batch
            return carried(self._send(to, outgoing_embedding(call.request, doors.place), call), passing(told_by_google))
        if embedding is None:
            unspoken(errand.path)
        texts = embedding.texts()
        to, (body, dropped), read = doors.embed_batch, asking_google(texts, doors.place), hear_google
        if self._predicts:
            to, (body, dropped), read = doors.predict, asking_vertex(texts), hear_vertex
        hear = telling(embedding, partial(read, call.target.model), len(texts.inputs))
        return carried(self._send(to, body, call), hear, dropped)

    def _send(self, to: Endpoint, body: bytes, call: Call) -> Answer:
        seconds_left = call.deadline - self._clock.monotonic()
        return self._transport.post(to, body, call.target.timeouts, call.request.stream, seconds_left, call.bound)

    async def models(self) -> Sequence[str]:
        """The names that the provider lists; none when it has no list."""
        return await listed(self._transport, self._models, read_models)

    def counts_for(self, wire: str) -> bool:
        """Requests of its own wire alone; see the port."""
        return wire == WIRE

    async def count(self, call: Call) -> int:
        """What the provider counts; see the port."""
        body = outgoing_counting(call.request, call.target.model)
        try:
            async with self._send(self._of(call.target.model).count, body, call) as answer:
                return msgspec.json.decode(await answer.read(), type=_Count).total_tokens
        except msgspec.DecodeError:
            raise UpstreamFailed(f"{self._peer.name} answered with something that is no count of tokens.") from None

    def _of(self, model: str) -> _Doors:
        """Where a model is called; raises InvalidValue for a name that would lead elsewhere."""
        known = self._doors.get(model)
        if known is not None:
            return known
        if not _MODEL.fullmatch(model) or ".." in model:
            raise InvalidValue(f"{model[:100]!r} cannot be the name of a model of Google's.", field="model")
        place = model if model.startswith(_COLLECTIONS) else f"models/{model}"
        url, headers = f"{self._instance.base_url}/{place}", self._instance.headers
        doors = _Doors(
            endpoint(self._peer, f"{url}:generateContent", headers),
            endpoint(self._peer, f"{url}:streamGenerateContent", headers, "alt=sse"),
            endpoint(self._peer, f"{url}:countTokens", headers),
            place,
            endpoint(self._peer, f"{url}:embedContent", headers),
            endpoint(self._peer, f"{url}:batchEmbedContents", headers),
            endpoint(self._peer, f"{url}:predict", headers),
        )
        if len(self._doors) >= MOST_REMEMBERED:  # names come from callers, too
            self._doors.clear()
        self._doors[model] = doors
        return doors


def read_models(document: bytes) -> tuple[str, ...] | None:
    """The names in an answer to GET /models, without what they are in; None when it is no such list."""
    try:
        found: Any = msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    entries = found.get("models", found.get("publisherModels", ())) if isinstance(found, dict) else None
    if not isinstance(entries, list | tuple):
        return None
    names = (entry.get("name") for entry in entries[:MOST_MODELS] if isinstance(entry, dict))
    return tuple(name.removeprefix("models/") for name in names if isinstance(name, str) and _MODEL.fullmatch(name))
