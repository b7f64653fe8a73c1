"""Which events end the time in which another attempt is allowed."""

import pytest

from tollbar.domain.events import (
    Finished,
    FinishReason,
    Frames,
    Refused,
    Said,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolArguments,
    ToolCalled,
    UsageSeen,
    is_content,
    output_bytes,
)
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
        (Thinking("Hm."), True),
        (Refused("No."), True),
        (ToolCalled(0, "a", "f"), True),
        (ToolArguments(0, "{"), True),
        (Finished(FinishReason.STOP), True),
    ],
)
def test_content_is_told_from_preludes(event: StreamEvent, content: bool) -> None:
    """Text, relayed content, and an end that comes without any are what a caller waits for; the rest is prelude."""
    assert content is is_content(event)


@pytest.mark.parametrize(
    ("event", "size"),
    [
        (Text("é"), 2),
        (Text("\ud800"), 3),
        (Thinking("Hm."), 3),
        (Refused(""), 0),
        (ToolCalled(0, "id", "f"), 1),
        (ToolArguments(0, "{}"), 2),
    ],
)
def test_content_is_counted_in_bytes(event: Said, size: int) -> None:
    """Of whatever kind; the id of a call is nobody's words."""
    assert output_bytes(event) == size
