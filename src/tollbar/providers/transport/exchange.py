"""One request and the head of its answer, over aiohttp's pool and parser.

aiohttp's session would merge headers, cookies and credentials anew for every request and write each body in a task of
its own, which costs more than all else that a call does. Here the head is made once for each address, and a request of
usual size goes out in a single write. One that is large or goes through a proxy is written by aiohttp itself.
Never retries, but for one case: a pooled connection that its provider had closed while it lay idle, and that broke
before a byte of the answer.
"""

import asyncio
import io
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import Any, NamedTuple, TypeVar

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.helpers import TimerNoop
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from tollbar.providers.transport.waiting import Waiting

READ_BUFFER_BYTES = 64 * 1024
STALE = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientConnectionResetError)
STALE_SECONDS = 1.0
"""How soon the end of a connection shows that was closed while it lay idle: a round trip later, with room to spare."""
UNTIMED = TimerNoop()
R = TypeVar("R", bound=aiohttp.ClientRequest)


class StaleConnectionError(OSError):
    """A connection of the pool turned out to be closed already, and no answer had begun."""


class Received(NamedTuple):
    """An answer of which the head has come."""

    status: int
    headers: Mapping[str, str]
    content: aiohttp.StreamReader
    connection: Connection

    def close(self) -> None:
        """Closes the connection, unless the body was read to its end: then the pool has it already."""
        self.connection.close()


class Handler(ResponseHandler):
    """aiohttp's end of a connection, which is told to go on after every read: it has to only where it was stopped."""

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Goes on reading, and parses what was left when it stopped."""
        if self._reading_paused:
            super().resume_reading(resume_parser)


class Pool(aiohttp.TCPConnector):
    """aiohttp's pool, which also knows the connections that no request has used before, and who waits on one.

    It gives out none on which something came that nobody had asked for: the next request would take it for its answer.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._factory = partial(Handler, loop=self._loop)
        self.unused: set[ResponseHandler] = set()
        self.waiting = Waiting()

    async def _create_connection(self, *arguments: Any, **named: Any) -> ResponseHandler:
        made = await super()._create_connection(*arguments, **named)
        self.unused.add(made)
        return made

    async def _get(self, *arguments: Any, **named: Any) -> Connection | None:
        found = await super()._get(*arguments, **named)
        while found is not None and (found.protocol is None or found.protocol.should_close):
            found.close()
            found = await super()._get(*arguments, **named)
        return found


class Pattern(aiohttp.ClientRequest):
    """The request that stands for all of an address; its place in the pool is worked out once."""

    @cached_property
    def connection_key(self) -> ConnectionKey:  # type: ignore[override]
        """Which connections it can have."""
        return super().connection_key


class Address:
    """Where requests go, and the head that they have; `proxy` is on the way there.

    Raises ValueError when a header is none.
    """

    def __init__(self, method: str, url: str, headers: Mapping[str, str], proxy: str | None = None) -> None:
        self.method = method
        self.url = URL(url)
        self.headers = headers
        self.proxy = URL(proxy) if proxy else None
        self._pattern: Pattern | None = None
        lines = [f"{method} {self.url.raw_path_qs} HTTP/1.1", f"Host: {self.url.host_port_subcomponent}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if not all(line.isprintable() for line in lines):
            raise ValueError("has a header with a line break or another character that no header may hold")
        self._head = "\r\n".join(lines).encode()

    @property
    def pattern(self) -> aiohttp.ClientRequest:
        """The request that stands for all of them where the pool looks for a connection, or makes one."""
        if self._pattern is None:
            self._pattern = self._made(Pattern, None)
        return self._pattern

    def request(self, body: io.BytesIO | io.BufferedReader | None) -> aiohttp.ClientRequest:
        """A request as aiohttp writes it."""
        return self._made(aiohttp.ClientRequest, body)

    def _made(self, kind: type[R], body: io.BytesIO | io.BufferedReader | None) -> R:
        loop = asyncio.get_running_loop()
        return kind(self.method, self.url, headers=self.headers, data=body, loop=loop, proxy=self.proxy, timer=UNTIMED)

    def message(self, body: bytes) -> bytes:
        """A whole request, in one piece."""
        if self.method == "GET":
            return self._head + b"\r\n\r\n"
        return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (self._head, len(body), body)


class Outgoing(NamedTuple):
    """A request to make. `connected` is told the connection, on which whoever has waited too long can set an exception.

    A body that is a file is written piece by piece; its position tells how much was.
    """

    address: Address
    body: bytes | io.BytesIO | io.BufferedReader
    connect: aiohttp.ClientTimeout
    connected: Callable[[ResponseHandler], None]


async def exchange(pool: Pool, request: Outgoing) -> Received | aiohttp.ClientResponse:
    """The head of the answer to a request; raises aiohttp.ClientError, OSError, or TimeoutError."""
    try:
        return await _once(pool, request, may_be_stale=True)
    except StaleConnectionError:
        return await _once(pool, request, may_be_stale=False)


async def _once(pool: Pool, outgoing: Outgoing, may_be_stale: bool) -> Received | aiohttp.ClientResponse:
    address, body, connect, connected = outgoing
    message: bytes | None = None
    if isinstance(body, bytes) and address.proxy is None:
        request, message = address.pattern, address.message(body)
    else:
        file = io.BytesIO(body) if isinstance(body, bytes) else body
        file.seek(0)
        request = address.request(file)
    try:
        connection = await pool.connect(request, [], connect)
    except TimeoutError as fault:
        raise aiohttp.ConnectionTimeoutError from fault
    protocol = connection.protocol
    if protocol is None:
        raise aiohttp.ClientConnectionResetError("the connection was closed")
    is_new = protocol in pool.unused
    if is_new:
        pool.unused.discard(protocol)
    connected(protocol)
    now = asyncio.get_running_loop().time
    sent_at = now()
    try:
        return await _answered(connection, request, message)
    except STALE as fault:
        # A new connection, and one that breaks late, is no stale one: then the provider took the request and went away,
        # and may have worked on it. RFC 9112, 9.3.1, wants this care for requests that are not idempotent.
        has_answer_begun = isinstance(fault, aiohttp.ServerDisconnectedError) and not isinstance(fault.message, str)
        was_idle = not is_new and now() - sent_at < STALE_SECONDS
        if not was_idle or has_answer_begun or not may_be_stale:
            raise
        raise StaleConnectionError from fault


async def _answered(
    connection: Connection, request: aiohttp.ClientRequest, message: bytes | None
) -> Received | aiohttp.ClientResponse:
    protocol = connection.protocol
    try:
        if protocol is None or protocol.transport is None:
            raise aiohttp.ClientConnectionResetError("the connection was closed")
        protocol.set_response_params(
            timer=UNTIMED, read_until_eof=True, auto_decompress=False, read_bufsize=READ_BUFFER_BYTES
        )
        if message is None:
            return await (await request.send(connection)).start(connection)
        protocol.transport.write(message)
        head, content = await protocol.read()
        while head.code < 200 and head.code != 101:  # RFC 9110, 15.2: interim answers come before the final one
            head, content = await protocol.read()
        content.on_eof(connection.release)
        return Received(head.code, head.headers, content, connection)
    except HttpProcessingError as fault:
        connection.close()
        raise aiohttp.ClientResponseError(
            request.request_info, (), status=fault.code, message=fault.message, headers=fault.headers
        ) from fault
    except BaseException:
        connection.close()
        raise
