"""An answer's text arrives as it was said, by any reader that keeps to the standard."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.wire.simple.sse_reader import Event, read_events
from tollbar.domain.completion import CompletionRequest, Source
from tollbar.domain.conversation import Conversation
from tollbar.domain.events import (
    Finished,
    FinishReason,
    Refused,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolCalled,
    UsageSeen,
)
from tollbar.domain.usage import Usage
from tollbar.wire.dialect import Stamp
from tollbar.wire.simple.answered import EventText, PlainText, document

STAMP = Stamp("r", 0)
REQUEST = CompletionRequest("m", Source("simple", b"", {}, lambda: Conversation(())))
END = Event("message", "[DONE]")
pieces = st.lists(
    st.one_of(st.text(max_size=6), st.text("\r\n ab:", max_size=6), st.sampled_from(["[DONE]", "\n", " ", "data: x"]))
)


def streamed(kind: type[EventText] | type[PlainText], events: Sequence[StreamEvent]) -> bytes:
    """The bytes of a stream."""
    encoder = kind(REQUEST, STAMP)
    return b"".join(map(encoder.encode, events)) + encoder.end()


def as_lines(text: str) -> str:
    """The text with the one line end that the format knows, and without what UTF-8 cannot hold."""
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()


@given(pieces)
@example(["a\r", "\nb"])
@example(["\r"])
@example(["", " ", "  two", "\n\n", "[DONE]"])
def test_a_reader_gets_the_same_text_back(said: list[str]) -> None:
    """Spaces and newlines kept, wherever the pieces end; the end mark is the last event and no other looks like it."""
    events = read_events(streamed(EventText, [*map(Text, said), Finished(FinishReason.STOP)]))
    assert events[-1] == END
    assert END not in events[:-1]
    assert "".join(event.data for event in events[:-1]) == as_lines("".join(said))


@given(pieces)
def test_plain_text_is_nothing_but_the_text(said: list[str]) -> None:
    """Byte for byte."""
    assert streamed(PlainText, list(map(Text, said))) == "".join(said).encode("utf-8", "replace")


def test_a_piece_is_an_event() -> None:
    """As the systems before wrote them: a word that begins with a space has two after the colon."""
    assert streamed(EventText, [Text("Once"), Text(" upon")]) == b"data: Once\n\ndata:  upon\n\ndata: [DONE]\n\n"


@pytest.mark.parametrize("kind", [EventText, PlainText])
def test_only_words_are_told(kind: type[EventText] | type[PlainText]) -> None:
    """Thoughts, tools and figures are not; words for declining are."""
    silent = [Started("i", "m"), Thinking("Hm."), ToolCalled(0, "a", "f"), UsageSeen(Usage(1))]
    assert streamed(kind, silent) == streamed(kind, [])
    assert b"No." in streamed(kind, [Refused("No.")])


def test_a_document_has_one_field() -> None:
    """The text of the first choice, whole; the words for declining where there are no others."""
    encode = document("response")

    def text(*events: StreamEvent) -> object:
        return json.loads(encode(REQUEST, events, STAMP))

    assert text(Text("He"), Text("llo"), Text("other", 1), Thinking("x")) == {"response": "Hello"}
    assert text(Refused("No.")) == {"response": "No."}
    assert text() == {"response": ""}
    assert text(Text("half \ud800")) == {"response": "half \ud800"}
