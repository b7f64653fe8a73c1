"""The pool of connections to all providers.

Guarantees: connects only where an `Endpoint` says, and never to an address that `destinations` forbids, whatever a
name resolves to; verifies certificates; follows no redirect, keeps no cookies, asks for no compression, reads no
environment. Never retries, but for one case: a pooled connection that its provider had closed while it lay idle, and
that broke before a byte of the answer.
"""

import io
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from tollbar import __version__
from tollbar.domain.catalogue import Timeouts
from tollbar.ports import Clock
from tollbar.providers.destinations import is_forbidden, is_this_machine, url_fault
from tollbar.providers.faults import Peer
from tollbar.providers.transport.answer import LARGE_BODY_BYTES, Answer, ForbiddenAddressError
from tollbar.providers.transport.limits import Limits

IDLE_SECONDS = 30.0
DNS_SECONDS = 30
READ_BUFFER_BYTES = 64 * 1024
MAX_BODY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a provider, with the headers it is sent and the name it has in messages; made by `endpoint`."""

    peer: Peer
    url: str
    headers: Mapping[str, str]
    is_local: bool


def endpoint(peer: Peer, url: str, headers: Mapping[str, str]) -> Endpoint:
    """An address to call; raises ValueError when we would never connect there."""
    if fault := url_fault(url):
        raise ValueError(f"the address of {peer.name} {fault}")
    common = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Accept-Encoding": "identity",
        "User-Agent": f"tollbar/{__version__}",
    }
    return Endpoint(peer, url, {**common, **headers}, is_this_machine(url))


class Transport:
    """Calls providers; an async context manager.

    `proxy` is for other machines than this one; `ca_file` names authorities to trust beside the system's;
    `max_body_bytes` bounds a document, not a stream.
    """

    def __init__(
        self, clock: Clock, proxy: str | None = None, ca_file: Path | None = None, max_body_bytes: int = MAX_BODY_BYTES
    ) -> None:
        self._clock = clock
        self._proxy = proxy
        self._ca_file = ca_file
        self._max_body_bytes = max_body_bytes
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        trust: ssl.SSLContext | bool = True
        if self._ca_file is not None:
            trust = ssl.create_default_context()
            trust.load_verify_locations(self._ca_file)
        connector = _Connector(
            limit=0,
            ssl=trust,
            resolver=GuardedResolver(aiohttp.ThreadedResolver()),
            keepalive_timeout=IDLE_SECONDS,
            ttl_dns_cache=DNS_SECONDS,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=READ_BUFFER_BYTES,
            request_class=_Request,
            middlewares=(_again_when_stale,),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def post(
        self, to: Endpoint, body: bytes, timeouts: Timeouts, stream: bool, seconds_left: float | None = None
    ) -> Answer:
        """The answer to a request, as a context; `stream` says which wait for the first byte holds."""
        return self._answer(to, body, Limits(timeouts, stream, self._max_body_bytes, seconds_left))

    def get(self, to: Endpoint, timeouts: Timeouts) -> Answer:
        """The answer to a question without a body, as a context."""
        return self._answer(to, None, Limits(timeouts, False, self._max_body_bytes))

    def _answer(self, to: Endpoint, body: bytes | None, limits: Limits) -> Answer:
        async def send(upload: aiohttp.UploadTracker | None) -> aiohttp.ClientResponse:
            if self._session is None:
                raise RuntimeError("the transport is not open: use it as a context")
            return await self._session.request(
                "GET" if body is None else "POST",
                to.url,
                # Large ones are written piece by piece, so that nothing else has to wait for the copying.
                data=body if body is None or len(body) <= LARGE_BODY_BYTES else io.BytesIO(body),
                headers=to.headers,
                allow_redirects=False,
                proxy=None if to.is_local else self._proxy,
                timeout=_connect_within(limits.timeouts.connect),
                upload_tracker=upload,
            )

        return Answer(send, len(body or b""), to.peer, limits, self._clock)


@lru_cache(maxsize=64)
def _connect_within(seconds: float) -> aiohttp.ClientTimeout:
    """The one time-out that is left to aiohttp. Its default for the whole call would end long streams."""
    return aiohttp.ClientTimeout(total=None, connect=seconds)


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


class _Request(aiohttp.ClientRequest):
    """A request that knows whether a connection was opened for it."""

    has_new_connection = False


class _Connector(aiohttp.TCPConnector):
    """The pool, telling a request when it gets a connection that nobody used before."""

    async def _create_connection(self, req: aiohttp.ClientRequest, *arguments: Any, **named: Any) -> Any:
        if isinstance(req, _Request):
            req.has_new_connection = True
        return await super()._create_connection(req, *arguments, **named)


async def _again_when_stale(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Sends a second time when a connection from the pool turns out to be closed, and no answer had begun.

    RFC 9112, 9.3.1 wants this care for requests that are not idempotent. On a new connection it is no stale one: then
    the provider took the request and went away, and may have worked on it.
    """
    try:
        return await send(request)
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientConnectionResetError) as error:
        has_answer_begun = isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str)
        if has_answer_begun or not isinstance(request, _Request) or request.has_new_connection:
            raise
    await request.close()
    return await send(request)
