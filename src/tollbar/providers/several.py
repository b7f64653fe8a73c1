"""One provider that speaks several wires: each caller is served in his own where it has that, else in its usual one."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from tollbar.domain.catalogue import Call
from tollbar.domain.events import StreamEvent
from tollbar.ports.providers import Provider


class SeveralWires:
    """`ports.Provider` over others of the same instance, chosen by the caller's wire."""

    def __init__(self, usual: Provider, others: Mapping[str, Provider]) -> None:
        self._usual = usual
        self._others = others

    def open(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """The answer of the provider that speaks the caller's wire; see the port."""
        return self._others.get(call.request.source.wire, self._usual).open(call)

    async def models(self) -> Sequence[str]:
        """The names that the provider lists."""
        return await self._usual.models()
