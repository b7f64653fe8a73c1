"""Google's answer is heard as what it says, however it arrives; one that is not whole is never taken for it."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.gemini.talk import answers
from tollbar.domain.errors import StreamBroken, UpstreamError, UpstreamFailed
from tollbar.domain.events import (
    Cited,
    Finished,
    FinishReason,
    Refused,
    Started,
    StreamEvent,
    Text,
    Thinking,
    ToolArguments,
    ToolCalled,
    UsageSeen,
)
from tollbar.domain.fold import fold
from tollbar.domain.messages import Citation
from tollbar.domain.usage import Usage
from tollbar.wire.dialect import Incoming, Stamp
from tollbar.wire.gemini.hearing import Hearing
from tollbar.wire.gemini.request import decode
from tollbar.wire.gemini.response import ChunkEncoder, encode
from tollbar.wire.hearing import MAX_FRAME_BYTES

STAMP = Stamp("abc", 1_700_000_000)
WISHES = b'{"thinkingConfig": {"includeThoughts": true}}'
REQUEST = decode(Incoming(b'{"contents":[],"generationConfig":%b}' % WISHES, name="asked"), stream=True)


def streamed(events: Sequence[StreamEvent]) -> bytes:
    """The bytes of a streamed answer."""
    encoder = ChunkEncoder(REQUEST, STAMP)
    return b"".join(map(encoder.encode, events)) + encoder.end()


def heard(*pieces: bytes, stream: bool = True, passes: bool = False) -> list[StreamEvent]:
    """What is heard of an answer that arrives in these pieces."""
    hearing = Hearing(stream, passes)
    events = [event for piece in pieces for event in hearing.feed(piece)]
    return events + hearing.end()


def chunk(*parts: dict[str, Any], **candidate: Any) -> bytes:
    """One frame of a stream, of the first candidate, as Google's own type reads it."""
    told = {"candidates": [{"content": {"parts": list(parts), "role": "model"}, **candidate}]}
    types.GenerateContentResponse.model_validate(told)
    return frame(told)


def frame(told: object) -> bytes:
    """One frame of a stream."""
    return b"data: " + json.dumps(told).encode() + b"\r\n\r\n"


END = chunk(finishReason="STOP")


@given(answers())
def test_what_was_told_is_heard(events: list[StreamEvent]) -> None:
    """Every piece of every choice, in order, from our own encoder's stream; Google's own types read it."""
    start, *rest = heard(streamed(events))
    assert start == Started("abc", "asked")
    assert rest == events
    for line in streamed(events).split(b"\n\n"):
        types.GenerateContentResponse.model_validate(json.loads(line[6:] or b"{}"))


@given(answers())
def test_a_document_says_what_its_stream_says(events: list[StreamEvent]) -> None:
    """The same answer, folded."""
    raw = encode(REQUEST, [Started("x", "real"), *events], STAMP)
    found = heard(raw, stream=False)
    assert encode(REQUEST, found, STAMP) == raw
    assert fold(found).usage == fold(events).usage


@given(answers(), st.data())
def test_how_a_stream_is_cut_into_reads_changes_nothing(events: list[StreamEvent], data: st.DataObject) -> None:
    """The events are the same, whatever the chunks."""
    raw = streamed(events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert heard(*pieces) == heard(raw)
    assert heard(*pieces, b"") == heard(raw.replace(b"\n", b"\r\n"))


@given(st.binary(max_size=60), st.booleans(), st.booleans())
def test_garbage_is_a_failure_of_the_provider(noise: bytes, stream: bool, passes: bool) -> None:
    """Nothing but our own errors is raised."""
    with pytest.raises(UpstreamError):
        heard(b"data: " + noise, stream=stream, passes=passes)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.sampled_from(
                [
                    *("candidates", "content", "parts", "text", "functionCall", "args", "finishReason", "index"),
                    *("usageMetadata", "promptTokenCount", "groundingMetadata", "groundingChunks", "promptFeedback"),
                    *("groundingSupports", "groundingChunkIndices", "segment", "endIndex", "web", "error"),
                    *("thoughtSignature", "thought", "citationMetadata", "citations", "blockReason"),
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=20,
)


@given(json_values, st.booleans())
def test_json_of_any_shape_is_an_answer_or_a_failure(value: object, passes: bool) -> None:
    """Whatever stands where."""
    for stream in (True, False):
        try:
            heard(frame(value) if stream else json.dumps(value).encode(), stream=stream, passes=passes)
        except UpstreamError:
            continue


def test_thoughts_calls_and_their_proofs_are_heard() -> None:
    """A proof stands on a thought, on a call, or on words, and then proves what was thought before them."""
    raw = (
        chunk({"text": "Hm.", "thought": True})
        + chunk({"functionCall": {"name": "f", "args": {"a": [1]}}, "thoughtSignature": "c2ln"})
        + chunk({"functionCall": {"id": "x", "name": "g"}})
        + chunk({"text": "Hi", "thoughtSignature": "cHJv"}, {"text": "", "thoughtSignature": "b2Y="})
        + frame({"candidates": [{"finishReason": "STOP"}], "responseId": "late"})
    )
    assert heard(raw) == [
        Started("", ""),
        Thinking("Hm."),
        ToolCalled(0, "call_0_0", "f", 0, "c2ln"),
        ToolArguments(0, '{"a":[1]}'),
        ToolCalled(1, "x", "g"),
        ToolArguments(1, "{}"),
        Text("Hi"),
        Thinking("", 0, "cHJv"),
        Thinking("", 0, "b2Y="),
        Finished(FinishReason.TOOL_CALLS),
    ]


def test_a_call_without_an_id_gets_one_that_no_other_answer_has() -> None:
    """Callers of other dialects tell calls apart by their ids, over all turns."""
    told = {"responseId": "r1", "candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}}]}
    (call,) = [event for event in heard(frame(told) + END) if isinstance(event, ToolCalled)]
    assert call.id == "call_r1_0_0"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("STOP", FinishReason.STOP),
        ("MAX_TOKENS", FinishReason.LENGTH),
        *(
            (word, FinishReason.CONTENT_FILTER)
            for word in ("SAFETY", "RECITATION", "SPII", "IMAGE_SAFETY", "BLOCKLIST")
        ),
        ("OTHER", FinishReason.STOP),
        ("SOMETHING_NEW", FinishReason.STOP),
        (["STOP"], FinishReason.STOP),
    ],
)
def test_an_end_is_an_end_by_any_word(told: object, reason: FinishReason) -> None:
    """Each of Google's in ours."""
    assert heard(frame({"candidates": [{"finishReason": told}]}))[-1] == Finished(reason)


@pytest.mark.parametrize("word", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MISSING_THOUGHT_SIGNATURE"])
def test_a_model_that_went_astray_has_not_answered_but_to_its_own_callers(word: str) -> None:
    """Another attempt may help; a caller of Google's dialect is told what Google told."""
    raw = frame({"candidates": [{"finishReason": word, "finishMessage": "print(1)"}]})
    with pytest.raises(StreamBroken, match=word) as fault:
        heard(raw)
    assert fault.value.is_retryable is True
    assert heard(raw, passes=True)[-1] == Finished(FinishReason.STOP)


def test_a_prompt_that_is_blocked_is_a_refusal() -> None:
    """There is no candidate, and the stream is whole all the same."""
    told = {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "No."}}
    types.GenerateContentResponse.model_validate(told)
    expected = [Started("", ""), Refused("No."), Finished(FinishReason.CONTENT_FILTER)]
    assert heard(frame(told)) == expected
    assert heard(json.dumps(told).encode(), stream=False) == expected


def test_what_only_google_can_say_is_no_answer_for_others() -> None:
    """A picture, or code that was run, would be lost: that is told, and its own callers get it."""
    raw = chunk({"inlineData": {"mimeType": "image/png", "data": "aQ=="}}) + END
    with pytest.raises(StreamBroken, match="inlineData") as fault:
        heard(raw)
    assert fault.value.is_retryable is False
    assert heard(raw, passes=True)[-1] == Finished(FinishReason.STOP)


def test_sources_are_heard_before_the_end() -> None:
    """By the characters of the text, which Google counts as bytes."""
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://example.org", "title": "A"}}],
        "groundingSupports": [{"segment": {"startIndex": 2, "endIndex": 4}, "groundingChunkIndices": [0, 7]}],
    }
    raw = chunk({"text": "éab"}) + chunk(finishReason="STOP", groundingMetadata=grounding)
    assert heard(raw)[1:] == [
        Text("éab"),
        Cited(Citation("https://example.org", "A", None, 1, 3)),
        Finished(FinishReason.STOP),
    ]


def test_usage_is_heard_with_each_report() -> None:
    """The last figures are those that count."""
    raw = frame({"usageMetadata": {"promptTokenCount": 3}}) + END
    raw += frame({"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}})
    assert [event for event in heard(raw) if isinstance(event, UsageSeen)] == [
        UsageSeen(Usage(3)),
        UsageSeen(Usage(3, 2)),
    ]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b": nothing\n\n",
        chunk({"text": "x"}),
        END + frame({"candidates": [{"index": 1, "content": {"parts": [{"text": "x"}]}}]}),
        b"data: {broken\n\n",
        b"data: 5\n\n",
        chunk({"text": "x"}) + frame({"error": {"code": 503, "message": "It fell over.", "status": "UNAVAILABLE"}}),
        chunk({"text": "x"}) + b'{\n "error": {"code": 500, "message": "It fell over."}\n}\n\n',
        chunk({"text": "x"}) + b'[{"error": {"message": "It fell over."}}]',
    ],
)
@pytest.mark.parametrize("passes", [True, False])
def test_a_stream_that_is_not_whole_is_broken(raw: bytes, passes: bool) -> None:
    """Cut, garbled, unfinished, or with an error in it, framed or bare as Google tells it."""
    with pytest.raises(StreamBroken) as fault:
        heard(raw, passes=passes)
    assert fault.value.is_retryable is True


def test_a_frame_without_an_end_is_refused() -> None:
    """Before it takes all the memory there is."""
    hearing = Hearing(stream=True)
    assert hearing.feed(b"x" * MAX_FRAME_BYTES) == []
    with pytest.raises(StreamBroken, match="more than"):
        hearing.feed(b"x")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"{}", b'{"candidates": []}', b'[{"error": {"message": "No."}}]'])
def test_a_document_that_is_no_answer_is_a_failure(raw: bytes) -> None:
    """It can be retried."""
    with pytest.raises(UpstreamFailed) as fault:
        heard(raw, stream=False)
    assert fault.value.is_retryable is True


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    """Other dialects' answers must be text, arguments included."""
    raw = b'data: {"candidates": [{"content": {"parts": [{"text": "a\\ud800b"}]}}]}\n\n'
    call = b'data: {"candidates": [{"content": {"parts": [{"functionCall": {"args": {"a": "\\ud800"}}}]}}]}\n\n'
    found = heard(raw + call + END)
    assert Text("a\ufffdb") in found
    assert ToolArguments(0, '{"a":"\ufffd"}') in found
