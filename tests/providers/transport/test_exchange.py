"""One write for a request, and what is sent with it."""

import asyncio
import io

import pytest

from tollbar.providers.transport.exchange import Address, Handler

HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer k"}


def test_a_request_is_one_piece() -> None:
    """Head and body together, with the host as HTTP wants it and the length of the body."""
    address = Address("POST", "http://127.0.0.1:9/v1/chat/completions?a=b", HEADERS)
    head, _, body = address.message(b"{}").partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /v1/chat/completions?a=b HTTP/1.1",
        b"Host: 127.0.0.1:9",
        b"Content-Type: application/json",
        b"Authorization: Bearer k",
        b"Content-Length: 2",
    ]
    assert body == b"{}"


def test_a_question_has_no_body_and_no_length() -> None:
    """A GET is its head alone."""
    message = Address("GET", "https://api.example/v1/models", {}).message(b"")
    assert message == b"GET /v1/models HTTP/1.1\r\nHost: api.example\r\n\r\n"


@pytest.mark.parametrize("value", ["a\r\nX-More: b", "a\nb", "a\x00", "a\x7f"])
def test_no_header_can_bring_another(value: str) -> None:
    """A key with a line break in it is refused before anything is sent."""
    with pytest.raises(ValueError, match="header"):
        Address("POST", "http://a/", {"Authorization": value})


@pytest.mark.anyio
async def test_what_aiohttp_writes_has_the_same_head() -> None:
    """Large bodies and proxies take another way to the same bytes."""
    address = Address("POST", "http://a.example/x", HEADERS, "http://proxy.example:3128")
    request = address.request(io.BytesIO(b"{}"))
    assert (request.method, str(request.url), str(request.proxy)) == (
        "POST",
        "http://a.example/x",
        "http://proxy.example:3128",
    )
    assert {"Host": "a.example", **HEADERS, "Content-Length": "2"}.items() <= dict(request.headers).items()


class Socket(asyncio.Transport):
    """A connection that notes each time that it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.resumed = 0

    def pause_reading(self) -> None:
        """Nothing is read."""

    def resume_reading(self) -> None:
        """It goes on."""
        self.resumed += 1


@pytest.mark.anyio
async def test_only_what_was_stopped_goes_on() -> None:
    """aiohttp says so after each read, which for a stream of tokens is as much work as the read itself."""
    socket, handler = Socket(), Handler(asyncio.get_running_loop())
    handler.connection_made(socket)
    handler.set_response_params()
    handler.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    handler.resume_reading()
    assert socket.resumed == 0
    handler.pause_reading()
    handler.resume_reading()
    assert socket.resumed == 1
