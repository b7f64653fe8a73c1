"""What answers calls, counts their tokens, and keeps things for callers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from io import BufferedReader
from typing import Protocol, runtime_checkable

from tollbar.domain.catalogue import Call, Target
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.events import StreamEvent
from tollbar.domain.usage import Tally


class Provider(Protocol):
    """One configured upstream."""

    def open(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[StreamEvent]]:
        """The answer to `call` as a stream of events; the connection is given up when the context is left.

        Entering raises `UpstreamError` when the provider cannot be reached or answers with an error; iterating raises
        `StreamBroken` or `UpstreamTimeout`. It makes one attempt and never retries. Not promised: that the first event
        carries content, that usage is reported, or that the iteration ends with every choice finished.
        """
        ...

    async def models(self) -> Sequence[str]:
        """The names the upstream says it serves; raises `UpstreamError`."""
        ...


@runtime_checkable
class TokenCounter(Protocol):
    """What a provider can besides: count the tokens of a request without answering it."""

    def counts_for(self, wire: str) -> bool:
        """Whether it can count requests of that dialect."""
        ...

    async def count(self, call: Call) -> int:
        """The tokens that the target's model would read; raises `UpstreamError`."""
        ...


class Tokenizer(Protocol):
    """What counts the tokens of requests here, for models whose vocabulary is at hand."""

    async def tally(self, request: CompletionRequest, target: Target) -> Tally | None:
        """What the target's model would read, as the provider documents it; None where that cannot be told here.

        Not promised: that it can be told the next time as well, for it is given up when it takes too long.
        """
        ...


class Delivery(Protocol):
    """What a provider gives out of what it keeps."""

    content_type: str

    async def read(self) -> bytes:
        """All of it, where that is a document; raises `UpstreamError`."""
        ...

    async def read_chunk(self) -> bytes:
        """The next of it, b"" at the end; raises `UpstreamError`."""
        ...


class Storehouse(Protocol):
    """What a provider can besides: keep things for callers, each at an address of its own."""

    def ask(
        self, method: str, path: str, body: bytes | BufferedReader = b"", content_type: str = ""
    ) -> AbstractAsyncContextManager[Delivery]:
        """What it answers at an address below its own; entering raises `UpstreamError`."""
        ...
