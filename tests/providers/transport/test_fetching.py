"""Fetching through redirects, from real servers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tollbar.domain.errors import StreamBroken, UpstreamFailed, UpstreamTimeout
from tollbar.providers.faults import Peer
from tollbar.providers.transport.fetching import Fetched, Fetcher, Request, _redirect_fault

pytestmark = pytest.mark.anyio

HUB = Peer("hub")
Answers = Callable[[str], bytes]


class Server:
    """Answers each request by its path; remembers the heads."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.answers: dict[str, bytes] = {}
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        writer.write(self.answers[head.split()[1]])
        await writer.drain()
        if "/silent" in head:
            await reader.read()  # until the caller has gone
        writer.close()

    def header(self, name: str) -> list[str | None]:
        """A header of each request."""
        lines = [dict(line.lower().split(": ", 1) for line in head.splitlines() if ": " in line) for head in self.heads]
        return [found.get(name) for found in lines]


def reply(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """An answer, whole."""
    told = {"content-length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """A server on loopback."""
    server = Server()
    socket = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    async with socket:
        server.url = f"http://127.0.0.1:{socket.sockets[0].getsockname()[1]}"
        yield server


async def body_of(fetched: Fetched) -> bytes:
    """Everything that comes."""
    return b"".join([piece async for piece in fetched.pieces()])


async def test_a_credential_goes_to_the_first_host_alone() -> None:
    """Within a host it goes along; another host is not shown it. Headers of the way are kept, but for the last body."""
    async with serving() as hub, serving() as storage, Fetcher() as fetcher:
        hub.answers = {
            "/a": reply(307, location="/b", x_linked_etag='"1"'),
            "/b": reply(302, location=f"{storage.url}/c?sig=a%2Fb", etag='"hub"'),
        }
        storage.answers = {"/c?sig=a%2Fb": reply(200, b"words", etag='"storage"')}
        request = Request(f"{hub.url}/a", {"Range": "bytes=1-"}, "Bearer secret")
        async with fetcher.fetch(HUB, request) as fetched:
            assert (fetched.status, await body_of(fetched)) == (200, b"words")
            assert (fetched.headers["x-linked-etag"], fetched.headers["etag"]) == ('"1"', '"storage"')
    assert hub.header("authorization") == ["bearer secret"] * 2
    assert storage.header("authorization") == [None]
    assert storage.header("range") == ["bytes=1-"]


async def test_redirects_end() -> None:
    """A circle is left."""
    async with serving() as hub, Fetcher() as fetcher:
        hub.answers = {"/a": reply(302, location="/a")}
        with pytest.raises(UpstreamFailed, match="without end"):
            async with fetcher.fetch(HUB, Request(f"{hub.url}/a", {})):
                pass
    assert len(hub.heads) == 6


@pytest.mark.parametrize(
    ("url", "following", "word"),
    [
        ("https://a.example/x", "http://b.example/x", "https to http"),
        ("https://a.example/x", "https://169.254.169.254/latest", "metadata"),
        ("https://a.example/x", "https://127.0.0.1/x", "this machine"),
        ("https://a.example/x", "https://localhost/x", "this machine"),
        ("https://a.example/x", "file:///etc/passwd", "no web address"),
        ("https://a.example/x", "https://u:p@b.example/x", "no web address"),
        ("https://a.example/x", "https://[bad/x", "no URL"),
        ("https://a.example/x", "https://b.example/x?q=1", ""),
        ("http://127.0.0.1:1/x", "http://127.0.0.1:2/x", ""),
    ],
)
def test_where_redirects_may_lead(url: str, following: str, word: str) -> None:
    """To other public hosts; never down to plain HTTP, inwards, or out of the web."""
    fault = _redirect_fault(url, following)
    assert word in fault
    assert bool(fault) is bool(word)


async def test_a_forbidden_redirect_is_an_error() -> None:
    """It is told whose it was."""
    async with serving() as hub, Fetcher() as fetcher:
        hub.answers = {"/a": reply(302, location="http://169.254.169.254/latest/meta-data")}
        with pytest.raises(UpstreamFailed, match="hub redirects to a link-local address"):
            async with fetcher.fetch(HUB, Request(f"{hub.url}/a", {})):
                pass


async def test_a_refusal_is_an_answer_too() -> None:
    """Statuses are for the caller to judge; a POST brings its body."""
    async with serving() as hub, Fetcher() as fetcher:
        hub.answers = {"/a": reply(404, b"{}")}
        async with fetcher.fetch(HUB, Request(f"{hub.url}/a", {}, body=b"{}")) as fetched:
            assert (fetched.status, await fetched.document()) == (404, b"{}")
    assert hub.heads[0].startswith("POST")


async def test_a_cut_body_is_broken_and_a_silent_one_late() -> None:
    """Both may be tried again."""
    async with serving() as hub, Fetcher(silence_seconds=0.2) as fetcher:
        hub.answers = {
            "/cut": reply(200, b"half", content_length="8"),
            "/silent": reply(200, b"half", content_length="8"),
        }
        for path, kind in (("/cut", StreamBroken), ("/silent", UpstreamTimeout)):
            async with fetcher.fetch(HUB, Request(hub.url + path, {})) as fetched:
                with pytest.raises(kind) as fault:
                    await body_of(fetched)
            assert fault.value.is_retryable


async def test_a_document_has_a_bound() -> None:
    """What is larger is no document."""
    async with serving() as hub, Fetcher() as fetcher:
        hub.answers = {"/a": reply(200, b"x" * 100)}
        async with fetcher.fetch(HUB, Request(f"{hub.url}/a", {})) as fetched:
            with pytest.raises(UpstreamFailed, match="more than 99 bytes"):
                await fetched.document(99)


@pytest.mark.parametrize(
    ("url", "word"),
    [("http://127.0.0.1:1/x", "nothing listens"), ("http://nobody.invalid/x", "not found")],
)
async def test_a_host_that_is_not_there_is_told(url: str, word: str) -> None:
    """By its name and the reason."""
    async with Fetcher() as fetcher:
        with pytest.raises(UpstreamFailed, match=f"hub.*{word}"):
            async with fetcher.fetch(HUB, Request(url, {})):
                pass


async def test_it_must_be_open() -> None:
    """Using it otherwise is a mistake of ours."""
    with pytest.raises(RuntimeError, match="not open"):
        async with Fetcher().fetch(HUB, Request("http://127.0.0.1:1/", {})):
            pass
