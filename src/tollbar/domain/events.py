"""What a provider says during a call, in order, as small frozen values.

Everything a provider can say is a stream of these, also when it answered with one document. `Frames` is the exception
that makes relaying cheap: bytes of the provider's own dialect that can go to a caller of the same dialect untouched,
with what the meter must know about them read on the way.
"""

from enum import StrEnum
from typing import NamedTuple

from tollbar.domain.messages import Citation
from tollbar.domain.usage import Usage


class FinishReason(StrEnum):
    """Why an answer ended, in OpenAI's words."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    CANCELLED = "cancelled"
    """It was ended from outside; no dialect has a word for it, so each says its word for an end."""


class Dropped(NamedTuple):
    """What of the request the provider's dialect had no word for: knobs, by the caller's names; never content."""

    fields: tuple[str, ...]


class Started(NamedTuple):
    """The provider took the call; no content yet."""

    id: str
    model: str


class Text(NamedTuple):
    """A piece of the answer's text."""

    text: str
    choice: int = 0


class Thinking(NamedTuple):
    """A piece of the model's thoughts. A `signature` proves all of this choice's thoughts so far, and ends them.

    Redacted thoughts have no text; the signature holds them, encrypted.
    """

    text: str
    choice: int = 0
    signature: str = ""
    is_redacted: bool = False


class Refused(NamedTuple):
    """A piece of the model's words for declining."""

    text: str
    choice: int = 0


class ToolCalled(NamedTuple):
    """The model begins to call a tool; `index` counts the calls of a choice, from 0.

    A `signature` proves the thoughts that led to the call, where the provider puts it there.
    """

    index: int
    id: str
    name: str
    choice: int = 0
    signature: str = ""


class ToolArguments(NamedTuple):
    """A piece of the arguments, JSON text, of the call with that index."""

    index: int
    text: str
    choice: int = 0


class Cited(NamedTuple):
    """The choice's text so far, or the part of it that the citation says, rests on a source."""

    citation: Citation
    choice: int = 0


class UsageSeen(NamedTuple):
    """The provider's report of what the call consumed."""

    usage: Usage


class Finished(NamedTuple):
    """One choice is complete; `stop_sequence` is the caller's own word that ended it, where the provider tells."""

    reason: FinishReason
    choice: int = 0
    stop_sequence: str | None = None


class Frames(NamedTuple):
    """One upstream read of whole frames (or the whole document), to be relayed as it stands.

    `output_bytes` counts the content within; `is_content` says that there is some, which ends the time in which another
    attempt is allowed; `is_last` that the provider said it is done, every choice having finished. `content_type` says
    what a document is.
    """

    raw: bytes
    is_content: bool
    output_bytes: int = 0
    usage: Usage | None = None
    is_last: bool = False
    content_type: str = "application/json"


Said = Text | Thinking | Refused | ToolCalled | ToolArguments
"""What a choice consists of."""

_CONTENT = (Text, Thinking, Refused, ToolCalled, ToolArguments, Finished)

StreamEvent = Dropped | Started | Said | Cited | UsageSeen | Finished | Frames


def is_content(event: StreamEvent) -> bool:
    """Whether the event carries something a caller waits for, or tells that there is nothing to wait for."""
    return isinstance(event, _CONTENT) or (isinstance(event, Frames) and event.is_content)


def output_bytes(event: Said) -> int:
    """How many bytes of content an event holds."""
    text = event.name if isinstance(event, ToolCalled) else event.text
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
