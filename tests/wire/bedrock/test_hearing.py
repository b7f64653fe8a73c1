"""Converse's answer is heard as what it says, however it arrives; one that is not whole is never taken for it."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.upstream_bedrock import event, exception, message
from tests.wire.anthropic.talk import objects
from tests.wire.bedrock.shapes import faults
from tests.wire.openai_chat.talk import names, said
from tollbar.domain.errors import StreamBroken, UpstreamBusy, UpstreamError, UpstreamFailed, UpstreamRejected
from tollbar.domain.events import (
    Cited,
    Finished,
    FinishReason,
    Started,
    StreamEvent,
    Text,
    ToolArguments,
    ToolCalled,
    UsageSeen,
)
from tollbar.domain.fold import fold
from tollbar.domain.messages import Citation
from tollbar.domain.usage import Usage
from tollbar.wire.bedrock.hearing import Hearing
from tollbar.wire.hearing import MAX_FRAME_BYTES

START = event("messageStart", {"role": "assistant"})
HIDDEN = base64.b64encode(b"hidden").decode()
USAGE = {"inputTokens": 3, "outputTokens": 5, "totalTokens": 15, "cacheReadInputTokens": 4, "cacheWriteInputTokens": 3}
REPORT = event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}})
SEEN = UsageSeen(Usage(10, 5, 4, 3))


def told(kind: str, said: dict[str, Any]) -> bytes:
    """A message that Amazon's own client would take."""
    assert faults("ConverseStreamOutput", {kind: said}) == []
    return event(kind, said)


def delta(index: int = 0, **said: Any) -> bytes:
    """A piece of a block."""
    return told("contentBlockDelta", {"contentBlockIndex": index, "delta": said})


def start(index: int, call: str, name: str, **more: Any) -> bytes:
    """The beginning of a call."""
    called = {"toolUseId": call, "name": name, **more}
    return told("contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": called}})


def stop(index: int = 0) -> bytes:
    """The end of a block."""
    return told("contentBlockStop", {"contentBlockIndex": index})


def ended(reason: str = "end_turn", **more: Any) -> bytes:
    """The end of an answer."""
    return told("messageStop", {"stopReason": reason, **more})


def heard(*pieces: bytes, stream: bool = True) -> list[StreamEvent]:
    """What is heard of an answer that arrives in these pieces."""
    hearing = Hearing(stream)
    events = [event for piece in pieces for event in hearing.feed(piece)]
    return events + hearing.end()


def document(*content: dict[str, Any], reason: str = "end_turn", **more: Any) -> bytes:
    """A whole answer, which Amazon's own client would take."""
    output = {"message": {"role": "assistant", "content": list(content)}}
    made = {"output": output, "stopReason": reason, "usage": USAGE, "metrics": {"latencyMs": 1}, **more}
    assert faults("ConverseResponse", made) == []
    return json.dumps(made).encode()


blocks = st.lists(
    st.one_of(
        st.builds(lambda text: {"text": text}, said),
        st.builds(lambda t, s: {"reasoningContent": {"reasoningText": {"text": t, "signature": s}}}, said, names),
        st.just({"reasoningContent": {"redactedContent": HIDDEN}}),
        st.builds(
            lambda call, name, input_: {"toolUse": {"toolUseId": call, "name": name, "input": json.loads(input_)}},
            names,
            names,
            objects,
        ),
    ),
    max_size=4,
)


def streamed(content: Sequence[dict[str, Any]], reason: str) -> bytes:
    """The same answer as a stream."""
    made = START
    for index, block in enumerate(content):
        match block:
            case {"text": text}:
                made += b"".join(delta(index, text=letter) for letter in text)
            case {"reasoningContent": {"reasoningText": thought}}:
                made += delta(index, reasoningContent={"text": thought["text"]})
                made += delta(index, reasoningContent={"signature": thought["signature"]})
            case {"reasoningContent": hidden}:
                made += delta(index, reasoningContent=hidden)
            case {"toolUse": call}:
                arguments = json.dumps(call["input"], separators=(",", ":"), ensure_ascii=False)
                made += start(index, call["toolUseId"], call["name"])
                pieces = (arguments[:3], arguments[3:]) if call["input"] else ("",)
                made += b"".join(delta(index, toolUse={"input": piece}) for piece in pieces)
        made += stop(index)
    return made + ended(reason) + REPORT


@given(blocks, st.sampled_from(["end_turn", "tool_use", "max_tokens"]), st.data())
def test_a_stream_says_what_its_document_says(content: list[dict[str, Any]], reason: str, data: st.DataObject) -> None:
    """The same answer, folded, and the same events whatever the chunks."""
    raw = streamed(content, reason)
    found = heard(raw)
    assert fold(found) == fold(heard(document(*content, reason=reason), stream=False))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    assert heard(*(raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True))) == found
    for cut in cuts:  # what is cut before its end is never whole
        if cut < len(raw) - len(REPORT):
            with pytest.raises(StreamBroken):
                heard(raw[:cut])


@given(st.binary(max_size=60), st.booleans())
def test_garbage_is_a_failure_of_the_provider(noise: bytes, stream: bool) -> None:
    """Nothing but our own errors is raised."""
    with pytest.raises(UpstreamError):
        heard(noise, stream=stream)
    with pytest.raises(UpstreamError):
        heard(message({":message-type": "event", ":event-type": "messageStop"}, b"\xff" + noise))


KEYS = (
    *("output", "message", "content", "text", "toolUse", "toolUseId", "name", "input", "reasoningContent", "usage"),
    *("reasoningText", "signature", "redactedContent", "citationsContent", "citations", "sourceContent", "location"),
    *("web", "url", "source", "title", "stopReason", "additionalModelResponseFields", "stop_sequence", "inputTokens"),
    *("contentBlockIndex", "delta", "start", "citation", "type"),
)
KINDS = ("messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "x")
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)),
    max_leaves=20,
)


@given(st.lists(st.tuples(st.sampled_from(KINDS), json_values), max_size=3), json_values)
def test_json_of_any_shape_is_an_answer_or_a_failure(pieces: list[tuple[str, Any]], value: object) -> None:
    """Whatever stands where."""
    for raw, stream in ((b"".join(event(*piece) for piece in pieces), True), (json.dumps(value).encode(), False)):
        try:
            heard(raw, stream=stream)
        except UpstreamError:
            continue


def test_calls_and_their_arguments_are_heard_as_they_come() -> None:
    """Two at once; one of them without any."""
    raw = (
        START + start(0, "a", "f") + delta(0, toolUse={"input": '{"p'}) + delta(0, toolUse={"input": '":1}'}) + stop(0)
    )
    raw += start(1, "b", "g") + delta(1, toolUse={"input": ""}) + stop(1) + ended("tool_use") + REPORT
    assert heard(raw) == [
        Started("", ""),
        ToolCalled(0, "a", "f"),
        ToolArguments(0, '{"p'),
        ToolArguments(0, '":1}'),
        ToolCalled(1, "b", "g"),
        ToolArguments(1, "{}"),
        Finished(FinishReason.TOOL_CALLS),
        SEEN,
    ]


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("end_turn", FinishReason.STOP),
        ("stop_sequence", FinishReason.STOP),
        ("max_tokens", FinishReason.LENGTH),
        ("model_context_window_exceeded", FinishReason.LENGTH),
        ("guardrail_intervened", FinishReason.CONTENT_FILTER),
        ("content_filtered", FinishReason.CONTENT_FILTER),
    ],
)
def test_why_it_ended(told: str, reason: FinishReason) -> None:
    """Each of Bedrock's words in ours; the caller's own, where the model tells it."""
    fields = {"additionalModelResponseFields": {"stop_sequence": "END"}} if told == "stop_sequence" else {}
    expected = Finished(reason, stop_sequence="END" if fields else None)
    assert heard(START + ended(told, **fields))[-1] == expected
    assert heard(document({"text": "x"}, reason=told, **fields), stream=False)[-1] == expected
    assert heard(event("messageStop", {"stopReason": "something_new"}))[-1] == Finished(FinishReason.STOP)


@pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use"])
def test_a_model_that_went_astray_has_not_answered(reason: str) -> None:
    """Another attempt may help."""
    for raw, stream, kind in ((ended(reason), True, StreamBroken), (document(reason=reason), False, UpstreamFailed)):
        with pytest.raises(kind, match=reason) as fault:
            heard(raw, stream=stream)
        assert fault.value.is_retryable is True


def test_sources_are_heard_with_the_words_that_rest_on_them() -> None:
    """By the characters of the text; from the web, or from a document by its name."""
    web = {"title": "A", "location": {"web": {"url": "https://example.org", "domain": "example.org"}}}
    page = {"source": "doc", "sourceContent": [{"text": "Once."}], "location": {"documentPage": {"documentIndex": 0}}}
    expected = [
        Cited(Citation("https://example.org", "A", None, 2, 4)),
        Cited(Citation(None, "doc", "Once.", 2, 4)),
    ]
    raw = START + delta(0, text="éa") + stop(0) + delta(1, text="bc") + delta(1, citation=web)
    raw += delta(1, citation=page) + stop(1) + ended()
    assert [event for event in heard(raw) if isinstance(event, Cited)] == expected
    cited = {"citationsContent": {"content": [{"text": "bc"}], "citations": [web, page]}}
    whole = heard(document({"text": "éa"}, cited), stream=False)
    assert whole[1:5] == [Text("éa"), Text("bc"), *expected]


def test_what_the_provider_does_by_itself_is_content_without_a_word() -> None:
    """A call that it answers itself is none of the caller's."""
    raw = START + start(0, "s", "web", type="server_tool_use") + delta(0, toolUse={"input": "{}"}) + stop(0)
    result = {"toolResult": {"toolUseId": "s"}}
    raw += told("contentBlockStart", {"contentBlockIndex": 1, "start": result}) + stop(1) + ended()
    assert heard(raw) == [Started("", ""), Text(""), Text(""), Finished(FinishReason.STOP)]


def test_other_clients_tell_every_block_to_begin() -> None:
    """Then an empty beginning says nothing."""
    raw = event("contentBlockStart", {"contentBlockIndex": 0, "start": {}}) + delta(0, text="x") + stop() + ended()
    assert heard(START + raw + REPORT)[1:3] == [Text("x"), Finished(FinishReason.STOP)]


@pytest.mark.parametrize("kind", ["image", "audio"])
def test_what_nobody_could_be_told_is_no_answer(kind: str) -> None:
    """A picture would be lost, and another attempt would bring another."""
    with pytest.raises(StreamBroken, match=kind) as fault:
        heard(event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {kind: {}}}))
    assert fault.value.is_retryable is False
    with pytest.raises(UpstreamFailed, match=kind):
        heard(json.dumps({"output": {"message": {"content": [{kind: {}}]}}}).encode(), stream=False)


def test_exceptions_end_the_answer_as_what_they_are() -> None:
    """And errors of the stream itself, which have their words in headers."""
    with pytest.raises(UpstreamBusy, match="Slow down") as fault:
        heard(START + delta(text="x") + exception("throttlingException", "Slow down."))
    assert fault.value.is_retryable is True
    with pytest.raises(UpstreamRejected, match="Too long"):
        heard(exception("validationException", "Too long."))
    with pytest.raises(StreamBroken, match="It fell over"):
        heard(message({":message-type": "error", ":error-code": "500", ":error-message": "It fell over."}, b""))
    with pytest.raises(StreamBroken, match="modelStreamErrorException"):
        heard(message({":message-type": "exception", ":exception-type": "modelStreamErrorException"}, b"\xff"))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        START,
        START + delta(text="x"),
        START + delta(text="x") + stop() + REPORT,
        START + delta(text="x") + ended()[:-1],
        START + message({":message-type": "event", ":event-type": "messageStop"}, b"5"),
        START + delta(toolUse={"input": "{}"}) + ended(),
    ],
)
def test_a_stream_that_is_not_whole_is_broken(raw: bytes) -> None:
    """Cut, unfinished, or with a call that never began."""
    with pytest.raises(StreamBroken) as fault:
        heard(raw)
    assert fault.value.is_retryable is True


def test_nothing_is_heard_after_the_end() -> None:
    """The report is the last that is said; what follows is not the answer's."""
    hearing = Hearing(stream=True)
    assert hearing.feed(START + ended() + REPORT)[-1] == SEEN
    assert (hearing.is_done, hearing.feed(b"noise"), hearing.end()) == (True, [], [])


def test_an_answer_without_a_report_is_whole() -> None:
    """It has said why it ended."""
    assert heard(START + delta(text="x") + ended())[-1] == Finished(FinishReason.STOP)


def test_a_frame_without_an_end_is_refused() -> None:
    """Before it takes all the memory there is."""
    whole = message({}, b"x" * (MAX_FRAME_BYTES - 16))
    with pytest.raises(StreamBroken):
        heard(whole[:-1])


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"{}", b'{"output": {"message": {}}}', b'{"message": "No."}'])
def test_a_document_that_is_no_answer_is_a_failure(raw: bytes) -> None:
    """It can be retried."""
    with pytest.raises(UpstreamFailed) as fault:
        heard(raw, stream=False)
    assert fault.value.is_retryable is True
