"""Frames that are alike are counted as they would be one by one, and nothing that differs is taken for one of them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.openai_chat.test_request import TEXTS
from tollbar.wire import sse
from tollbar.wire.openai_chat import scan
from tollbar.wire.openai_chat.likeness import Likeness

texts = st.one_of(st.sampled_from(TEXTS), st.text(st.characters(exclude_categories=["Cs"]), max_size=5))


def frame(text: str, **more: Any) -> bytes:
    """One frame of words."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: " + json.dumps({"id": "a", "choices": [choice], **more}).encode() + b"\n\n"


def other(**delta: Any) -> bytes:
    """A frame of another kind."""
    return b"data: " + json.dumps({"id": "a", "choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"


ENDED = b'data: {"id":"a","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
REPORT = b'data: {"id":"a","choices":[],"usage":{"prompt_tokens":1}}\n\n'
OTHERS = (other(role="assistant", content=""), other(tool_calls=[]), ENDED, REPORT, b": ping\n\n")


@given(st.lists(texts, min_size=5, max_size=9), st.sampled_from([b"", OTHERS[0]]), st.lists(st.sampled_from(OTHERS)))
def test_a_run_is_counted_as_its_frames_are(said: list[str], before: bytes, after: list[bytes]) -> None:
    """Its place, its frames and its content, whatever stands before and behind."""
    words = list(map(frame, said))
    block = b"".join((before, *words, *after))
    run = Likeness().run_in(block)
    try:
        expected = sum(scan.output_bytes(choice) for one in words for choice in scan.read(one[6:-2]).choices or ())
    except UnicodeError:
        expected = None
    if run is None:
        assert any("\\ud" in json.dumps(text) for text in said)
        return
    assert block[run.start : run.end] in (b"".join(words), b"".join(words[1:]))
    assert run.count == len(sse.frames(block[run.start : run.end]))
    missed = b"".join(words).removesuffix(block[run.start : run.end])
    assert run.output_bytes == (expected or 0) - sum(
        scan.output_bytes(choice) for one in sse.frames(missed) for choice in scan.read(one[6:-2]).choices or ()
    )


@pytest.mark.parametrize("intruder", [*OTHERS, frame("x", padding="y"), b'data: {"a":"b"}\n\n', b"data: x\n\n"])
def test_what_differs_in_the_midst_is_no_run(intruder: bytes) -> None:
    """Every frame between the first and the last is looked at."""
    assert Likeness().run_in(frame("a") + frame("b") + intruder + frame("c") * 2) is None


@pytest.mark.parametrize(
    "words", [b'","', b'"', b"\\", b"\x01", b"\xff", b'a","choices":[{"index":1,"delta":{"content":"b']
)
def test_what_only_looks_like_words_is_none(words: bytes) -> None:
    """Between the pattern's two ends must stand one JSON string, and nothing else."""
    before, after = frame("@").split(b"@")
    likeness = Likeness()
    assert likeness.learn(frame("a")[:-2])
    assert likeness.words_in(before + words + after) is None
    assert likeness.run_in(frame("a") * 2 + before + words + after + frame("b") * 2) is None


def test_one_frame_is_compared_with_what_was_learnt() -> None:
    """Its content is counted in bytes of the words, not of their escapes."""
    likeness = Likeness()
    assert likeness.words_in(frame("Hi")) is None
    assert likeness.learn(frame("Hi")[:-2])
    assert (likeness.words_in(frame('\n"')), likeness.words_in(frame("ä")), likeness.words_in(frame(""))) == (2, 2, 0)
    assert likeness.words_in(frame("a", more=1)) is None
    assert likeness.words_in(frame("a")[:-1]) is None


@pytest.mark.parametrize("teacher", [*OTHERS[1:], frame("a").replace(b"0", b"1"), frame("a") + frame("b"), b"data: {}"])
def test_only_a_frame_of_mere_words_teaches(teacher: bytes) -> None:
    """Of the first choice; anything else would be taken for a frame that it is not."""
    assert not Likeness().learn(teacher[:-2])


def test_a_stream_without_likeness_is_given_up() -> None:
    """Padding that is different in each frame makes looking for it dearer than reading."""
    likeness = Likeness()
    learnt = [likeness.learn(frame("a", padding="x" * size)[:-2]) for size in range(9)]
    assert learnt == [True] * 4 + [False] * 5
