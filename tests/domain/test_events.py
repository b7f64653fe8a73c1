"""Which events end the time in which another attempt is allowed."""

import pytest

from tollbar.domain.events import Finished, FinishReason, Frames, Started, StreamEvent, Text, UsageSeen, is_content
from tollbar.domain.usage import Usage


@pytest.mark.parametrize(
    ("event", "content"),
    [
        (Started("a", "m"), False),
        (UsageSeen(Usage(1, 1)), False),
        (Frames(b"role", False), False),
        (Frames(b"hello", True, 5), True),
        (Text("hello"), True),
        (Text(""), True),
        (Finished(FinishReason.STOP), True),
    ],
)
def test_content_is_told_from_preludes(event: StreamEvent, content: bool) -> None:
    """Text, relayed content, and an end that comes without any are what a caller waits for; the rest is prelude."""
    assert content is is_content(event)
