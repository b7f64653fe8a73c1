"""The load generator counts what came back, from the stand-in that the bench falls back on."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bench import answers
from bench.load import Load, Run
from bench.stub import Stub

pytestmark = pytest.mark.anyio


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """The stand-in, on a free port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Stub(loop), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def load(port: int, name: str, connections: int, rounds: int) -> Load:
    """Calls of one kind."""
    body = answers.request_body(name, is_stream=name != "plain")
    request = answers.request(port, "key", body, f"/{name}/v1/chat/completions")
    return Load(port, [request.decode()], connections, seconds=10.0, rounds=rounds)


@pytest.mark.parametrize("name", ["plain", "stream"])
async def test_every_answer_is_counted(port: int, name: str) -> None:
    """Each connection sends its rounds, and each answer has its time."""
    result = await Run(load(port, name, connections=3, rounds=5)).go()
    assert (result.answered, result.failed) == (15, 0)
    assert len(result.answer_microseconds) == 15
    assert result.lag_microseconds == []


async def test_each_paced_event_has_its_lag(port: int) -> None:
    """A paced stream tells of every one of its events when it was sent."""
    result = await Run(load(port, "paced", connections=4, rounds=1)).go()
    assert (result.answered, result.failed) == (4, 0)
    assert len(result.lag_microseconds) == 4 * answers.STREAM_CHUNKS
    assert all(0 <= lag < 1e6 for lag in result.lag_microseconds)


async def test_events_that_arrive_in_pieces_are_counted_once() -> None:
    """Where the network cuts an answer does not matter."""
    stamp = answers.timed_chunk(1)
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(stamp), stamp)
    response = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for byte in response:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        result = await Run(load(port, "paced", connections=1, rounds=1)).go()
    assert (result.answered, result.failed, len(result.lag_microseconds)) == (1, 0, 1)


@pytest.mark.parametrize("response", [b"HTTP/1.1 429 Too Many Requests\r\n\r\nno", b"HTTP/1.1 200 OK\r\n", b""])
async def test_bad_answers_are_failures(response: bytes) -> None:
    """Another status, or a connection that ends early, is no answer; the first is kept as an example."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        result = await Run(load(port, "plain", connections=2, rounds=3)).go()
    assert (result.answered, result.failed) == (0, 2)
    assert result.example
