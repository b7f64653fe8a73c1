"""A body is read within its limit, or not at all."""

import pytest

from tollbar.domain.errors import InvalidValue, PayloadTooLarge
from tollbar.edge.line import Message, Receive
from tollbar.edge.receiving import CallerLeft, read_body, too_large

pytestmark = pytest.mark.anyio


def receiving(*pieces: object, ends: bool = True) -> Receive:
    """A `receive` that hands out pieces; an object that is no bytes is a message of its own."""
    messages: list[Message] = []
    for number, piece in enumerate(pieces, 1):
        if isinstance(piece, bytes | bytearray | memoryview):
            more = number < len(pieces) or not ends
            messages.append({"type": "http.request", "body": piece, "more_body": more})
        else:
            messages.append({"type": "http.disconnect"})

    async def receive() -> Message:
        return messages.pop(0)

    return receive


async def test_a_body_in_one_piece_and_in_many_is_the_same() -> None:
    """Pieces are joined in order, empty ones included, whatever buffer they came in."""
    assert await read_body([], receiving(b"abc"), 10) == b"abc"
    assert await read_body([], receiving(b"a", b"", bytearray(b"b"), memoryview(b"c")), 10) == b"abc"
    assert await read_body([], receiving(b""), 10) == b""


async def test_a_message_without_a_body_is_an_empty_piece() -> None:
    """ASGI lets the field be left out."""

    async def receive() -> Message:
        return {"type": "http.request"}

    assert await read_body([], receive, 10) == b""


async def test_a_body_of_exactly_the_limit_is_read() -> None:
    """The limit is the largest body, not the smallest refused one."""
    assert await read_body([(b"content-length", b"4")], receiving(b"ab", b"cd"), 4) == b"abcd"


async def test_a_told_length_over_the_limit_is_refused_unread() -> None:
    """Nothing is asked of the connection."""

    async def receive() -> Message:
        raise AssertionError("the body was read")

    with pytest.raises(PayloadTooLarge) as caught:
        await read_body([(b"content-length", b"5")], receive, 4)
    assert caught.value.details == {"max": 4}


async def test_an_untold_length_is_counted_as_it_comes() -> None:
    """A chunked body is refused with the piece that goes beyond; later ones are not asked for."""
    with pytest.raises(PayloadTooLarge):
        await read_body([], receiving(b"ab", b"cd", b"e", ends=False), 4)


async def test_an_untold_length_in_one_piece_is_counted_too() -> None:
    """A limit below the server's own piece size holds for chunked bodies as well."""
    with pytest.raises(PayloadTooLarge):
        await read_body([], receiving(b"abcde"), 4)


@pytest.mark.parametrize("encoding", [b"gzip", b"br", b"gzip, identity", b"zstd"])
async def test_a_compressed_body_is_refused_unread(encoding: bytes) -> None:
    """Nobody can hide a gigabyte in a kilobyte."""
    with pytest.raises(InvalidValue, match="compressed"):
        await read_body([(b"content-encoding", encoding)], receiving(b"x"), 4)


@pytest.mark.parametrize("encoding", [b"identity", b"", b" Identity "])
async def test_no_compression_by_name_is_fine(encoding: bytes) -> None:
    """`identity` says that there is none."""
    assert await read_body([(b"content-encoding", encoding)], receiving(b"x"), 4) == b"x"


@pytest.mark.parametrize("pieces", [(None,), (b"a", None), (b"a", b"b", None)])
async def test_a_caller_who_leaves_is_noticed(pieces: tuple[object, ...]) -> None:
    """Half a body is no body."""
    with pytest.raises(CallerLeft):
        await read_body([], receiving(*pieces, ends=False), 10)


def test_the_error_names_the_figure() -> None:
    """How much would have been accepted, for people and for programs."""
    error = too_large(1_024)
    assert "1024 bytes" in error.message
    assert error.details == {"max": 1_024}
