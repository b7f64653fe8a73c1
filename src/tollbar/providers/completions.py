"""Providers that still have OpenAI's older completions beside their chats: for callers who speak that wire alone."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager

from tollbar.domain.catalogue import Call
from tollbar.domain.events import StreamEvent
from tollbar.ports.clock import Clock
from tollbar.providers.faults import Peer
from tollbar.providers.relayed import Relayed
from tollbar.providers.transport import Transport, endpoint
from tollbar.providers.vendors import Instance
from tollbar.wire.openai_chat.request import outgoing
from tollbar.wire.openai_text.relay import Relay


class CompletionsProvider:
    """`ports.Provider` over the older completions wire; it is given calls of that wire only."""

    def __init__(self, instance: Instance, transport: Transport, clock: Clock) -> None:
        peer = Peer(instance.name, instance.credential, instance.api_key)
        self._completions = endpoint(peer, f"{instance.base_url}/completions", instance.headers)
        self._asks_for_usage = "no_stream_usage" not in instance.vendor.quirks
        self._transport = transport
        self._clock = clock

    def open(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """The answer as frames of the provider's own; see the port."""
        request, target = call.request, call.target
        ask_usage = request.stream and self._asks_for_usage and not request.wants_usage
        body = outgoing(request, target.model, ask_usage)
        seconds_left = call.deadline - self._clock.monotonic()
        answer = self._transport.post(
            self._completions, body, target.timeouts, request.stream, seconds_left, call.bound
        )
        return Relayed(answer, Relay(request.stream, ask_usage), request.stream)

    async def models(self) -> Sequence[str]:
        """None of its own: the provider lists them for all its wires."""
        return ()
