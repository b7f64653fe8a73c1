"""The pool: whom it connects to, what it sends, and when it may send twice."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from socket import AddressFamily

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.upstream import FakeUpstream
from tests.upstream_scripts import Script
from tollbar import __version__
from tollbar.clock import SystemClock
from tollbar.domain.catalogue import Timeouts
from tollbar.domain.errors import UpstreamError, UpstreamFailed, UpstreamMisconfigured
from tollbar.providers.faults import Peer
from tollbar.providers.transport import Transport, endpoint
from tollbar.providers.transport.answer import ForbiddenAddressError, unreachable
from tollbar.providers.transport.exchange import STALE_SECONDS
from tollbar.providers.transport.pool import GuardedResolver

pytestmark = pytest.mark.anyio


@pytest.fixture
async def up() -> AsyncIterator[FakeUpstream]:
    """A provider that misbehaves on request."""
    async with FakeUpstream() as server:
        yield server


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """A pool of its own."""
    async with Transport(SystemClock()) as pool:
        yield pool


async def post(transport: Transport, url: str, **headers: str) -> bytes:
    """A document from an address."""
    to = endpoint(Peer("fake"), f"{url}/chat/completions", headers)
    async with transport.post(to, b'{"model": "x"}', Timeouts(), False) as answer:
        return await answer.read()


async def test_it_sends_what_it_should_and_nothing_else(transport: Transport, up: FakeUpstream) -> None:
    """A request has the body, the key, and few headers, none of which invites compression or tells on anybody."""
    await post(transport, up.url, Authorization="Bearer k")
    entry = up.journal[0]
    assert (entry.method, entry.path, entry.body) == ("POST", "/v1/chat/completions", b'{"model": "x"}')
    assert entry.headers == {
        "host": f"127.0.0.1:{up.port}",
        "authorization": "Bearer k",
        "content-type": "application/json",
        "content-length": "14",
        "accept": "application/json, text/event-stream",
        "accept-encoding": "identity",
        "user-agent": f"tollbar/{__version__}",
    }


async def test_connections_are_used_again(transport: Transport, up: FakeUpstream) -> None:
    """One call after the other needs one connection."""
    for _ in range(5):
        await post(transport, up.url)
    assert up.connections == 1


async def test_connections_are_not_limited(transport: Transport, up: FakeUpstream) -> None:
    """A hundred and fifty calls at once are a hundred and fifty connections: nobody queues behind a stream."""
    up.default = "slow-headers:100"
    await asyncio.gather(*(post(transport, up.url) for _ in range(150)))
    assert up.connections == 150


async def test_cookies_are_forgotten(transport: Transport, up: FakeUpstream) -> None:
    """What a provider sets in one call does not come back in the next, which may be somebody else's."""
    up.plan(Script(headers=(("content-type", "application/json"), ("set-cookie", "id=1")), pieces=(b"{}",)))
    by_name = up.url.replace("127.0.0.1", "localhost")  # no jar keeps cookies of addresses
    await post(transport, by_name)
    await post(transport, by_name)
    assert "cookie" not in up.journal[1].headers


async def test_redirects_are_not_followed(transport: Transport, up: FakeUpstream) -> None:
    """A provider cannot send our key elsewhere."""
    up.plan("redirect")
    with pytest.raises(UpstreamFailed, match="redirects") as caught:
        await post(transport, up.url)
    assert (caught.value.is_retryable, len(up.journal)) == (False, 1)


@pytest.mark.parametrize("ending", ["close", "reset"])
async def test_a_stale_connection_is_replaced_once(transport: Transport, up: FakeUpstream, ending: str) -> None:
    """A connection from the pool that breaks before a byte of the answer costs nobody a call."""
    up.plan("ok", Script(framing="raw", ending="close" if ending == "close" else "reset"), "ok")
    await post(transport, up.url)
    assert b"choices" in await post(transport, up.url)
    assert [entry.connection for entry in up.journal] == [1, 1, 2]


async def test_a_connection_that_was_closed_while_idle_is_not_noticed(transport: Transport, up: FakeUpstream) -> None:
    """A provider whose keep-alive time is shorter than ours does no harm."""
    await post(transport, up.url)
    up.close_idle()
    assert b"choices" in await post(transport, up.url)


@pytest.mark.parametrize("script", ["close", "reset", "close-mid-headers"])
async def test_a_new_connection_that_breaks_is_a_failure(transport: Transport, up: FakeUpstream, script: str) -> None:
    """The provider took the request and may have worked on it: nothing is sent twice."""
    up.plan(Script(framing="raw", ending="reset") if script == "reset" else script, "ok")
    with pytest.raises(UpstreamFailed) as caught:
        await post(transport, up.url)
    assert (caught.value.is_retryable, len(up.journal)) == (True, 1)


async def test_a_connection_that_breaks_late_was_not_stale(transport: Transport, up: FakeUpstream) -> None:
    """A provider that worked for a while and then went away is not given the same work again."""
    up.plan("ok", Script(framing="raw", before_headers_seconds=STALE_SECONDS + 0.1, ending="close"), "ok")
    await post(transport, up.url)
    with pytest.raises(UpstreamFailed) as caught:
        await post(transport, up.url)
    assert (caught.value.is_retryable, len(up.journal)) == (True, 2)


async def test_what_came_unasked_answers_nobody(transport: Transport) -> None:
    """A second answer to one question, on a connection that is idle again, is not taken for the next one's."""
    asked = 0

    async def answer_twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while head := await reader.read(65_536):
            assert head.startswith(b"POST")
            asked += 1
            document = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n%d" % asked
            writer.write(document)
            await asyncio.sleep(0.05)
            writer.write(document)
        writer.close()

    async with await asyncio.start_server(answer_twice, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        answers = []
        for _ in range(3):
            answers.append(await post(transport, url))
            await asyncio.sleep(0.1)
    assert answers == [b"1", b"2", b"3"]


async def test_an_answer_that_has_begun_is_not_asked_for_again(transport: Transport, up: FakeUpstream) -> None:
    """Half a head on a used connection is no stale connection."""
    up.plan("ok", "close-mid-headers", "ok")
    await post(transport, up.url)
    with pytest.raises(UpstreamFailed):
        await post(transport, up.url)
    assert len(up.journal) == 2


async def test_it_is_done_once_only(transport: Transport, up: FakeUpstream) -> None:
    """Two stale connections in a row are a failure."""
    up.plan("slow-headers:50", "slow-headers:50", "close", "close", "ok")
    await asyncio.gather(post(transport, up.url), post(transport, up.url))
    with pytest.raises(UpstreamFailed):
        await post(transport, up.url)
    assert len(up.journal) == 4


async def test_a_large_request_is_sent_again_whole(transport: Transport, up: FakeUpstream) -> None:
    """The second try of a request with a large body has all of it."""
    body = b'{"padding": "' + b"x" * 2_000_000 + b'"}'
    up.plan("ok", "close", "ok")
    await post(transport, up.url)
    to = endpoint(Peer("fake"), f"{up.url}/chat/completions", {})
    async with transport.post(to, body, Timeouts(), False) as answer:
        assert b"choices" in await answer.read()
    assert [entry.body == body for entry in up.journal] == [False, True, True]


async def test_nobody_listening_may_pass(transport: Transport) -> None:
    """A refused connection says so, without the address, and may be tried again."""
    with pytest.raises(UpstreamFailed, match="nothing listens") as caught:
        await post(transport, "http://127.0.0.1:1/v1")
    assert caught.value.is_retryable
    assert "127.0.0.1" not in caught.value.text


async def test_an_unknown_host_may_pass(transport: Transport) -> None:
    """A name that nobody knows may be known in a minute."""
    with pytest.raises(UpstreamFailed, match="not found") as caught:
        await post(transport, "http://nowhere.invalid/v1")
    assert caught.value.is_retryable


def certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for this machine, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / "key.pem").write_bytes(secret)
    (directory / "certificate.pem").write_bytes(made.public_bytes(encoding))
    return directory / "certificate.pem", directory / "key.pem"


async def test_certificates_are_verified(transport: Transport, tmp_path: Path) -> None:
    """A certificate of nobody we trust ends the call for good; with its authority among ours it serves."""
    authority, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, key)
    async with FakeUpstream(tls=context) as up:
        with pytest.raises(UpstreamFailed, match="TLS") as caught:
            await post(transport, up.url)
        assert not caught.value.is_retryable
        assert not up.journal
        async with Transport(SystemClock(), ca_file=authority) as trusting:
            assert b"choices" in await post(trusting, up.url)


async def test_plain_text_where_tls_is_due_is_a_tls_fault(transport: Transport, up: FakeUpstream) -> None:
    """An https address of an http server never works, however often it is tried."""
    with pytest.raises(UpstreamFailed, match="TLS") as caught:
        await post(transport, up.url.replace("http:", "https:"))
    assert not caught.value.is_retryable


async def test_a_proxy_is_for_other_machines(up: FakeUpstream) -> None:
    """Calls to providers elsewhere go through the proxy that was set, calls to this machine do not."""
    async with Transport(SystemClock(), proxy=up.url.removesuffix("/v1")) as proxied:
        assert b"choices" in await post(proxied, "http://vendor.invalid/v1")
        assert b"choices" in await post(proxied, up.url)
    assert [entry.path for entry in up.journal] == ["http://vendor.invalid/v1/chat/completions", "/v1/chat/completions"]


async def test_the_environments_proxy_is_not_used(up: FakeUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what was configured decides the way."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with Transport(SystemClock()) as pool:
        assert b"choices" in await post(pool, up.url)


class FixedResolver(AbstractResolver):
    """Knows every name, by the same addresses."""

    def __init__(self, *hosts: str) -> None:
        self.hosts = hosts

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AddressFamily.AF_INET
    ) -> list[ResolveResult]:
        """The addresses, whatever the name."""
        return [
            ResolveResult(hostname=host, host=found, port=port, family=family, proto=0, flags=0) for found in self.hosts
        ]

    async def close(self) -> None:
        """Nothing to close."""


async def test_a_name_does_not_lead_to_a_metadata_service() -> None:
    """Forbidden addresses are left out of what a name stands for; a name with no others leads nowhere."""
    mixed = await GuardedResolver(FixedResolver("169.254.169.254", "192.0.2.1", "fe80::1")).resolve("x")
    assert [result["host"] for result in mixed] == ["192.0.2.1"]
    with pytest.raises(ForbiddenAddressError):
        await GuardedResolver(FixedResolver("169.254.169.254", "::ffff:169.254.169.254")).resolve("x")


def test_a_forbidden_name_is_the_operators_affair() -> None:
    """The error says so and is not tried again."""
    error = OSError("from the connector")
    error.os_error = ForbiddenAddressError("no")  # pyrefly: ignore
    fault: UpstreamError = unreachable(Peer("fake"), error)
    assert (type(fault), fault.is_retryable) == (UpstreamMisconfigured, False)


@pytest.mark.parametrize("url", ["http://169.254.169.254/v1", "http://user:pw@vendor.example/", "vendor.example"])
def test_an_address_that_is_no_providers_is_refused(url: str) -> None:
    """An endpoint cannot even be made of an address that we never connect to."""
    with pytest.raises(ValueError, match="the address of fake"):
        endpoint(Peer("fake"), url, {})


async def test_a_closed_door_says_so() -> None:
    """Using a transport that was not opened is a fault of ours."""
    with pytest.raises(RuntimeError, match="not open"):
        await post(Transport(SystemClock()), "http://127.0.0.1:1/v1")
