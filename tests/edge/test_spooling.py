"""A body on its way through a file."""

import pytest

from tollbar.domain.errors import PayloadTooLarge
from tollbar.edge.line import Message
from tollbar.edge.receiving import CallerLeft
from tollbar.edge.spooling import WRITTEN_AT_ONCE, spooled

pytestmark = pytest.mark.anyio

PIECE = b"x" * (WRITTEN_AT_ONCE // 2 + 1)


class Sending:
    """A caller who sends these pieces, and then leaves unless the last one was."""

    def __init__(self, *pieces: bytes, is_whole: bool = True) -> None:
        self._messages: list[Message] = [{"type": "http.request", "body": one, "more_body": True} for one in pieces]
        if is_whole:
            self._messages.append({"type": "http.request", "body": b"end"})

    async def __call__(self) -> Message:
        """The next message."""
        return self._messages.pop(0) if self._messages else {"type": "http.disconnect"}


async def test_it_is_read_to_its_end_and_can_be_read_again() -> None:
    """Whoever sends it closes it; the bytes go when the block ends."""
    async with spooled([], Sending(PIECE, PIECE, PIECE), 10**7, "x") as body:
        for _ in range(2):
            body.seek(0)
            assert body.read() == PIECE * 3 + b"end"
            body.close()
    assert body.closed


async def test_what_is_too_large_or_breaks_off_never_gets_further() -> None:
    """By what it says of itself, or by what comes."""
    cases = [
        ([(b"content-length", b"11")], Sending(), 10, PayloadTooLarge),
        ([], Sending(b"x" * 8), 10, PayloadTooLarge),
        ([], Sending(b"x", is_whole=False), 10, CallerLeft),
    ]
    for headers, receive, most, kind in cases:
        with pytest.raises(kind):
            async with spooled(headers, receive, most, "files.max_bytes"):
                pass
