"""Providers that speak Ollama's own wire: its servers, on this machine or another, and its cloud.

A caller of the same endpoint gets the provider's own bytes; for any other the request is written anew as a chat and
the answer heard as events. One attempt per call; retries are the gateway's.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager

from tollbar.domain.catalogue import Call, Timeouts
from tollbar.domain.errand import Errand
from tollbar.domain.errors import UpstreamFailed
from tollbar.domain.events import StreamEvent
from tollbar.ports.clock import Clock
from tollbar.providers.errands import carried, passing, telling
from tollbar.providers.faults import Peer
from tollbar.providers.openai import read_models
from tollbar.providers.relayed import Relayed
from tollbar.providers.translated import Translated
from tollbar.providers.transport import Answer, Endpoint, Transport, endpoint
from tollbar.providers.vendors import Instance
from tollbar.wire import embeddings, ndjson
from tollbar.wire.forwarded import unspoken
from tollbar.wire.hearing import Passing
from tollbar.wire.ollama.asking import asking
from tollbar.wire.ollama.hearing import Hearing
from tollbar.wire.ollama.request import CHAT_WIRE, GENERATE_WIRE, outgoing


class OllamaProvider:
    """`ports.Provider` over Ollama's wire."""

    def __init__(self, instance: Instance, transport: Transport, clock: Clock) -> None:
        peer = Peer(instance.name, instance.credential, instance.api_key)
        base = instance.base_url.removesuffix("/api")
        self._chat = endpoint(peer, f"{base}/api/chat", instance.headers)
        self._own = {CHAT_WIRE: self._chat, GENERATE_WIRE: endpoint(peer, f"{base}/api/generate", instance.headers)}
        self._embed = endpoint(peer, f"{base}/api/embed", instance.headers)
        embeds = endpoint(peer, f"{base}/api/embeddings", instance.headers)
        self._own_embeds = {embeddings.EMBED_WIRE: self._embed, embeddings.EMBEDDINGS_WIRE: embeds}
        self._tags = endpoint(peer, f"{base}/api/tags", instance.headers)
        self._transport = transport
        self._clock = clock

    def open(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """The answer as lines of the provider's own, or as events; see the port."""
        request, stream = call.request, call.request.stream
        if request.errand is not None:
            return self._run(call, request.errand)
        own = self._own.get(request.source.wire)
        if own is None:
            body, dropped = asking(request, call.target.model)
            return Translated(self._post(self._chat, body, call), Hearing(stream), stream, dropped)
        answer = self._post(own, outgoing(request, call.target.model), call)
        return Relayed(answer, Passing(Hearing(stream), ndjson.Splitter() if stream else None), stream)

    def _run(self, call: Call, errand: Errand) -> Translated:
        """Vectors, in Ollama's own shapes as they are, for all others in the newer one; no other errand is run."""
        own, embedding = self._own_embeds.get(call.request.source.wire), errand.embedding
        if own is not None:
            answer = self._post(own, outgoing(call.request, call.target.model), call)
            return carried(answer, passing(embeddings.told_by_ollama))
        if embedding is None:
            unspoken(errand.path)
        texts = embedding.texts()
        body, dropped = embeddings.asking_ollama(texts, call.target.model)
        hear = telling(embedding, embeddings.hear_ollama, len(texts.inputs))
        return carried(self._post(self._embed, body, call), hear, dropped)

    def _post(self, to: Endpoint, body: bytes, call: Call) -> Answer:
        seconds_left = call.deadline - self._clock.monotonic()
        return self._transport.post(to, body, call.target.timeouts, call.request.stream, seconds_left, call.bound)

    async def models(self) -> Sequence[str]:
        """The names of the models that the server has."""
        async with self._transport.get(self._tags, Timeouts()) as answer:
            document = await answer.read()
        names = read_models(document)
        if names is None:
            name = self._tags.peer.name
            raise UpstreamFailed(f"{name} answered with something that is no list of models.", is_retryable=True)
        return names
