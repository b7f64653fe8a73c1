"""Providers that speak OpenAI's Responses, beside their chat completions or alone.

A caller who speaks this wire gets the provider's own bytes, whatever tools and state of its own the request names; for
any other the request is written anew and the answer heard as events. One attempt per call; retries are the gateway's.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager

from tollbar.domain.catalogue import Call
from tollbar.domain.events import StreamEvent
from tollbar.ports.clock import Clock
from tollbar.providers.faults import Peer
from tollbar.providers.openai import listed
from tollbar.providers.relayed import Relayed
from tollbar.providers.translated import Translated
from tollbar.providers.transport import Transport, endpoint
from tollbar.providers.vendors import Instance
from tollbar.wire import sse
from tollbar.wire.hearing import Passing
from tollbar.wire.openai_responses.asking import asking
from tollbar.wire.openai_responses.hearing import Hearing
from tollbar.wire.openai_responses.request import WIRE, outgoing


class ResponsesProvider:
    """`ports.Provider` over the Responses wire."""

    def __init__(self, instance: Instance, transport: Transport, clock: Clock) -> None:
        peer = Peer(instance.name, instance.credential, instance.api_key)
        self._responses = endpoint(peer, f"{instance.base_url}/responses", instance.headers)
        self._models = endpoint(peer, f"{instance.base_url}/models", instance.headers)
        self._name = instance.name
        self._transport = transport
        self._clock = clock

    def open(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """The answer as frames of the provider's own, or as events; see the port."""
        request, target = call.request, call.target
        is_native = request.source.wire == WIRE
        body, dropped = (
            (outgoing(request, target.model, self._name), ()) if is_native else asking(request, target.model)
        )
        seconds_left = call.deadline - self._clock.monotonic()
        answer = self._transport.post(self._responses, body, target.timeouts, request.stream, seconds_left, call.bound)
        hearing = Hearing(request.stream)
        if is_native:
            return Relayed(answer, Passing(hearing, sse.Splitter() if request.stream else None), request.stream)
        return Translated(answer, hearing, request.stream, dropped)

    async def models(self) -> Sequence[str]:
        """The names that the provider lists; none when it has no list."""
        return await listed(self._transport, self._models)
