"""Connections that are too large, too slow or ambiguous get one answer and their end; all others get through."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import pytest

from tests.edge.raw import FLEETING, HEAD_END, QUICK, Application, Response, calling, exchange, serving, until
from tollbar.edge.refusal import ConnectionLimits
from tollbar.edge.server import Server

pytestmark = pytest.mark.anyio

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass(frozen=True)
class Setup:
    """Servers with the usual limits, short deadlines of requests, a short one of waiting; and their application."""

    running: Server
    quick: Server
    fleeting: Server
    application: Application


@pytest.fixture(scope="module", params=[False, True], ids=["asyncio", "uvloop"])
def setup(request: pytest.FixtureRequest) -> Iterator[Setup]:
    """Servers on each of the event loops that there may be: they differ in how they close connections."""
    application = Application()
    with (
        serving(application, uses_uvloop=request.param) as running,
        serving(application, QUICK, uses_uvloop=request.param) as quick,
        serving(application, FLEETING, uses_uvloop=request.param) as fleeting,
    ):
        yield Setup(running, quick, fleeting, application)


@pytest.fixture
def application(setup: Setup) -> Application:
    """The application of all servers, which shows what reached it."""
    setup.application.forget()
    return setup.application


@pytest.fixture
def running(setup: Setup, application: Application) -> Server:
    """A server with its usual limits."""
    return setup.running


@pytest.fixture
def quick(setup: Setup, application: Application) -> Server:
    """A server whose deadlines for a request are fractions of a second."""
    return setup.quick


@pytest.fixture
def fleeting(setup: Setup, application: Application) -> Server:
    """A server that waits a fraction of a second for a request."""
    return setup.fleeting


async def test_an_ordinary_request_gets_through(running: Server, application: Application) -> None:
    """A request arrives whole, and its connection serves another."""
    async with calling(running) as caller:
        for _ in range(2):
            await caller.send(POST + b"Content-Length: 5\r\n\r\nhello")
            response = await caller.response()
            assert (response.status, response.body) == (200, b"hello")
            assert "connection" not in response.headers
    assert application.seen == [("POST", "/", b"hello")] * 2


async def test_a_request_in_small_pieces_gets_through(running: Server, application: Application) -> None:
    """It does not matter how the bytes of a request are cut."""
    request = POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    async with calling(running) as caller:
        for start in range(0, len(request), 7):
            caller.writer.write(request[start : start + 7])
            await caller.writer.drain()
            await asyncio.sleep(0.001)
        response = await caller.response()
    assert response.body == b"hello world"


async def test_pipelined_requests_are_answered_in_order(running: Server) -> None:
    """Requests sent without waiting are served one after the other, bodies and all."""
    requests = [POST + f"Content-Length: {size}\r\n\r\n".encode() + b"x" * size for size in (40_000, 3, 20_000)]
    async with calling(running) as caller:
        caller.writer.write(b"".join(requests))
        assert [len((await caller.response()).body) for _ in requests] == [40_000, 3, 20_000]


SMUGGLING = {
    "length and chunks": POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunks and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 37\r\n\r\n" + SMUGGLED,
    "two equal lengths": POST + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
    "list of lengths": POST + b"Content-Length: 0, 37\r\n\r\n" + SMUGGLED,
    "signed length": POST + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
    "hexadecimal length": POST + b"Content-Length: 0x0\r\n\r\n" + SMUGGLED,
    "endless length": POST + b"Content-Length: 99999999999999999999999\r\n\r\n" + SMUGGLED,
    "unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "coding before chunks": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "coding after chunks": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two codings": POST + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "hidden coding": POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "space before colon": POST + b"Content-Length : 37\r\n\r\n" + SMUGGLED,
    "folded header": GET + b"X-Long: one\r\n two\r\n\r\n" + SMUGGLED,
    "folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "bare line feed": b"GET / HTTP/1.1\nHost: a\n\n" + SMUGGLED,
    "one bare line feed": b"GET / HTTP/1.1\r\nHost: a\nX-Other: b\r\n\r\n" + SMUGGLED,
    "bare carriage return": b"GET / HTTP/1.1\r\nHost: a\rX-Other: b\r\n\r\n" + SMUGGLED,
    "NUL in a value": GET + b"X-Other: a\x00b\r\n\r\n" + SMUGGLED,
    "NUL in a name": GET + b"X-Ot\x00her: a\r\n\r\n" + SMUGGLED,
    "NUL in the address": b"GET /a\x00b HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED,
    "header without colon": GET + b"Host\r\n\r\n" + SMUGGLED,
    "two hosts": GET + b"Host: b\r\n\r\n" + SMUGGLED,
    "no host": b"GET / HTTP/1.1\r\n\r\n" + SMUGGLED,
    "chunk size with prefix": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n" + SMUGGLED,
    "chunk size with sign": CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n" + SMUGGLED,
    "chunk size with space": CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n" + SMUGGLED,
    "chunk size overflow": CHUNKED + b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n" + SMUGGLED,
    "chunk size with line feed": CHUNKED + b"5\nhello\r\n0\r\n\r\n" + SMUGGLED,
    "chunk longer than told": CHUNKED + b"5\r\nhelloXX0\r\n\r\n" + SMUGGLED,
    "chunk extension with line feed": CHUNKED + b"5;a\nb\r\nhello\r\n0\r\n\r\n" + SMUGGLED,
    "trailer": CHUNKED + b"0\r\nAuthorization: Bearer b\r\n\r\n" + SMUGGLED,
    "upgrade with a body": POST + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 37\r\n\r\n" + SMUGGLED,
    "tunnel": b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n" + SMUGGLED,
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + SMUGGLED,
    "another protocol's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SMUGGLED,
}


async def test_ambiguous_framing_gets_one_refusal_and_the_end(running: Server, application: Application) -> None:
    """What two readers could frame differently is refused once, and nothing behind it is served."""
    answers = await asyncio.gather(*(exchange(running, request) for request in SMUGGLING.values()))
    outcomes = {
        name: (data.count(b"HTTP/1.1 "), Response.parse(data).status)
        for name, data in zip(SMUGGLING, answers, strict=True)
    }
    assert outcomes == dict.fromkeys(SMUGGLING, (1, 400))
    assert application.seen == []


@pytest.mark.parametrize("size", [1, 3, 11])
async def test_a_refusal_does_not_depend_on_how_bytes_are_cut(size: int, running: Server) -> None:
    """Chunks that go wrong are refused as well when they arrive in pieces."""
    request = CHUNKED + b"5\r\nhelloXX0\r\n\r\n"
    async with calling(running) as caller:
        for start in range(0, len(request), size):
            caller.writer.write(request[start : start + size])
            await asyncio.sleep(0.001)
        data = await caller.rest()
    assert data.count(b"HTTP/1.1 ") == 1
    assert Response.parse(data).status == 400


async def test_a_refusal_is_the_unified_error(running: Server) -> None:
    """The answer is JSON in the shape of the address, has an id, and closes the connection."""
    response = Response.parse(await exchange(running, GET + b"Authorization: a\r\nAuthorization: b\r\n\r\n"))
    assert response.error == {
        "code": "INVALID_REQUEST",
        "message": "There is more than one header 'authorization'.",
        "status": 400,
        "details": {},
    }
    assert response.headers["content-type"] == "application/json"
    assert response.headers["connection"] == "close"
    assert response.headers["x-request-id"].startswith("req_")
    assert response.headers["x-process-time"] == "0.000000"
    assert float(response.headers["x-memory-used"]) > 1


async def test_other_headers_may_come_twice(running: Server) -> None:
    """Only headers that decide who calls, and what, must be unique."""
    async with calling(running) as caller:
        await caller.send(GET + b"Accept: a\r\nAccept: b\r\n\r\n")
        assert (await caller.response()).status == 200


async def test_an_old_client_needs_no_host(running: Server) -> None:
    """HTTP/1.0 knows no Host header, and closes after its answer."""
    response = Response.parse(await exchange(running, b"GET / HTTP/1.0\r\n\r\n"))
    assert (response.status, response.headers["connection"]) == (200, "close")


async def test_an_upgrade_without_a_body_is_ignored(running: Server) -> None:
    """A client that offers another protocol is answered in this one, and the connection ends."""
    response = Response.parse(await exchange(running, GET + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n"))
    assert (response.status, response.headers["connection"]) == (200, "close")


async def test_trailers_never_become_headers(running: Server, application: Application) -> None:
    """What follows a chunked body is not among the headers that an application already looks at."""
    async with calling(running) as caller:
        await caller.send(CHUNKED + b"0\r\n")
        await caller.send(b"Authorization: Bearer b\r\n\r\n")
        assert (await caller.response()).status == 400
    assert application.headers == []
    await until(lambda: application.left == 1)  # it learns of it on a thread of its own


HEADS = {
    "long header": (GET + b"X-Large: " + b"a" * 15_000 + HEAD_END, 200),
    "longer header": (GET + b"X-Large: " + b"a" * 17_000 + HEAD_END, 431),
    "longer header, unfinished": (GET + b"X-Large: " + b"a" * 17_000, 431),
    "100 headers": (GET + b"".join(b"X-%d: a\r\n" % number for number in range(99)) + b"\r\n", 200),
    "101 headers": (GET + b"".join(b"X-%d: a\r\n" % number for number in range(100)) + b"\r\n", 431),
    "long address": (b"GET /" + b"a" * 8_191 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    "longer address": (b"GET /" + b"a" * 8_192 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "longer address, unfinished": (b"GET /" + b"a" * 20_000, 431),
}


async def test_heads_are_bounded(running: Server) -> None:
    """A head within its bounds passes; one byte, line or character more is refused, complete or not."""

    async def status(head: bytes) -> tuple[int, int]:
        async with calling(running) as caller:
            await caller.send(head)
            response = await caller.response()
            return response.status, response.error["status"] if response.body else 200

    outcomes = await asyncio.gather(*(status(head) for head, _ in HEADS.values()))
    assert dict(zip(HEADS, outcomes, strict=True)) == {name: (status,) * 2 for name, (_, status) in HEADS.items()}


async def test_an_endless_head_is_answered_however_much_is_sent(running: Server) -> None:
    """The refusal reaches a caller that goes on sending: its bytes are thrown away for a while, not reset."""
    async with calling(running) as caller:
        for _ in range(40):
            caller.writer.write(b"GET / HTTP/1.1\r\nX-Large: " + b"a" * 50_000)
            await asyncio.sleep(0.001)
        data = await caller.rest()
    assert Response.parse(data).status == 431
    assert data.count(b"HTTP/1.1 ") == 1


async def test_large_bodies_do_not_count_as_heads(running: Server) -> None:
    """A body beyond the bound on heads passes, alone or with the next head behind it in the same bytes."""
    large = POST + b"Content-Length: 100000\r\n\r\n" + b"x" * 100_000
    async with calling(running) as caller:
        for _ in range(2):
            caller.writer.write(large + GET)
            assert len((await caller.response()).body) == 100_000
            await caller.send(b"\r\n")
            assert (await caller.response()).status == 200


async def test_the_end_of_a_body_does_not_count_as_a_head(running: Server) -> None:
    """A head that begins in the same bytes as a long body ends has its whole bound."""
    async with calling(running) as caller:
        await caller.send(POST + b"Content-Length: 30000\r\n\r\n" + b"x" * 10_000)
        await caller.send(b"x" * 20_000 + GET)
        assert len((await caller.response()).body) == 30_000
        await caller.send(b"X-Large: " + b"a" * 10_000 + HEAD_END)
        assert (await caller.response()).status == 200


async def test_a_slow_head_gets_a_408(quick: Server) -> None:
    """A head that drips is refused when its time is up, though bytes keep coming."""
    async with calling(quick) as caller:
        for byte in GET[:12]:
            caller.writer.write(bytes([byte]))
            await asyncio.sleep(0.03)
        response = Response.parse(await caller.rest())
    assert (response.status, response.error["code"]) == (408, "REQUEST_TIMEOUT")


async def test_a_silent_connection_is_closed_without_a_word(fleeting: Server) -> None:
    """A caller that never says anything is let go."""
    async with calling(fleeting) as caller:
        assert await caller.rest() == b""


async def test_a_stalled_body_gets_a_408(quick: Server, application: Application) -> None:
    """A body that stops arriving is refused, and the application learns that its caller is gone."""
    async with calling(quick) as caller:
        await caller.send(POST + b"Content-Length: 10\r\n\r\nhello")
        response = Response.parse(await caller.rest())
    assert response.status == 408
    await until(lambda: application.left == 1)  # it learns of it on a thread of its own


async def test_a_body_that_still_arrives_has_time(quick: Server) -> None:
    """Progress, however slow, is no stall; where a busy machine itself stood still for too long, it is tried again."""
    while True:
        async with calling(quick) as caller:
            times = [time.monotonic()]
            await caller.send(POST + b"Content-Length: 10\r\n\r\n")
            for _ in range(10):
                caller.writer.write(b"x")
                await asyncio.sleep(0.04)
                times.append(time.monotonic())
            response = await caller.response()
        if response.status == 200 or max(after - before for before, after in pairwise(times)) < 0.15:
            break
    assert response.body == b"x" * 10


async def test_a_slow_answer_has_no_deadline_here(quick: Server, application: Application) -> None:
    """Once a request is whole, the connection waits for the application as long as it takes."""
    async with calling(quick) as caller:
        await caller.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.sleep(0.4)
        application.release.set()
        assert (await caller.response()).status == 200


async def test_an_idle_connection_is_closed_between_requests(fleeting: Server) -> None:
    """After an answer the connection waits its time for the next request, and line ends do not prolong it."""
    async with calling(fleeting) as caller:
        await caller.send(GET + b"\r\n")
        assert (await caller.response()).status == 200
        await caller.send(b"\r\n")
        assert await caller.rest() == b""


async def test_deadlines_begin_anew_with_each_request(quick: Server) -> None:
    """Requests that follow each other without a pause over a long time are none of them late."""
    async with calling(quick) as caller:
        for _ in range(4):
            await caller.send(GET)
            await asyncio.sleep(0.07)
            caller.writer.write(b"\r\n")
            assert (await caller.response()).status == 200


async def test_garbage_behind_a_request_leaves_its_answer_alone(running: Server, application: Application) -> None:
    """While one request is served, a broken one behind it is dropped: one answer, whole, and the end."""
    async with calling(running) as caller:
        await caller.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n" + b"\x00garbage")
        await caller.send(SMUGGLED)
        application.release.set()
        data = await caller.rest()
    assert data.count(b"HTTP/1.1 ") == 1
    assert Response.parse(data).status == 200
    assert [path for _, path, _ in application.seen] == ["/wait"]


async def test_garbage_behind_queued_requests_drops_them_unserved(running: Server, application: Application) -> None:
    """Requests that had not begun when a broken one arrived are not served either."""
    async with calling(running) as caller:
        await caller.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n" + GET + b"\r\n" + b"garbage\r\n\r\n")
        application.release.set()
        data = await caller.rest()
    assert data.count(b"HTTP/1.1 ") == 1
    assert [path for _, path, _ in application.seen] == ["/wait"]


async def test_a_body_that_breaks_after_its_answer_began_is_cut(running: Server, application: Application) -> None:
    """No second answer follows the piece of a first: the connection just ends, short of the told length."""
    async with calling(running) as caller:
        await caller.send(CHUNKED.replace(b"/", b"/half", 1) + b"5\r\nhello\r\n")
        await caller.send(b"oops\r\n")
        data = await caller.rest()
    assert data.endswith(b"\r\n\r\nhalf:")
    await until(lambda: application.left == 1)  # it learns of it on a thread of its own


async def test_an_early_answer_throws_the_body_away(running: Server) -> None:
    """An answer that did not wait for the body leaves the connection usable once the body has come."""
    async with calling(running) as caller:
        await caller.send(POST.replace(b"/", b"/early", 1) + b"Content-Length: 200000\r\n\r\n")
        assert (await caller.response()).body == b"early"
        await caller.send(b"x" * 200_000)
        await caller.send(GET + b"\r\n")
        assert (await caller.response()).status == 200


async def test_an_early_answer_does_not_hold_the_connection(fleeting: Server) -> None:
    """After an early answer the rest of the body has the time of an idle connection, and no second answer comes."""
    async with calling(fleeting) as caller:
        await caller.send(POST.replace(b"/", b"/early", 1) + b"Content-Length: 200000\r\n\r\n")
        assert (await caller.response()).body == b"early"
        await caller.send(b"x")
        assert await caller.rest() == b""


async def test_many_idle_connections_leave_others_alone(fleeting: Server) -> None:
    """Connections that only wait are all closed in time, and a caller among them is served."""
    idle = [await asyncio.open_connection(*fleeting.address) for _ in range(200)]
    async with calling(fleeting) as caller:
        await caller.send(GET + b"\r\n")
        assert (await caller.response()).status == 200
    for reader, writer in idle:
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


def test_the_default_limits() -> None:
    """The limits of a server that is not told otherwise."""
    limits = ConnectionLimits()
    assert (limits.head_bytes, limits.header_lines, limits.url_bytes) == (16_384, 100, 8_192)
    assert (limits.head_seconds, limits.body_seconds, limits.idle_seconds) == (30.0, 60.0, 75.0)
