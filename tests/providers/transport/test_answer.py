"""Reading an answer: time-outs, sizes, what cannot be an answer, and connections given up in time."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.upstream import FakeUpstream
from tests.upstream_scripts import Script
from tollbar.clock import SystemClock
from tollbar.domain.catalogue import Timeouts
from tollbar.domain.errors import StreamBroken, UpstreamError, UpstreamFailed, UpstreamRejected, UpstreamTimeout
from tollbar.providers.faults import Peer
from tollbar.providers.transport import Endpoint, Transport, endpoint

pytestmark = pytest.mark.anyio

# Of the time-outs only the one that a test is about is short: a busy machine must not be taken for a slow provider.
PATIENT = Timeouts()


@pytest.fixture
async def up() -> AsyncIterator[FakeUpstream]:
    """A provider that misbehaves on request."""
    async with FakeUpstream() as server:
        yield server


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """A pool of its own, with a small limit for documents."""
    async with Transport(SystemClock(), max_body_bytes=100_000) as pool:
        yield pool


def chat(up: FakeUpstream) -> Endpoint:
    """Where the provider takes calls."""
    return endpoint(Peer("fake"), f"{up.url}/chat/completions", {})


async def read_all(
    transport: Transport, up: FakeUpstream, script: str | Script, stream: bool = True, timeouts: Timeouts = PATIENT
) -> bytes:
    """Every byte of an answer, read as a stream is."""
    up.plan(script)
    body = b'{"stream": %s}' % (b"true" if stream else b"false")
    async with transport.post(chat(up), body, timeouts, stream) as answer:
        chunks: list[bytes] = []
        while chunk := await answer.read_chunk():
            chunks.append(chunk)
        return b"".join(chunks)


async def failure(
    transport: Transport, up: FakeUpstream, script: str, stream: bool = True, timeouts: Timeouts = PATIENT
) -> UpstreamError:
    """The error that an answer ends in."""
    with pytest.raises(UpstreamError) as caught:
        await read_all(transport, up, script, stream, timeouts)
    return caught.value


@pytest.mark.parametrize(
    ("script", "stream", "setting"),
    [
        ("stall", True, "first_byte_stream"),
        ("stall", False, "first_byte_plain"),
        ("stall-headers", True, "first_byte_stream"),
        ("stall-headers", False, "first_byte_plain"),
        ("stall-middle", True, "between_bytes"),
        ("stall-middle", False, "between_bytes"),
    ],
)
async def test_silence_ends_by_the_time_out_that_holds(
    transport: Transport, up: FakeUpstream, script: str, stream: bool, setting: str
) -> None:
    """Before the first byte and between bytes, silence ends by its own setting, and closes the connection."""
    fault = await failure(transport, up, script, stream, replace(PATIENT, **{setting: 0.1}))
    assert isinstance(fault, UpstreamTimeout)
    assert f"timeouts.{setting}_seconds" in fault.hint
    await up.until(lambda: up.journal[0].closed_early_at is not None)


async def test_an_endless_answer_ends_by_the_total(transport: Transport, up: FakeUpstream) -> None:
    """Bytes that keep coming hold off silence, not the end of the whole."""
    fault = await failure(transport, up, "drip", timeouts=replace(PATIENT, total=0.3))
    assert "timeouts.total_seconds" in fault.hint


async def test_the_callers_deadline_bounds_the_attempt(transport: Transport, up: FakeUpstream) -> None:
    """What is left of the call is all that an attempt gets."""
    up.plan("stall")
    with pytest.raises(UpstreamTimeout) as caught:
        async with transport.post(chat(up), b"{}", PATIENT, False, 0.1):
            pass
    assert "total" in caught.value.hint


async def test_no_time_left_is_a_time_out_at_once(transport: Transport, up: FakeUpstream) -> None:
    """A call whose time is up is not sent."""
    with pytest.raises(UpstreamTimeout):
        async with transport.post(chat(up), b"{}", PATIENT, False, 0.0):
            pass
    assert not up.journal


async def test_a_slow_reader_is_not_a_silent_provider(transport: Transport, up: FakeUpstream) -> None:
    """Whoever reads may take his time: only waiting for the provider counts."""
    up.plan("gated")
    timeouts = replace(PATIENT, between_bytes=0.2)
    async with transport.post(chat(up), b'{"stream": true}', timeouts, True) as answer:
        assert await answer.read_chunk()
        up.gate.set()
        await asyncio.sleep(timeouts.between_bytes * 1.5)
        assert await answer.read_chunk()


async def test_a_reader_who_came_and_went_is_not_waiting(transport: Transport, up: FakeUpstream) -> None:
    """A read that was given up does not count as waiting: what arrives meanwhile is there for the next one."""
    timeouts = replace(PATIENT, first_byte_stream=0.3)
    up.plan("slow-body:50")
    async with transport.post(chat(up), b'{"stream": true}', timeouts, True) as answer:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(answer.read_chunk(), 0.01)
        await asyncio.sleep(timeouts.first_byte_stream * 1.5)
        assert b"data:" in await answer.read_chunk()


async def test_slow_bytes_in_time_are_no_fault(transport: Transport, up: FakeUpstream) -> None:
    """A provider that takes long, but never too long, is heard to the end."""
    assert b"[DONE]" in await read_all(transport, up, "slow-middle:100")


async def test_a_request_that_nobody_takes_ends_by_the_write_time_out(transport: Transport, up: FakeUpstream) -> None:
    """A large body that makes no progress is given up before the wait for an answer would begin."""
    up.is_deaf = True
    timeouts = replace(PATIENT, write=0.1)
    with pytest.raises(UpstreamTimeout) as caught:
        async with transport.post(chat(up), b"x" * 16_000_000, timeouts, False):
            pass
    assert "timeouts.write_seconds" in caught.value.hint


async def test_a_large_request_that_is_taken_arrives_whole(transport: Transport, up: FakeUpstream) -> None:
    """The watch over large bodies lets those through that make progress."""
    body = b'{"model": "ok", "padding": "' + b"x" * 3_000_000 + b'"}'
    async with transport.post(chat(up), body, PATIENT, False) as answer:
        assert b"choices" in await answer.read()
    assert up.journal[0].body == body


async def test_a_host_that_does_not_answer_ends_by_the_connect_time_out(transport: Transport) -> None:
    """A listener whose queue is full leaves new connections hanging."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        to = endpoint(Peer("fake"), f"http://127.0.0.1:{full.getsockname()[1]}/v1", {})
        with pytest.raises(UpstreamTimeout) as caught:
            async with transport.post(to, b"{}", replace(PATIENT, connect=0.1), False):
                pass
        for one in waiting:
            one.close()
    assert "timeouts.connect_seconds" in caught.value.hint


@pytest.mark.parametrize("script", ["stall", "stall-headers", "stall-middle"])
async def test_cancellation_closes_the_connection(transport: Transport, up: FakeUpstream, script: str) -> None:
    """Wherever an attempt waits, ending its task hangs up on the provider."""
    task = asyncio.create_task(read_all(transport, up, script, timeouts=Timeouts()))
    await up.until(lambda: up.journal)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await up.until(lambda: up.journal[0].closed_early_at)


async def test_leaving_early_closes_and_reading_to_the_end_does_not(transport: Transport, up: FakeUpstream) -> None:
    """A connection with unread bytes is never used again; one that was read out is."""
    up.plan("paced:20")
    async with transport.post(chat(up), b'{"stream": true}', PATIENT, True) as answer:
        await answer.read_chunk()
    await up.until(lambda: up.open_connections == 0)
    await read_all(transport, up, "ok")
    await read_all(transport, up, "ok")
    assert (up.connections, up.open_connections) == (2, 1)


async def test_a_document_has_a_largest_size(transport: Transport, up: FakeUpstream) -> None:
    """A document beyond the limit is given up, for good; a stream may be longer."""
    up.plan("huge:1")
    with pytest.raises(UpstreamFailed, match="100000 bytes") as caught:
        async with transport.post(chat(up), b"{}", PATIENT, False) as answer:
            await answer.read()
    assert not caught.value.is_retryable
    assert len(await read_all(transport, up, "huge:1")) > 1_000_000


@pytest.mark.parametrize("script", ["html", "plain-error-500"])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_web_page_is_no_answer(transport: Transport, up: FakeUpstream, script: str, stream: bool) -> None:
    """A page, whatever its status, is a failure that may pass."""
    fault = await failure(transport, up, script, stream)
    assert (type(fault), fault.is_retryable) == (UpstreamFailed, True)
    assert "Welcome" not in fault.text


async def test_a_document_is_no_stream(transport: Transport, up: FakeUpstream) -> None:
    """A document where a stream was asked for is an error message, and is read as one."""
    wrapped = Script(pieces=(b'{"error": {"message": "No streams today."}}',))
    with pytest.raises(UpstreamFailed, match="No streams today"):
        await read_all(transport, up, wrapped)


@pytest.mark.parametrize("script", ["cut", "cut-mid-frame", "reset"])
async def test_a_cut_is_never_an_end(transport: Transport, up: FakeUpstream, script: str) -> None:
    """A body whose framing does not end properly is broken, in a stream and in a document."""
    assert isinstance(await failure(transport, up, script), StreamBroken)
    up.plan(script)
    with pytest.raises(UpstreamFailed) as caught:
        async with transport.post(chat(up), b"{}", PATIENT, False) as answer:
            await answer.read()
    assert caught.value.is_retryable


async def test_an_error_body_is_read_only_so_far(transport: Transport, up: FakeUpstream) -> None:
    """An endless error body does not fill the memory: its status is enough."""
    endless = Script(400, pieces=(b'{"error": {"message": "' + b"x" * 1_000_000,), length=2_000_000, ending="stall")
    up.plan(endless)
    with pytest.raises(UpstreamRejected):
        async with transport.post(chat(up), b"{}", PATIENT, False):
            pass
    await up.until(lambda: up.open_connections == 0)
