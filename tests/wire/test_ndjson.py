"""Lines are cut where they end, whatever the chunks."""

from hypothesis import given
from hypothesis import strategies as st

from tollbar.wire.ndjson import Splitter


@given(st.lists(st.binary(max_size=8).map(lambda data: data.replace(b"x", b"\n")), max_size=8))
def test_nothing_is_lost_and_blocks_end_with_a_line(pieces: list[bytes]) -> None:
    """Blocks and the rest are exactly what was fed, and no whole line waits."""
    splitter = Splitter()
    blocks = [splitter.feed(piece) for piece in pieces]
    assert all(block.endswith(b"\n") for block in blocks if block)
    size, rest = splitter.size, splitter.finish()
    assert b"".join([*blocks, rest]) == b"".join(pieces)
    assert (b"\n" in rest, size, splitter.size) == (False, len(rest), 0)


def test_blank_lines_are_no_documents() -> None:
    """Nor is what lies between two line feeds, of whatever blanks."""
    block = b'{"a":1}\n\n \r\n{"b":2}\r\n3'
    assert Splitter().payloads(block) == [b'{"a":1}\n', None, None, b'{"b":2}\r\n', b"3"]
    assert b"".join(Splitter().frames(block)) == block
