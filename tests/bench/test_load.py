"""The load generator counts what came back, from the stand-in that the bench falls back on."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bench import answers
from bench.load import Load, Result, Run, Turns, play
from bench.stub import Stub
from tests.edge.raw import until

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


async def alone(load: Load) -> Result:
    """What came of a load that has all turns."""
    (result,) = await play(Turns([load]))
    return result


@pytest.mark.parametrize("name", ["plain", "stream"])
async def test_every_answer_is_counted(port: int, name: str) -> None:
    """Each connection sends its rounds, and each answer has its time."""
    result = await alone(load(port, name, connections=3, rounds=5))
    assert (result.answered, result.failed) == (15, 0)
    assert len(result.answer_microseconds) == 15
    assert result.lag_microseconds == []


async def test_each_paced_event_has_its_lag(port: int) -> None:
    """A paced stream tells of every one of its events when it was sent."""
    result = await alone(load(port, "paced", connections=4, rounds=1))
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
        result = await alone(load(port, "paced", connections=1, rounds=1))
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
        result = await alone(load(port, "plain", connections=2, rounds=3))
    assert (result.answered, result.failed) == (0, 2)
    assert result.example


async def test_loads_take_turns(port: int) -> None:
    """Each has all its turns over connections that stay open, in one order and in the other; a fault ends it all."""
    loads = [load(port, "plain", connections=2, rounds=3), load(port, "stream", connections=1, rounds=1)]
    results = await play(Turns(loads, 4))
    assert [(result.answered, result.failed) for result in results] == [(24, 0), (4, 0)]
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(4):
            head = await reader.readuntil(b"\r\n\r\n")
            requests.append(head.split(b" ")[1])
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" if number < 3 else b"")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        own = server.sockets[0].getsockname()[1]
        one, other = await play(Turns([load(own, "plain", 1, 1), load(own, "stream", 1, 1)], 9))
    paths = [f"/{name}/v1/chat/completions".encode() for name in ("plain", "stream")]
    assert requests == [paths[place] for place in (0, 1, 1, 0, 0, 1, 1, 0)]
    assert (one.answered, one.failed, other.answered, other.failed) == (3, 1, 3, 1)


async def test_a_connection_that_a_server_closes_between_turns_is_opened_anew() -> None:
    """It had been idle for too long, and its answers are whole."""
    read = asyncio.Event()

    async def serve_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await read.wait()
        writer.close()

    async with await asyncio.start_server(serve_once, "127.0.0.1", 0) as server:
        run = Run(load(server.sockets[0].getsockname()[1], "plain", connections=1, rounds=1))
        for _ in range(2):
            await run.turn()
            read.set()
            await until(lambda: not run.connected)
            read.clear()
    assert (run.result.answered, run.result.failed) == (2, 0)
