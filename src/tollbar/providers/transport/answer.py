"""One answer of a provider while it is read.

Guarantees: entered when its status is 200 and its content can be what was asked for; every failure is an UpstreamError;
time-outs hold whichever task reads. Leaving the context gives the connection back to the pool when the answer was read
to its end, and closes it at once otherwise.
"""

import asyncio
import io
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.client_proto import ResponseHandler

from tollbar.domain.catalogue import Timeouts
from tollbar.domain.errors import StreamBroken, UpstreamError, UpstreamFailed, UpstreamMisconfigured, UpstreamTimeout
from tollbar.ports.clock import Clock
from tollbar.providers.faults import Peer, from_status, read
from tollbar.providers.transport.exchange import Address, Outgoing, Pool, Received, exchange
from tollbar.providers.transport.limits import Limits

MAX_ERROR_BYTES = 64 * 1024
ERROR_BODY_SECONDS = 5.0
# A request up to this size fits into the socket's buffers, so that sending it neither stalls nor takes long.
LARGE_BODY_BYTES = 64 * 1024
HEADERS = (
    *("content-type", "retry-after", "retry-after-ms", "x-request-id", "request-id"),
    *("x-amzn-requestid", "x-amzn-errortype"),
)
"""What a refusal may say about itself."""


Body = bytes | io.BufferedReader
NO_HEADERS: Mapping[str, str] = {}


class ForbiddenAddressError(OSError):
    """A name stands for an address that we never connect to."""


class Answer:
    """What a provider answers, as a context; entering it raises UpstreamError."""

    def __init__(self, pool: Pool, address: Address, body: Body, peer: Peer, limits: Limits, clock: Clock) -> None:
        self._pool = pool
        self._address = address
        self._body = body
        self._peer = peer
        self._limits = limits
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._first_byte_at = now + limits.first_byte_seconds
        self._ends_at = now + limits.total_seconds
        self._response: Received | aiohttp.ClientResponse | None = None
        self._content: aiohttp.StreamReader = aiohttp.EMPTY_PAYLOAD
        self._waiting_since: float | None = None
        self._asked: ResponseHandler | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stall: _Stall | None = None
        self._late: UpstreamTimeout | None = None
        self.content_type = ""

    async def __aenter__(self) -> Self:
        self._response = await self._head()
        self._content = self._response.content
        self._body = b""  # which nobody needs while a long stream runs
        try:
            if self._response.status != 200:
                raise await self._refusal(self._response.status)
            kind = self.content_type = self._response.headers.get("content-type", "")
            if not kind.startswith("text/event-stream" if self._limits.is_stream else "application/json"):
                await self._check_content(kind)
        except BaseException:
            self.close()
            raise
        if self._limits.is_stream and isinstance(self._response, Received):
            self._response = self._response._replace(headers=NO_HEADERS)  # a long stream need not keep them
        if not self._content.is_eof():
            self._watch()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def read_chunk(self) -> bytes:
        """The bytes that have arrived, b"" at the end; raises StreamBroken or UpstreamTimeout."""
        self._waiting_since = self._loop.time()
        try:
            data = await self._content.readany()
        except (aiohttp.ClientError, OSError) as error:
            if self._late is not None:
                raise self._late from None
            raise StreamBroken(f"{self._peer.name} broke off its answer.", is_retryable=True) from error
        finally:
            self._waiting_since = None
        return data

    async def read(self) -> bytes:
        """The whole body; raises UpstreamFailed when it is cut or too large, UpstreamTimeout when it takes too long."""
        chunks: list[bytes] = []
        size = 0
        try:
            while chunk := await self.read_chunk():
                chunks.append(chunk)
                size += len(chunk)
                if size > self._limits.max_body_bytes:
                    limit = self._limits.max_body_bytes
                    raise UpstreamFailed(f"{self._peer.name} answered with a document of more than {limit} bytes.")
        except StreamBroken as fault:
            raise UpstreamFailed(fault.message, is_retryable=True) from fault
        return b"".join(chunks)

    async def finish(self, seconds: float) -> None:
        """Waits a moment for the proper end of an answer that has said all, so that its connection can serve again."""
        if self._content.at_eof():
            return
        with suppress(TimeoutError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(seconds):
                while await self._content.readany():
                    pass

    def close(self) -> None:
        """Gives the connection up. May be called more than once."""
        if self._timer is not None:
            self._timer.cancel()
        if self._response is not None:
            self._response.close()

    async def _head(self) -> Received | aiohttp.ClientResponse:
        """Status and headers."""
        body: bytes | io.BytesIO | io.BufferedReader = self._body
        if isinstance(body, bytes) and len(body) > LARGE_BODY_BYTES:
            body = io.BytesIO(body)
        if not isinstance(body, bytes):
            self._stall = _Stall(body, body.seek(0, io.SEEK_END), self._limits.timeouts)
        within = min(self._limits.timeouts.connect, self._limits.total_seconds)
        if within <= 0:  # which aiohttp would take for no limit
            raise self._exceeded("total")
        try:
            return await exchange(self._pool, Outgoing(self._address, body, _connect_within(within), self._connected))
        except aiohttp.ConnectionTimeoutError:
            raise self._exceeded("connect" if self._loop.time() < self._ends_at else "total") from None
        except TimeoutError:
            which = self._limits.first_byte if self._loop.time() < self._ends_at else "total"
            raise self._exceeded("write" if self._stall is not None and self._stall.is_stalled else which) from None
        except (aiohttp.ClientError, OSError) as error:
            raise unreachable(self._peer, error) from error
        finally:
            self._heard()

    def _connected(self, protocol: ResponseHandler) -> None:
        """There is a connection: who waits on it for the head waits no longer than allowed."""
        self._heard()
        self._asked = protocol
        self._pool.waiting.add(protocol, min(self._first_byte_at, self._ends_at))
        if self._stall is not None:
            self._stall.watch(protocol)

    def _heard(self) -> None:
        """The head has come, or never will: nothing is waited for any more."""
        if self._asked is not None:
            self._pool.waiting.remove(self._asked)
            self._asked = None
        if self._stall is not None:
            self._stall.cancel()

    async def _refusal(self, status: int) -> UpstreamError:
        found: Mapping[str, str] = self._response.headers if self._response is not None else NO_HEADERS
        headers = {name: found[name] for name in HEADERS if name in found}
        return from_status(self._peer, status, headers, await self._error_body(), self._clock.now())

    async def _error_body(self) -> bytes:
        """The beginning of a body, as far as it comes in a few seconds."""
        body = b""
        with suppress(TimeoutError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(ERROR_BODY_SECONDS):
                while len(body) < MAX_ERROR_BYTES and (chunk := await self._content.readany()):
                    body += chunk
        return body[:MAX_ERROR_BYTES]

    async def _check_content(self, content_type: str) -> None:
        """Raises UpstreamFailed when the body cannot be what was asked for. Of unusual types, only these are sure."""
        kind = content_type.partition(";")[0].strip().lower()
        name = self._peer.name
        if kind in {"text/html", "application/xhtml+xml"}:
            hint = "Is the provider's base_url right?"
            raise UpstreamFailed(f"{name} answered with a web page.", hint=hint, is_retryable=True, upstream_status=200)
        if kind == "application/json" and self._limits.is_stream:
            said = read(await self._error_body(), self._peer).message
            message = f"{name} answered with a document where a stream was asked for{f': {said}' if said else '.'}"
            raise UpstreamFailed(self._peer.clean(message), is_retryable=True, upstream_status=200)

    def _watch(self) -> None:
        """Looks whether the provider has been silent for too long, and decides when to look again.

        One timer for the whole answer: moving one with each chunk would cost more than the rest of the reading.
        """
        now = self._loop.time()
        which, between = "between_bytes", self._limits.timeouts.between_bytes
        if not self._content.total_bytes:
            which, silent_at = self._limits.first_byte, self._first_byte_at
        elif self._waiting_since is not None:
            silent_at = self._waiting_since + between
        else:
            silent_at = now + between  # it is the reader who takes its time
        if now < silent_at and now < self._ends_at:
            # The first byte may come at any moment, and the other bound holds from then on.
            self._timer = self._loop.call_at(min(silent_at, self._ends_at, now + between), self._watch)
            return
        self._late = self._exceeded(which if now >= silent_at else "total")
        self._content.set_exception(TimeoutError())
        self.close()

    def _exceeded(self, which: str) -> UpstreamTimeout:
        return self._limits.exceeded(self._peer, which)


class _Stall:
    """Ends the sending of a large request that makes no progress."""

    def __init__(self, body: io.BytesIO | io.BufferedReader, body_bytes: int, timeouts: Timeouts) -> None:
        self.is_stalled = False
        self._body = body
        self._body_bytes = body_bytes
        self._timeouts = timeouts
        self._sent = 0
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, protocol: ResponseHandler) -> None:
        """Begins to look, now that there is a connection."""
        self._sent = 0
        self._timer = self._loop.call_later(self._timeouts.write, self._look, protocol)

    def cancel(self) -> None:
        """The answer has begun, or never will."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self, protocol: ResponseHandler) -> None:
        sent = self._body.tell()
        if sent >= self._body_bytes:
            return
        if sent > self._sent:
            self._sent = sent
            self._timer = self._loop.call_later(self._timeouts.write, self._look, protocol)
            return
        self.is_stalled = True
        protocol.set_exception(TimeoutError())


@lru_cache(maxsize=64)
def _connect_within(seconds: float) -> aiohttp.ClientTimeout:
    """The one time-out that is left to aiohttp. Its default for the whole call would end long streams."""
    return aiohttp.ClientTimeout(total=None, connect=seconds)


def unreachable(peer: Peer, error: aiohttp.ClientError | OSError) -> UpstreamError:
    """The error for a request that got no answer."""
    name = peer.name
    if isinstance(getattr(error, "os_error", None), ForbiddenAddressError):
        return UpstreamMisconfigured(
            f"The address of {name} stands for a link-local address or a metadata service, which is never a provider.",
            hint="Check its base_url.",
        )
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch():
            message, may_retry = f"The TLS connection to {name} could not be trusted or made.", False
        case aiohttp.ClientConnectorDNSError():
            message, may_retry = f"The host of {name} was not found.", True
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            message, may_retry = f"The proxy on the way to {name} could not be used.", True
        case aiohttp.ClientConnectorError():
            message, may_retry = f"{name} could not be reached: {_reason(error)}.", True
        case aiohttp.ServerDisconnectedError():
            message, may_retry = f"{name} closed the connection before it answered.", True
        case aiohttp.ClientResponseError():
            message, may_retry = f"{name} answered with something that is not HTTP.", True
        case aiohttp.InvalidURL():
            message, may_retry = f"The address of {name} cannot be used.", False
        case _:
            message, may_retry = f"The connection to {name} broke before it answered.", True
    return UpstreamFailed(message, is_retryable=may_retry, details={"provider": name})


def _reason(error: aiohttp.ClientConnectorError) -> str:
    """Why a connection was not made, without the address that the system's own message holds."""
    match error.os_error:
        case ConnectionRefusedError():
            return "nothing listens at its address"
        case _:
            return "the connection failed"
