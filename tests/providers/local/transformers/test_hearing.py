"""The stream of `transformers serve` becomes one that keeps to OpenAI's rules."""

import json
from typing import Any

import pytest

from tests.providers.local.transformers.making import an_asked, chunk
from tollbar.providers.local.transformers.hearing import Cutter, FailedError, Hearing

USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


def heard(data: bytes) -> list[Any]:
    """The chunks in some frames; `[DONE]` as None."""
    texts = [frame.removeprefix("data: ") for frame in data.decode().split("\n\n") if frame]
    return [None if text == "[DONE]" else json.loads(text) for text in texts]


@pytest.mark.parametrize(
    ("stops", "pieces", "answer"),
    [
        ((), ["ab", "cd"], "abcd"),
        (("cd",), ["ab", "cd", "ef"], "ab"),
        (("cd",), ["abc", "def"], "ab"),
        (("cd",), ["abc", "x", "c"], "abcxc"),
        (("bcd", "c"), ["a", "b", "c"], "ab"),
        (("aab",), ["a", "a", "a", "b"], "a"),
    ],
)
def test_an_answer_ends_before_a_stop_text(stops: tuple[str, ...], pieces: list[str], answer: str) -> None:
    """However it is cut; what only looked like one comes after all."""
    cutter = Cutter(stops)
    assert "".join([*map(cutter.feed, pieces), cutter.end()]) == answer


def test_a_stream_is_given_its_end() -> None:
    """Our model's name, the report of tokens in a chunk of its own, and the end mark; whatever the reads."""
    said = chunk({"role": "assistant"}) + chunk({"content": "Hé"}) + chunk({"content": "y"})
    said += chunk({}, "stop", USAGE)
    for size in (1, 7, len(said)):
        hearing = Hearing(an_asked(wants_usage=True), "tiny")
        out = heard(b"".join(hearing.feed(said[place : place + size]) for place in range(0, len(said), size)))
        assert out.pop() is None
        assert {part["model"] for part in out} == {"tiny"}
        assert (out[-1]["choices"], out[-1]["usage"]) == ([], USAGE)
        deltas = [part["choices"][0]["delta"] for part in out[:-1]]
        assert deltas == [{"role": "assistant"}, {"content": "Hé"}, {"content": "y"}, {}]
        assert out[-2]["choices"][0]["finish_reason"] == "stop"


def test_the_report_is_for_those_who_ask() -> None:
    """Others get no usage."""
    out = Hearing(an_asked(), "tiny").feed(chunk({"content": "x"}) + chunk({}, "length", USAGE))
    assert b"usage" not in out


def test_a_whole_answer() -> None:
    """Text, thoughts and calls of tools, gathered."""
    hearing = Hearing(an_asked(stops=("!",)), "tiny")
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    for delta in ({"reasoning_content": "hm"}, {"content": "a"}, {"content": "b!"}, {"tool_calls": [call]}):
        hearing.feed(chunk(delta))
    hearing.feed(chunk({}, "length", USAGE))
    document = json.loads(hearing.whole())
    assert (document["object"], document["model"], document["usage"]) == ("chat.completion", "tiny", USAGE)
    (choice,) = document["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["message"] == {
        "role": "assistant",
        "reasoning_content": "hm",
        "content": "ab",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }


@pytest.mark.parametrize("frame", [b'{"error": "a "quoted" fault"}', b"{", b"nonsense"])
def test_a_fault_is_one_whatever_its_form(frame: bytes) -> None:
    """Also where its text makes the frame no JSON."""
    with pytest.raises(FailedError):
        Hearing(an_asked(), "tiny").feed(b"data: " + frame + b"\n\n")
