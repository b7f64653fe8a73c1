"""The answers of the simple endpoints: one text, in a document of one field, as events, or as it is.

A stream of events keeps the text as it is, for any reader that keeps to the HTML Standard's section 9.2: a space at the
beginning of a piece, newlines within it, and a line end that falls between two pieces. That format knows one line end
only: CR and CRLF arrive as LF.
"""

from collections.abc import Callable, Sequence

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.events import Refused, StreamEvent, Text
from tollbar.domain.fold import fold
from tollbar.domain.messages import RefusalPart
from tollbar.wire import sse
from tollbar.wire.dialect import Stamp
from tollbar.wire.writing import encoded

END_MARK = "[DONE]"


def document(field: str) -> Callable[[CompletionRequest, Sequence[StreamEvent], Stamp], bytes]:
    """What writes a complete answer as `{field: text}`."""

    def encode(request: CompletionRequest, events: Sequence[StreamEvent], stamp: Stamp) -> bytes:
        return encoded({field: _text(events)})

    return encode


class EventText:
    """Writes an answer as server-sent events, one for each piece of text, closed by `[DONE]`."""

    def __init__(self, request: CompletionRequest, stamp: Stamp) -> None:
        self._held = ""

    def encode(self, event: StreamEvent) -> bytes:
        """The event that carries a piece of text."""
        if not isinstance(event, Text | Refused):
            return b""
        text = self._held + event.text
        # The LF of a CRLF may be the next piece's first character: together they are one line end, not two.
        self._held = "\r" if text.endswith("\r") else ""
        return _event(text.removesuffix("\r"))

    def end(self) -> bytes:
        """What was held back, and the end mark."""
        return _event(self._held) + sse.event(END_MARK.encode())


class PlainText:
    """Writes an answer as nothing but its text."""

    def __init__(self, request: CompletionRequest, stamp: Stamp) -> None:
        pass

    def encode(self, event: StreamEvent) -> bytes:
        """The piece of text."""
        return _bytes(event.text) if isinstance(event, Text | Refused) else b""

    def end(self) -> bytes:
        """Nothing: the end of the body is the end of the text."""
        return b""


def _event(text: str) -> bytes:
    if text == END_MARK:  # the model's own words must not be taken for the end
        return sse.event(text[:1].encode()) + sse.event(text[1:].encode())
    return sse.event(_bytes(text)) if text else b""


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _text(events: Sequence[StreamEvent]) -> str:
    """The words of the first choice; those for declining where there are no others."""
    answers = fold(events).answers
    if not answers:
        return ""
    first = answers[0]
    return first.text or "".join(part.text for part in first.parts if isinstance(part, RefusalPart))
