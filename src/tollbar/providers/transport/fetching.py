"""Fetches documents and large files by GET, in pieces, through redirects.

For hubs of models, not for calls: a hub answers a file's address with a redirect to a storage host. Guarantees: each
host on the way is checked as a provider's is; a header with a credential goes to the first host alone; no way leads
from a public host to this machine, or from https to http. Failures are UpstreamErrors. Never retries.
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from tollbar import __version__
from tollbar.domain.errors import StreamBroken, UpstreamFailed, UpstreamTimeout
from tollbar.providers.destinations import is_forbidden, is_this_machine
from tollbar.providers.faults import Peer
from tollbar.providers.transport.answer import unreachable
from tollbar.providers.transport.pool import GuardedResolver

MOST_REDIRECTS = 5
PIECE_BYTES = 1 << 20
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_DOCUMENT_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """What to fetch. `credential` is the value of an Authorization header; `body` makes it a POST.

    Without `follows` a redirect is an answer like any other.
    """

    url: str
    headers: Mapping[str, str]
    credential: str = ""
    body: bytes = b""
    follows: bool = True


class Fetched:
    """An answer whose head has come, whatever its status; of redirects, the headers of the first are kept too."""

    def __init__(self, peer: Peer, response: aiohttp.ClientResponse, headers: Mapping[str, str]) -> None:
        self._peer = peer
        self._response = response
        self.status = response.status
        self.headers = headers

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises StreamBroken when it is cut, UpstreamTimeout when it falls silent."""
        try:
            async for piece in self._response.content.iter_any():
                yield piece
        except TimeoutError as fault:
            raise _silent(self._peer) from fault
        except (aiohttp.ClientError, OSError) as fault:
            raise StreamBroken(f"{self._peer.name} broke off in the middle of a file.", is_retryable=True) from fault

    async def document(self, most_bytes: int = MOST_DOCUMENT_BYTES) -> bytes:
        """The whole body; raises UpstreamFailed when it is larger than a document is."""
        body = bytearray()
        async for piece in self.pieces():
            body += piece
            if len(body) > most_bytes:
                raise UpstreamFailed(f"{self._peer.name} answered with a document of more than {most_bytes} bytes.")
        return bytes(body)


class Fetcher:
    """Fetches; an async context manager. `silence_seconds` is the longest wait for a connection, a head or a piece."""

    def __init__(self, proxy: str | None = None, ca_file: Path | None = None, silence_seconds: float = 30.0) -> None:
        self._proxy = proxy
        self._ca_file = ca_file
        self._silence_seconds = silence_seconds
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        trust: ssl.SSLContext | bool = True
        if self._ca_file is not None:
            trust = ssl.create_default_context()
            trust.load_verify_locations(self._ca_file)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust, resolver=GuardedResolver(aiohttp.ThreadedResolver())),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._silence_seconds, sock_read=self._silence_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"tollbar/{__version__}", "Accept-Encoding": "identity"},
            read_bufsize=PIECE_BYTES,
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def fetch(self, peer: Peer, request: Request) -> AsyncIterator[Fetched]:
        """The answer to a request, redirects followed; entering raises UpstreamError when there is none."""
        url, headers, seen = request.url, dict(request.headers), {}
        if request.credential:
            headers["Authorization"] = request.credential
        for _ in range(MOST_REDIRECTS + 1):
            response = await self._send(peer, url, headers, request.body)
            try:
                goal = response.headers.get("location", "") if request.follows and response.status in REDIRECTS else ""
                seen = {**{name.lower(): value for name, value in response.headers.items()}, **seen}
                if not goal:
                    yield Fetched(peer, response, seen)
                    return
            finally:
                response.close()
            following = str(URL(url).join(URL(goal, encoded=True)))
            if fault := _redirect_fault(url, following):
                raise UpstreamFailed(f"{peer.name} redirects {fault}, which is not followed.")
            if urlsplit(following).netloc != urlsplit(url).netloc:
                headers.pop("Authorization", None)
            for name in ("location", "content-length", "content-range", "content-type", "etag"):
                seen.pop(name, None)
            url = following
        raise UpstreamFailed(f"{peer.name} redirects without end.")

    async def _send(self, peer: Peer, url: str, headers: Mapping[str, str], body: bytes) -> aiohttp.ClientResponse:
        if self._session is None:
            raise RuntimeError("the fetcher is not open: use it as a context")
        proxy = None if is_this_machine(url) else self._proxy
        method = "POST" if body else "GET"
        try:
            return await self._session.request(
                method,
                URL(url, encoded=True),
                headers=headers,
                data=body or None,
                allow_redirects=False,
                proxy=proxy,
            )
        except TimeoutError as fault:
            raise _silent(peer) from fault
        except (aiohttp.ClientError, OSError) as fault:
            raise unreachable(peer, fault) from fault


def _redirect_fault(url: str, following: str) -> str:
    """Why a redirect is not followed; empty when it is."""
    try:
        parts = urlsplit(following)
        host = parts.hostname or ""
    except ValueError:
        return "to something that is no URL"
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
        return "to something that is no web address"
    if urlsplit(url).scheme == "https" and parts.scheme != "https":
        return "from https to http"
    if is_forbidden(host):
        return "to a link-local address or a metadata service"
    if is_this_machine(following) and not is_this_machine(url):
        return "to this machine"
    return ""


def _silent(peer: Peer) -> UpstreamTimeout:
    return UpstreamTimeout(f"{peer.name} fell silent.", hint="Is the network up?", is_retryable=True)
