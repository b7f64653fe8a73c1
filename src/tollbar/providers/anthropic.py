"""Providers that speak Anthropic's Messages: Anthropic itself, and the servers of others that took its wire over.

It knows no vendor: address and key come with the `Instance`. A caller who speaks this wire gets the provider's own
bytes, and its `anthropic-version` and `anthropic-beta` go along with its body; for any other the request is written
anew and the answer heard as events. One attempt per call; retries are the gateway's.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import msgspec

from tollbar.domain.catalogue import Call
from tollbar.domain.errors import UpstreamFailed, UpstreamRejected
from tollbar.domain.events import StreamEvent
from tollbar.ports.clock import Clock
from tollbar.providers.faults import Peer
from tollbar.providers.openai import listed
from tollbar.providers.relayed import Relayed
from tollbar.providers.translated import Translated
from tollbar.providers.transport import Answer, Endpoint, Transport, endpoint
from tollbar.providers.vendors import Instance
from tollbar.wire import sse
from tollbar.wire.anthropic.asking import asking
from tollbar.wire.anthropic.hearing import Hearing
from tollbar.wire.anthropic.request import VERSION, WIRE, outgoing
from tollbar.wire.hearing import Passing

MOST_VARIANTS = 64
"""Sets of callers' headers that are remembered, with the request heads made for them."""
_Headers = tuple[tuple[str, str], ...]


class _Count(msgspec.Struct):
    input_tokens: int


class AnthropicProvider:
    """`ports.Provider`, and `ports.TokenCounter`, over Anthropic's wire."""

    def __init__(self, instance: Instance, transport: Transport, clock: Clock) -> None:
        peer = Peer(instance.name, instance.credential, instance.api_key)
        root = instance.base_url if instance.base_url.endswith("/v1") else f"{instance.base_url}/v1"
        headers = {"anthropic-version": VERSION, **instance.headers}
        self._messages = endpoint(peer, f"{root}/messages", headers)
        self._counting = endpoint(peer, f"{root}/messages/count_tokens", headers)
        self._models = replace(endpoint(peer, f"{root}/models", headers), url=f"{root}/models?limit=1000")
        self._variants: dict[tuple[Endpoint, _Headers], Endpoint] = {}
        self._transport = transport
        self._clock = clock

    def open(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """The answer as frames of the provider's own, or as events; see the port."""
        request, target = call.request, call.target
        if request.source.wire == WIRE:
            answer = self._post(call, self._messages, outgoing(request, target.model))
            splitter = sse.Splitter() if request.stream else None
            return Relayed(answer, Passing(Hearing(request.stream), splitter), request.stream)
        body, dropped = asking(request, target.model, target.max_output_tokens)
        return Translated(self._post(call, self._messages, body), Hearing(request.stream), request.stream, dropped)

    async def models(self) -> Sequence[str]:
        """The names that the provider lists; none when it has no list."""
        return await listed(self._transport, self._models)

    def counts_for(self, wire: str) -> bool:
        """Requests of its own wire alone; see the port."""
        return wire == WIRE

    async def count(self, call: Call) -> int:
        """What the provider counts; see the port. A server that cannot count has nothing at that address."""
        try:
            async with self._post(call, self._counting, outgoing(call.request, call.target.model)) as answer:
                return msgspec.json.decode(await answer.read(), type=_Count).input_tokens
        except UpstreamRejected as fault:
            if fault.upstream_status in {404, 405}:
                raise UpstreamFailed(fault.message, upstream_status=fault.upstream_status) from None
            raise
        except msgspec.DecodeError:
            name = self._counting.peer.name
            raise UpstreamFailed(f"{name} answered with something that is no count of tokens.") from None

    def _post(self, call: Call, to: Endpoint, body: bytes) -> Answer:
        if call.request.source.headers:
            to = self._variant(to, call.request.source.headers)
        seconds_left = call.deadline - self._clock.monotonic()
        return self._transport.post(to, body, call.target.timeouts, call.request.stream, seconds_left, call.bound)

    def _variant(self, to: Endpoint, headers: _Headers) -> Endpoint:
        known = self._variants.get((to, headers))
        if known is not None:
            return known
        if len(self._variants) >= MOST_VARIANTS:
            self._variants.clear()
        made = self._variants[to, headers] = to.with_headers(headers)
        return made
