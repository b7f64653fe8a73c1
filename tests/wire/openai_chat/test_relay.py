"""A relayed answer goes out as it came, whatever its reads, and is never passed on as whole when it is not."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.openai_chat.test_request import TEXTS
from tests.wire.test_sse import chunked
from tollbar.domain.errors import StreamBroken, UpstreamFailed
from tollbar.domain.events import Frames
from tollbar.domain.usage import Usage, merge
from tollbar.wire import sse
from tollbar.wire.hearing import MAX_FRAME_BYTES
from tollbar.wire.openai_chat.relay import Relay

DONE = "[DONE]"
USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}


@dataclass(frozen=True, slots=True)
class Passed:
    """What came through a relay, all reads together."""

    raw: bytes
    output_bytes: int
    usage: Usage | None
    is_done: bool
    events: tuple[Frames, ...]


def relay(chunks: list[bytes], hide_usage: bool = False) -> Passed:
    """Feeds an answer to a relay and ends it; raises what the relay raises."""
    made = Relay(stream=True, hide_usage=hide_usage)
    events = [event for chunk in chunks if (event := made.feed(chunk)) is not None]
    if not made.is_done and (last := made.end()) is not None:
        events.append(last)
    usage: Usage | None = None
    for event in events:
        usage = merge(usage or Usage(), event.usage) if event.usage else usage
    size = sum(event.output_bytes for event in events)
    return Passed(b"".join(event.raw for event in events), size, usage, made.is_done, tuple(events))


def delta(text: str | None = None, index: int = 0, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One frame of one choice."""
    said = {} if text is None else {"content": text}
    return {"choices": [{"index": index, "delta": said, "finish_reason": finish}], **more}


def stream(*frames: dict[str, Any] | str, ending: str = "\n", before: str = "") -> bytes:
    """A stream of these frames; a text stands for itself."""
    text = ""
    for frame in frames:
        data = frame if isinstance(frame, str) else json.dumps(frame)
        text += f"{before}data: {data}{ending}{ending}"
    return text.encode()


WHOLE = (delta("", role="x"), delta("Hel"), delta("lo"), delta(finish="stop"), USAGE, DONE)

frames_of_one_choice = st.builds(
    lambda pieces, index: [*(delta(piece, index) for piece in pieces), delta(None, index, "stop")],
    st.lists(st.text(max_size=4), max_size=3),
    st.integers(0, 1),
)
notes = st.sampled_from([": ping", "event: message\ndata: {}", "data: {}", "id: 1", "data: {}\n: after"])


@st.composite
def answers(draw: st.DrawFn) -> tuple[list[str], str]:
    """The frames of a complete answer, comments and all, and the line ending they are written with."""
    choices = draw(
        st.lists(frames_of_one_choice, min_size=1, max_size=2, unique_by=lambda frames: json.dumps(frames[-1]))
    )
    told = [json.dumps(frame) for frames in choices for frame in frames]
    texts = [f"data: {data}" for data in told]
    if draw(st.booleans()):
        texts.append(f"data: {json.dumps(USAGE)}")
    for note in draw(st.lists(notes, max_size=2)):
        texts.insert(draw(st.integers(0, len(texts))), note)
    texts.append(draw(st.sampled_from(["data: [DONE]", "data:[DONE]"])))
    return texts, draw(st.sampled_from(["\n", "\r\n", "\r"]))


@given(answers(), st.booleans(), st.data())
def test_any_chunking_gives_the_same(case: tuple[list[str], str], hide: bool, data: st.DataObject) -> None:
    """The same bytes out, the same usage, the same count; every byte but the hidden report's."""
    texts, ending = case
    blocks = [(text.replace("\n", ending) + ending * 2).encode() for text in texts]
    raw = b"".join(blocks)
    chunks = data.draw(chunked(raw))
    passed, at_once = relay(chunks, hide), relay([raw], hide)
    hidden = f"data: {json.dumps(USAGE)}"
    assert passed.raw == b"".join(
        block for block, text in zip(blocks, texts, strict=True) if not hide or text != hidden
    )
    assert (passed.raw, passed.output_bytes, passed.usage) == (at_once.raw, at_once.output_bytes, at_once.usage)
    assert passed.usage == (Usage(7, 3) if hidden in texts else None)
    assert passed.is_done
    assert [event.is_last for event in passed.events] == [*[False] * (len(passed.events) - 1), True]


def test_only_the_report_that_we_asked_for_is_hidden() -> None:
    """A usage beside a choice goes out, and so does a frame with neither; all of it is read."""
    beside = delta("x", usage={"prompt_tokens": 1, "completion_tokens": 9})
    frames = (
        delta("a"),
        {"choices": [], "note": 1},
        beside,
        {"choices": [], "usage": None},
        delta(finish="stop"),
        USAGE,
        DONE,
    )
    hidden = relay([stream(*frames)], hide_usage=True)
    assert hidden.raw == stream(*[frame for frame in frames if frame is not USAGE])
    assert hidden.usage == Usage(7, 3)
    assert relay([stream(*frames)]).raw == stream(*frames)


def test_a_hidden_report_alone_in_a_read_is_still_told() -> None:
    """No byte goes out, but the meter hears of it."""
    passed = relay([stream(frame) for frame in WHOLE], hide_usage=True)
    assert [(event.raw, event.usage) for event in passed.events if event.usage] == [(b"", Usage(7, 3))]


@pytest.mark.parametrize("blank_lines", ["\n\n", "\n\n\n", "\n\n\n\n"])
def test_a_report_is_hidden_however_it_is_written(blank_lines: str) -> None:
    """Without the space after the colon, with more blank lines than are due: what is left is the rest, once."""
    words = stream(delta("hello", finish="stop"))
    hidden = relay([words + f"data:{json.dumps(USAGE)}{blank_lines}".encode()], hide_usage=True)
    assert (hidden.raw.strip(), hidden.usage) == (words.strip(), Usage(7, 3))


def test_preludes_are_no_content() -> None:
    """The role, an empty piece and a comment come before the point of no return; text, tools and an end do not."""
    chunks = [
        stream(delta("", role="assistant")),
        b": ping\n\n",
        stream({"choices": []}),
        stream(delta("x")),
        stream({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0}]}}]}),
        stream(delta(finish="stop")),
        stream(DONE),
    ]
    assert [event.is_content for event in relay(chunks).events] == [False, False, False, True, True, True, False]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_an_answer_that_is_cut_anywhere_is_broken(ending: str) -> None:
    """At every byte: either it raises, or every choice had finished; and it is never taken for done."""
    raw = stream(
        delta("", 0),
        delta("Hel", 0),
        delta("x", 1),
        delta(None, 1, "stop"),
        delta(None, 0, "length"),
        DONE,
        ending=ending,
    )
    finished = raw.index(b'"length"') + len(b'"length"}]}')
    for cut in range(len(raw)):
        try:
            passed = relay([raw[:cut]])
        except StreamBroken as fault:
            assert cut < finished or fault.message  # noqa: PT017
            continue
        assert cut >= finished
        assert raw[:cut].startswith(passed.raw)
        assert not passed.is_done or cut >= raw.index(b"[DONE]") + len(DONE)


@pytest.mark.parametrize(
    "frames",
    [
        (),
        (DONE,),
        (USAGE, DONE),
        (delta("x"), DONE),
        (delta("x", 0), delta("y", 1), delta(finish="stop", index=1), DONE),
        (delta("x"),),
        ({"choices": [{"index": 1, "delta": {}}, {"index": 0, "delta": {}, "finish_reason": "stop"}]}, DONE),
    ],
)
def test_a_choice_without_its_end_is_a_cut(frames: tuple[dict[str, Any] | str, ...]) -> None:
    """An end mark makes nothing whole: each choice that was seen has to finish, and there has to be one."""
    with pytest.raises(StreamBroken, match="before its answer was complete") as fault:
        relay([stream(*frames)])
    assert fault.value.is_retryable


def test_an_answer_may_end_without_its_last_line() -> None:
    """The blank line, or even the end mark, is left out by some providers."""
    raw = stream(*WHOLE)
    assert relay([raw[:-1]]).raw == raw[:-1]
    assert relay([raw[:-2]]).is_done
    unmarked = stream(*WHOLE[:-1])
    assert (relay([unmarked]).raw, relay([unmarked]).is_done) == (unmarked, False)


@pytest.mark.parametrize(
    "after", [b"data: {garbage\n\n", b"\n\n", stream(delta("more")), b": bye\n\n", stream(DONE), b"x"]
)
def test_nothing_follows_the_end_mark(after: bytes) -> None:
    """What a provider says after it is not the answer's, in the same read or in a later one."""
    raw = stream(*WHOLE)
    for chunks in ([raw + after], [raw, after], [raw[:-1], raw[-1:] + after]):
        assert relay(chunks).raw == raw


def test_nothing_is_given_after_the_end_mark() -> None:
    """Not by a read, and not by the end."""
    made = Relay(stream=True, hide_usage=False)
    made.feed(stream(*WHOLE))
    assert (made.feed(stream(delta("more"))), made.end()) == (None, None)


@pytest.mark.parametrize(
    "data",
    ["{", "nul", '{"choices":[', "{}x", '"x"', "[]", '{"error":{"message":"no"}}', '{"choices":[],"error":"no"}'],
)
def test_garbled_frames_and_errors_break_the_stream(data: str) -> None:
    """Whether they come first or last, they are not passed on."""
    for frames in ((data, *WHOLE), (*WHOLE[:-1], data, DONE)):
        with pytest.raises(StreamBroken):
            relay([stream(*frames)])


def test_lone_surrogates_are_passed_on() -> None:
    """msgspec would not read them; they are counted by their bytes, and go out as they came."""
    frame = '{"choices":[{"index":0,"delta":{"content":"\\ud83e"}}]}'
    raw = stream(frame, delta(finish="stop"), DONE)
    passed = relay([raw])
    assert (passed.raw, passed.output_bytes) == (raw, len(frame))


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_hard_texts_come_through(text: str, ascii_only: bool) -> None:
    """In reads of three bytes: the same bytes out, and the same words when they are put together."""
    if not ascii_only and any("\ud800" <= character <= "\udfff" for character in text):
        return
    frames = [json.dumps(delta(piece), ensure_ascii=ascii_only) for piece in (text[:1], text[1:])]
    raw = stream(*frames, delta(finish="stop"), DONE)
    passed = relay([raw[start : start + 3] for start in range(0, len(raw), 3)])
    assert passed.raw == raw
    read = [json.loads(data) for data in sse.payloads(passed.raw)[:-1] if data is not None]
    joined = "".join(frame["choices"][0]["delta"].get("content", "") for frame in read)
    assert joined.encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")


def test_data_of_several_lines_is_one_frame() -> None:
    """Pretty-printed JSON in an event is legal."""
    pretty = (
        b"".join(b"data: " + line + b"\n" for line in json.dumps(delta("abc"), indent=1).encode().split(b"\n")) + b"\n"
    )
    raw = b"event: chunk\n" + pretty + stream(delta(finish="stop"), DONE)
    passed = relay([raw])
    assert (passed.raw, passed.output_bytes) == (raw, 3)


def test_a_frame_without_end_is_refused() -> None:
    """A provider cannot fill our memory with one event."""
    made = Relay(stream=True, hide_usage=False)
    piece = b"x" * (1 << 20)
    for _ in range(MAX_FRAME_BYTES >> 20):
        assert made.feed(piece) is None
    with pytest.raises(StreamBroken, match="more than"):
        made.feed(b"x")


def document(**fields: Any) -> bytes:
    """A plain answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
    return json.dumps({"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 2}, **fields}).encode()


@given(st.data())
def test_a_plain_answer_is_one_event(data: st.DataObject) -> None:
    """The document as it came, whatever the reads."""
    made = Relay(stream=False, hide_usage=True)
    for chunk in data.draw(chunked(document())):
        assert made.feed(chunk) is None
    assert made.end() == Frames(document(), True, 5, Usage(5, 2), True)


def test_a_plain_answer_may_leave_its_usage_out() -> None:
    """Then there is none; nothing is invented."""
    made = Relay(stream=False, hide_usage=False)
    made.feed(document(usage=None))
    assert made.end() == Frames(document(usage=None), True, 5, None, True)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", document()[:-1], b"<html>", b"[]", document(choices=[]), document(choices=None), document(error="no")],
)
def test_a_plain_answer_that_is_none_has_failed(raw: bytes) -> None:
    """Nothing went out yet, so another attempt may be made."""
    made = Relay(stream=False, hide_usage=False)
    made.feed(raw)
    with pytest.raises(UpstreamFailed) as fault:
        made.end()
    assert fault.value.is_retryable
