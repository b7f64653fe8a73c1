"""The pool of connections to all providers.

Guarantees: connects only where an `Endpoint` says, and never to an address that `destinations` forbids, whatever a
name resolves to; verifies certificates; follows no redirect, keeps no cookies, asks for no compression, reads no
environment.
"""

import socket
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from tollbar import __version__
from tollbar.domain.catalogue import Timeouts
from tollbar.ports.clock import Clock
from tollbar.providers.destinations import is_forbidden, is_this_machine, url_fault
from tollbar.providers.faults import Peer
from tollbar.providers.transport.answer import Answer, ForbiddenAddressError
from tollbar.providers.transport.exchange import Address, Pool
from tollbar.providers.transport.limits import Limits

IDLE_SECONDS = 30.0
DNS_SECONDS = 30
MAX_BODY_BYTES = 64 * 1024 * 1024
MOST_ADDRESSES = 2_000
"""Heads that are kept: of each endpoint, and of each with headers of its callers."""
Sign = Callable[[str, str, bytes], Mapping[str, str]]
"""Makes the headers that a request has of its own, by its method, its address and its body."""


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """One address of a provider, with the headers it is sent and the name it has in messages; made by `endpoint`.

    Each is itself alone: the head of its requests is made once for it, and anew for each where they are signed.
    """

    peer: Peer
    url: str
    headers: Mapping[str, str]
    is_local: bool
    sign: Sign | None = None

    def with_headers(self, more: Iterable[tuple[str, str]]) -> "Endpoint":
        """The same address, where these headers go too; raises ValueError when called with one that is none."""
        return replace(self, headers={**self.headers, **dict(more)})


def endpoint(peer: Peer, url: str, headers: Mapping[str, str], query: str = "") -> Endpoint:
    """An address to call, with a query of ours if it has one; raises ValueError when we would never connect there."""
    if fault := url_fault(url):
        raise ValueError(f"the address of {peer.name} {fault}")
    common = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Accept-Encoding": "identity",
        "User-Agent": f"tollbar/{__version__}",
    }
    return Endpoint(peer, f"{url}?{query}" if query else url, {**common, **headers}, is_this_machine(url))


class Transport:
    """Calls providers; an async context manager.

    `proxy` is for other machines than this one; `ca_file` names authorities to trust beside the system's;
    `max_body_bytes` bounds a document, not a stream.
    """

    def __init__(
        self, clock: Clock, proxy: str | None = None, ca_file: Path | None = None, max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self._clock = clock
        self.proxy = proxy
        self.ca_file = ca_file
        self._max_body_bytes = max_body_bytes
        self._pool: Pool | None = None
        self._addresses: dict[tuple[str, Endpoint], Address] = {}

    async def __aenter__(self) -> Self:
        trust: ssl.SSLContext | bool = True
        if self.ca_file is not None:
            trust = ssl.create_default_context()
            trust.load_verify_locations(self.ca_file)
        self._pool = Pool(
            limit=0,
            ssl=trust,
            resolver=GuardedResolver(aiohttp.ThreadedResolver()),
            keepalive_timeout=IDLE_SECONDS,
            ttl_dns_cache=DNS_SECONDS,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            await self._pool.close()

    def post(
        self,
        to: Endpoint,
        body: bytes,
        timeouts: Timeouts,
        stream: bool,
        seconds_left: float | None = None,
        bound: str = "total",
    ) -> Answer:
        """The answer to a request, as a context; `stream` says which wait for the first byte holds.

        `bound` is the setting of `timeouts` that leaves `seconds_left`, for whoever runs out of them.
        """
        return self._answer(to, body, Limits(timeouts, stream, self._max_body_bytes, seconds_left, bound))

    def get(self, to: Endpoint, timeouts: Timeouts) -> Answer:
        """The answer to a question without a body, as a context."""
        limits = Limits(timeouts, False, self._max_body_bytes)
        return Answer(self._open_pool, self._address("GET", to, b""), b"", to.peer, limits, self._clock)

    def send(self, method: str, to: Endpoint, timeouts: Timeouts, body: bytes | BufferedReader = b"") -> Answer:
        """The answer to a request of any method, as a context; a body that is a file is read piece by piece.

        Raises ValueError for a file that would have to be signed.
        """
        if to.sign is not None and not isinstance(body, bytes):
            raise ValueError("a file cannot be signed before it is read")
        limits = Limits(timeouts, False, self._max_body_bytes)
        signed = body if isinstance(body, bytes) else b""
        return Answer(self._open_pool, self._address(method, to, signed), body, to.peer, limits, self._clock)

    def _answer(self, to: Endpoint, body: bytes, limits: Limits) -> Answer:
        """What a request is answered; where another kind of answer is wanted, a subclass gives it."""
        return Answer(self._open_pool, self._address("POST", to, body), body, to.peer, limits, self._clock)

    @property
    def _open_pool(self) -> Pool:
        if self._pool is None:
            raise RuntimeError("the transport is not open: use it as a context")
        return self._pool

    def _address(self, method: str, to: Endpoint, body: bytes) -> Address:
        """The address of an endpoint, made once for as long as there are not too many; of a signed one, made anew."""
        if to.sign is not None:
            return self._made(method, to, {**to.headers, **to.sign(method, to.url, body)})
        known = self._addresses.get((method, to))
        if known is not None:
            return known
        made = self._made(method, to, to.headers)
        if len(self._addresses) >= MOST_ADDRESSES:
            self._addresses.clear()
        self._addresses[method, to] = made
        return made

    def _made(self, method: str, to: Endpoint, headers: Mapping[str, str]) -> Address:
        return Address(method, to.url, headers, None if to.is_local else self.proxy)


class GuardedResolver(AbstractResolver):
    """Looks names up, and leaves out the addresses that we never connect to."""

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The allowed addresses of a name; raises ForbiddenAddressError when it has others only."""
        found = await self._inner.resolve(host, port, family)
        allowed = [result for result in found if not is_forbidden(result["host"])]
        if found and not allowed:
            raise ForbiddenAddressError("the name stands for an address that is never a provider")
        return allowed

    async def close(self) -> None:
        """Lets go of what the inner resolver holds."""
        await self._inner.close()
