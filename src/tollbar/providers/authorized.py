"""A provider whose key is a token that has to be fetched, and fetched anew: any wire, one token after the other."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Protocol

from tollbar.domain.catalogue import Call
from tollbar.domain.errors import UpstreamFailed
from tollbar.domain.events import StreamEvent
from tollbar.ports.providers import Provider, TokenCounter


class Tokens(Protocol):
    """Where tokens come from."""

    async def current(self) -> str:
        """A token that is good now; raises UpstreamError."""
        ...


class Authorized:
    """`ports.Provider`; `make` gives the provider that sends a token, which is kept for as long as the token is."""

    def __init__(self, tokens: Tokens, make: Callable[[str], Provider]) -> None:
        self._tokens = tokens
        self._make = make
        self._made = "", make("")

    def open(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """The answer, once there is a token; see the port."""
        return _Opened(self, call)

    async def models(self) -> Sequence[str]:
        """The names that the provider lists."""
        return await (await self.inner()).models()

    def counts_for(self, wire: str) -> bool:
        """What the provider behind it says; see the port."""
        made = self._made[1]
        return isinstance(made, TokenCounter) and made.counts_for(wire)

    async def count(self, call: Call) -> int:
        """What the provider counts; see the port."""
        made = await self.inner()
        if not isinstance(made, TokenCounter):
            raise UpstreamFailed("The provider cannot count tokens.")
        return await made.count(call)

    async def inner(self) -> Provider:
        """The provider that sends the token of now."""
        token = await self._tokens.current()
        if self._made[0] != token:
            self._made = token, self._make(token)
        return self._made[1]


class _Opened:
    """One call."""

    def __init__(self, authorized: Authorized, call: Call) -> None:
        self._authorized = authorized
        self._call = call
        self._opened: AbstractAsyncContextManager[AsyncIterator[StreamEvent]] | None = None

    async def __aenter__(self) -> AsyncIterator[StreamEvent]:
        opened = (await self._authorized.inner()).open(self._call)
        events = await opened.__aenter__()
        self._opened = opened
        return events

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            await self._opened.__aexit__(kind, error, trace)
