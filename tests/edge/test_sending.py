"""Head and first piece of an answer in one write, whatever the answer is made of."""

from typing import Any

import pytest

from tests.edge.raw import Application, exchange, serving

pytestmark = pytest.mark.anyio

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Speaker(Application):
    """An application that sends what it is told to, and notes what went wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self.fault: Exception | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serves one connection event."""
        if scope["type"] != "http":
            return
        try:
            for message in self.messages:
                await send(message)
        except RuntimeError as fault:
            self.fault = fault
            raise


def start(status: int = 200, **headers: str) -> dict[str, Any]:
    """The first message of an answer."""
    pairs = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": pairs}


def piece(body: bytes, more: bool = False) -> dict[str, Any]:
    """A piece of a body."""
    return {"type": "http.response.body", "body": body, "more_body": more}


async def said(*messages: dict[str, Any], request: bytes = GET) -> tuple[bytes, Speaker]:
    """What stands on the wire when an application says these messages."""
    speaker = Speaker()
    speaker.messages = list(messages)
    with serving(speaker) as running:
        raw = await exchange(running, request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    return raw, speaker


async def test_an_answer_with_a_length_is_whole() -> None:
    """Status line, headers, an empty line and the body, of the length that was told."""
    raw, _ = await said(start(content_length="4", x_a="b"), piece(b"gone"))
    head, _, body = raw.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nx-a: b" in head
    assert body == b"gone"


async def test_an_answer_in_pieces_is_chunked() -> None:
    """Each piece is a chunk, and the end is one of no bytes."""
    raw, _ = await said(start(), piece(b"one", more=True), piece(b"", more=True), piece(b"two", more=True), piece(b""))
    head, _, body = raw.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert body == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


async def test_an_answer_without_a_length_that_is_whole_is_one_chunk() -> None:
    """The last chunk follows at once, also where there is no other."""
    raw, _ = await said(start(), piece(b"all"))
    assert raw.endswith(b"\r\n\r\n3\r\nall\r\n0\r\n\r\n")
    raw, _ = await said(start(), piece(b""))
    assert raw.endswith(b"\r\n\r\n0\r\n\r\n")


async def test_an_answer_without_a_body_has_none() -> None:
    """204 has neither body nor length."""
    raw, _ = await said(start(204), piece(b""))
    assert raw.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert raw.endswith(b"\r\n\r\n")
    assert b"transfer-encoding" not in raw


async def test_a_head_is_answered_without_the_body() -> None:
    """The length is that of the body that a GET would have had."""
    raw, _ = await said(start(content_length="4"), piece(b"gone"), request=GET.replace(b"GET", b"HEAD"))
    assert b"content-length: 4" in raw
    assert raw.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("value", ["a\r\nset-cookie: b", "a\nb", "a\x00b"])
async def test_no_value_can_add_a_header(value: str) -> None:
    """A line break in a value is a fault of ours, and the caller gets none of it."""
    raw, speaker = await said(start(x_a=value), piece(b"x"))
    assert isinstance(speaker.fault, RuntimeError)
    assert b"set-cookie" not in raw
    assert b"x-a" not in raw


@pytest.mark.parametrize("body", [b"four", b"seventh"])
async def test_a_body_of_another_length_is_a_fault(body: bytes) -> None:
    """Nothing is sent of an answer that would leave the connection out of step."""
    raw, speaker = await said(start(content_length="5"), piece(body))
    assert isinstance(speaker.fault, RuntimeError)
    assert body not in raw


async def test_the_connection_serves_again() -> None:
    """After an answer comes the next request."""
    speaker = Speaker()
    speaker.messages = [start(content_length="2"), piece(b"ok")]
    with serving(speaker) as server:
        first = await exchange(server, GET + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert first.count(b"HTTP/1.1 200 OK") == 2
    assert first.count(b"connection: close") == 1
