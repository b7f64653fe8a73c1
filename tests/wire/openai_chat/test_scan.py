"""What metering reads of a frame, and that nothing a provider sends can hurt."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.errors import StreamBroken
from tollbar.domain.usage import MOST_TOKENS, Usage
from tollbar.wire.openai_chat.scan import (
    Choice,
    Skimmed,
    glance,
    output_bytes,
    read,
    skim,
    skim_each,
    usage,
)


def frame(**fields: Any) -> bytes:
    """A frame with these fields."""
    return json.dumps(fields).encode()


def sizes(*deltas: dict[str, Any]) -> list[int]:
    """The bytes of content in each of these deltas."""
    choices = [{"index": index, "delta": delta} for index, delta in enumerate(deltas)]
    return [output_bytes(choice) for choice in read(frame(choices=choices)).choices or ()]


def test_content_of_every_kind_is_counted() -> None:
    """Text and reasoning by their bytes, tool calls and audio by their JSON; a role or an empty piece is nothing."""
    assert sizes(
        {"role": "assistant", "content": ""},
        {"content": "héllo"},
        {"reasoning_content": "abc"},
        {"reasoning": "abcd"},
        {"refusal": "no"},
        {"content": "a", "reasoning_content": "bc", "reasoning": "bc"},
        {"tool_calls": [{"index": 0}], "content": None},
        {"tool_calls": []},
        {"tool_calls": None, "function_call": None, "audio": None},
        {},
    ) == [0, 6, 3, 4, 2, 3, len('[{"index": 0}]'), 0, 0, 0]


def test_whole_documents_are_read_by_their_message() -> None:
    """A choice of a plain answer has a message in the delta's place."""
    found = read(frame(choices=[{"index": 0, "message": {"content": "hello"}, "finish_reason": "stop"}]))
    (choice,) = found.choices or [Choice()]
    assert (output_bytes(choice), choice.finish_reason) == (5, "stop")
    assert output_bytes(Choice()) == 0


def test_usage_is_read_with_its_parts() -> None:
    """OpenAI's figures by their places; a frame without any has none."""
    report = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2, "audio_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 2},
        "cost": 0.1,
    }
    assert usage(read(frame(usage=report))) == Usage(10, 5, 4, 2, 3, 1, 2)
    assert usage(read(frame(usage=None))) is None
    assert usage(read(frame())) is None
    assert usage(read(frame(usage={"prompt_tokens": None, "prompt_tokens_details": None}))) == Usage()


@pytest.mark.parametrize(("told", "read_as"), [(-5, 0), (10**15, MOST_TOKENS), (2**70, MOST_TOKENS), (0, 0)])
def test_impossible_figures_are_bounded(told: int, read_as: int) -> None:
    """What no call can consume is a fault of the provider's and must not reach the ledger."""
    report = {"prompt_tokens": told, "completion_tokens": told, "prompt_tokens_details": {"cached_tokens": told}}
    assert usage(read(frame(usage=report))) == Usage(read_as, read_as, read_as)


@pytest.mark.parametrize("figure", ["12", "\udc00", 1.5, True, [], {}])
def test_a_report_of_another_type_is_none(figure: Any) -> None:
    """Rather counted by us than guessed."""
    found = read(frame(choices=[], usage={"prompt_tokens": figure}))
    assert (usage(found), found.choices) == (None, [])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"message": "No such model", "code": 404}, "No such model"),
        ("overloaded", "overloaded"),
        ({"code": "x"}, "code"),
        ([], "[]"),
        ({"message": "half \ud800"}, "half"),
    ],
)
def test_an_error_is_told_in_the_providers_words(error: Any, words: str) -> None:
    """Also beside choices; another attempt may be made."""
    with pytest.raises(StreamBroken) as fault:
        read(frame(choices=[], error=error))
    assert words in fault.value.message
    assert fault.value.is_retryable


def test_a_long_error_is_cut() -> None:
    """Nobody needs all of it."""
    with pytest.raises(StreamBroken) as fault:
        read(frame(error={"message": "x" * 10_000}))
    assert len(fault.value.message) < 400


def test_no_error_is_no_error() -> None:
    """Null, as some providers send in every frame."""
    assert read(frame(error=None, choices=[])).choices == []


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"nul", b"[]", b"1", b'"x"', b"\xff", b"{}{}", b'{"choices":', b"[DONE", b'{"a":"\x01"}'),
        b'{"error":{"mess\xdcge":"x"}}',
    ],
)
def test_what_is_no_json_object_is_a_broken_stream(data: bytes) -> None:
    """Half a frame, or none at all."""
    with pytest.raises(StreamBroken) as fault:
        read(data)
    assert fault.value.is_retryable


@pytest.mark.parametrize(
    "delta",
    [
        '{"content":"x\\ud800"}',
        '{"content":[{"type":"text","text":"x"}]}',
        '{"content":5}',
        '"text"',
        '{"tool_calls":{"\\ud800":1}}',
        '{"reasoning":{}}',
    ],
)
def test_unusual_but_legal_frames_are_counted_by_their_bytes(delta: str) -> None:
    """A lone surrogate, or a shape that we do not know: the finish and the usage are still read."""
    data = (
        f'{{"choices":[{{"index":2,"delta":{delta},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":3}}}}'.encode()
    )
    found = read(data)
    (choice,) = found.choices or [Choice()]
    assert (choice.index, choice.finish_reason, usage(found)) == (2, "stop", Usage(3))
    assert output_bytes(choice) == len(data)


def test_an_unusual_frame_is_counted_once_whatever_its_choices() -> None:
    """And in linear time: a hostile frame of many choices is no reason to stop."""
    data = frame(choices=[0] * 100_000)
    began = time.process_time()
    found = read(data)
    assert sum(map(output_bytes, found.choices or ())) == len(data)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "data",
    [
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"choices":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"error":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"usage":{"prompt_tokens":' + b"9" * 5_000 + b"}}",
        b'{"choices":[{"index":' + b"9" * 5_000 + b"}]}",
    ],
    ids=["nested", "choices", "error", "usage", "index"],
)
def test_a_hostile_frame_is_a_broken_stream_or_read(data: bytes) -> None:
    """Nesting without end and numbers without end raise nothing but our own error."""
    try:
        read(data)
    except StreamBroken:
        return
    assert json.loads(data)


@given(
    st.binary(max_size=30)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=3) | st.booleans() | st.floats(),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(
                    ["choices", "usage", "error", "delta", "content", "index", "finish_reason", "prompt_tokens"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
)
def test_any_frame_is_read_or_broken(data: bytes) -> None:
    """Whatever a provider sends."""
    try:
        found = read(data)
    except StreamBroken:
        return
    assert sum(map(output_bytes, found.choices or ())) >= 0
    assert usage(found) is None or isinstance(usage(found), Usage)


def skimmed(*payloads: bytes) -> Skimmed | None:
    """What frames of these payloads say when they are read together."""
    return skim(b"[%b]" % b",".join(payloads), len(payloads))


deltas = st.fixed_dictionaries(
    {},
    optional={
        "role": st.just("assistant"),
        "content": st.none() | st.text(max_size=5),
        "refusal": st.none() | st.text(max_size=3),
        "reasoning_content": st.none() | st.text(max_size=3),
        "tool_calls": st.just([{"index": 0, "function": {"arguments": "{}"}}]),
        "unheard_of": st.just(1),
    },
)
choices = st.fixed_dictionaries(
    {"index": st.integers(0, 2), "delta": deltas, "finish_reason": st.none() | st.just("stop")}
)
frames = st.fixed_dictionaries(
    {"choices": st.lists(choices, max_size=2)},
    optional={"usage": st.none() | st.just({"prompt_tokens": 3, "completion_tokens": 1}), "error": st.none()},
)


@given(st.lists(frames | st.none(), max_size=4))
def test_frames_skimmed_together_say_what_each_of_them_says(told: list[dict[str, Any] | None]) -> None:
    """Reading plain frames as one array changes nothing about what is counted, seen and finished."""
    payloads = [None if each is None else json.dumps(each).encode() for each in told]
    one_by_one = skim_each(payloads)
    together = (None if None in payloads else skimmed(*payloads)) or one_by_one  # type: ignore[arg-type]
    assert one_by_one.indexes == together.indexes
    assert set(one_by_one.finished) == set(together.finished)
    assert one_by_one.output_bytes == together.output_bytes
    assert list(one_by_one.reports) == list(together.reports)


def test_plain_frames_are_skimmed() -> None:
    """The usual frames take the short way; anything else in a delta takes the long one."""
    plain = [{"index": 0, "delta": {"role": "assistant", "content": "é"}, "finish_reason": None, "logprobs": None}]
    assert skimmed(frame(choices=plain)) == Skimmed({0}, (), 2, ())
    assert skimmed(frame(choices=[{"index": 0, "delta": {"content": "a", "audio": {}}}])) is None


@pytest.mark.parametrize("payload", [b'{"choices":[]},{"choices":[]}', b'{"choices":[]}]', b"", b"1],[2"])
def test_a_frame_that_pretends_to_be_several_is_no_plain_one(payload: bytes) -> None:
    """Brackets and commas between frames are ours."""
    assert skimmed(payload) is None
    assert skimmed(payload, b'{"choices":[]}') is None


def test_a_frame_of_words_is_read_at_a_glance() -> None:
    """Its choice and size; a frame that says anything else wants to be read properly."""
    words = {"index": 1, "delta": {"content": "é!"}, "finish_reason": None}
    assert glance(frame(choices=[words])) == (1, 3)
    assert glance(frame(choices=[words, words])) is None
    assert glance(frame(choices=[words], usage={"prompt_tokens": 1})) is None
    assert glance(frame(choices=[{**words, "finish_reason": "stop"}])) is None
    assert glance(frame(choices=[{**words, "delta": {"content": "a", "audio": {}}}])) is None
    assert glance(frame(error={"message": "no"})) is None
    assert glance(b"[DONE]") is None
