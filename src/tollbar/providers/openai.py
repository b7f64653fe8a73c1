"""Providers that speak OpenAI's chat completions, which is nearly all of them.

It knows no vendor: address, key and deviations come with the `Instance`. A caller who speaks this wire gets the
provider's own bytes; for any other the request is written anew and the answer heard as events. One attempt per call;
retries are the gateway's. A plain answer is read to its end while the call is entered, so that a broken one can still
be retried.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec

from tollbar.domain.catalogue import Call, Timeouts
from tollbar.domain.errand import Errand
from tollbar.domain.errors import UpstreamFailed, UpstreamRejected
from tollbar.domain.events import StreamEvent
from tollbar.ports.clock import Clock
from tollbar.providers.errands import carried, passing, telling
from tollbar.providers.faults import Peer
from tollbar.providers.quirks import rewrite, rewrites_of
from tollbar.providers.relayed import Relayed
from tollbar.providers.translated import Translated
from tollbar.providers.transport import Answer, Endpoint, Transport, endpoint
from tollbar.providers.vendors import Instance
from tollbar.wire import embeddings, forwarded
from tollbar.wire.openai_chat.asking import asking
from tollbar.wire.openai_chat.hearing import Hearing
from tollbar.wire.openai_chat.relay import Relay
from tollbar.wire.openai_chat.request import WIRE, outgoing

MOST_MODELS = 10_000
LONGEST_NAME = 200


class OpenAIProvider:
    """`ports.Provider` over the OpenAI wire."""

    def __init__(self, instance: Instance, transport: Transport, clock: Clock) -> None:
        peer = self._peer = Peer(instance.name, instance.credential, instance.api_key)
        self._base_url, self._headers, self._query = instance.base_url, instance.headers, instance.query
        self._chat = endpoint(peer, f"{instance.base_url}/chat/completions", instance.headers, instance.query)
        self._models = endpoint(peer, f"{instance.base_url}/models", instance.headers, instance.query)
        self._asks_for_usage = "no_stream_usage" not in instance.vendor.quirks
        is_new = "max_completion_tokens" in instance.vendor.quirks
        self._limit_name = "max_completion_tokens" if is_new else "max_tokens"
        self._rewrites = rewrites_of(instance.vendor.quirks)
        self._transport = transport
        self._clock = clock

    def open(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """The answer as frames of the provider's own, or as events; see the port."""
        request, target = call.request, call.target
        if request.errand is not None:
            return self._run(call, request.errand)
        if request.source.wire != WIRE:
            return self._translated(call)
        ask_usage = request.stream and self._asks_for_usage and not request.wants_usage
        body = outgoing(request, target.model, ask_usage, self._limit_name)
        if self._rewrites:
            body = rewrite(body, self._rewrites)
        seconds_left = call.deadline - self._clock.monotonic()
        answer = self._transport.post(self._chat, body, target.timeouts, request.stream, seconds_left, call.bound)
        return Relayed(answer, Relay(request.stream, ask_usage), request.stream)

    def _translated(self, call: Call) -> Translated:
        request, cap = call.request, call.target.max_output_tokens
        if cap is not None and request.max_tokens is not None and request.max_tokens > cap:
            request = request._replace(max_tokens=cap)  # other dialects' clients ask for what their own models can
        ask_usage = request.stream and self._asks_for_usage
        body, dropped = asking(request, call.target.model, ask_usage, self._limit_name)
        if self._rewrites:
            body = rewrite(body, self._rewrites)
        seconds_left = call.deadline - self._clock.monotonic()
        answer = self._transport.post(self._chat, body, call.target.timeouts, request.stream, seconds_left, call.bound)
        return Translated(answer, Hearing(request.stream), request.stream, dropped)

    def _run(self, call: Call, errand: Errand) -> Translated:
        """An errand: in OpenAI's own shape it goes on as it is, and vectors are asked for in it for all others."""
        request, embedding = call.request, errand.embedding
        if request.source.wire == f"{forwarded.WIRE}{errand.path}":
            body = forwarded.outgoing(request, call.target.model)
            return carried(self._send(call, errand, body), passing(forwarded.told_in))
        if embedding is None:
            forwarded.unspoken(errand.path)
        texts = embedding.texts()
        body, dropped = embeddings.asking_openai(texts, call.target.model)
        hear = telling(embedding, embeddings.hear_openai, len(texts.inputs))
        return carried(self._send(call, errand, body), hear, dropped)

    def _send(self, call: Call, errand: Errand, body: bytes) -> Answer:
        headers = {**self._headers, "Content-Type": errand.content_type}
        to = endpoint(self._peer, f"{self._base_url}{errand.path}", headers, self._query)
        seconds_left = call.deadline - self._clock.monotonic()
        return self._transport.post(to, body, call.target.timeouts, False, seconds_left, call.bound)

    async def models(self) -> Sequence[str]:
        """The names that the provider lists; none when it has no list."""
        return await listed(self._transport, self._models)


def read_models(document: bytes) -> tuple[str, ...] | None:
    """The names in an answer to GET /models, as OpenAI and those near to it give them; None when it is no such list."""
    try:
        found: Any = msgspec.json.decode(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(found, dict):
        found = found.get("data") if "data" in found else found.get("models", ())
    if found is None:
        found = ()
    if not isinstance(found, list | tuple):
        return None
    names = (entry.get("id") or entry.get("name") for entry in found[:MOST_MODELS] if isinstance(entry, dict))
    return tuple(name for name in names if isinstance(name, str) and 0 < len(name) <= LONGEST_NAME)


async def listed(
    transport: Transport, models: Endpoint, read: Callable[[bytes], Sequence[str] | None] = read_models
) -> Sequence[str]:
    """The names in a provider's list of models, which `read` knows how to read; none when it has no list."""
    try:
        async with transport.get(models, Timeouts()) as answer:
            document = await answer.read()
    except UpstreamRejected as fault:
        if fault.upstream_status in {404, 405}:
            return ()
        raise
    names = read(document)
    if names is None:
        message = f"{models.peer.name} answered with something that is no list of models."
        raise UpstreamFailed(message, is_retryable=True)
    return names
