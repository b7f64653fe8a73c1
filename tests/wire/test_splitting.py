"""What every splitter has in common."""

import pytest

from tollbar.wire import ndjson, sse
from tollbar.wire.bedrock import eventstream
from tollbar.wire.splitting import Splitter


@pytest.mark.parametrize("kind", [sse.Splitter, ndjson.Splitter, eventstream.Splitter])
def test_what_is_no_whole_frame_yet_is_counted_and_handed_over(kind: type[Splitter]) -> None:
    """Once, at the end; then nothing is left."""
    splitter = kind()
    assert (splitter.feed(b"abc"), splitter.size) == (b"", 3)
    assert (splitter.finish(), splitter.size, splitter.finish()) == (b"abc", 0, b"")
