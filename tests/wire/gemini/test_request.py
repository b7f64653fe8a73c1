"""What is read of Google's request, and that its bytes go on as they came."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.errors import InvalidType, InvalidValue, MissingField, RequestError
from tollbar.wire.dialect import Incoming
from tollbar.wire.gemini.request import ARRAY_WIRE, WIRE, decode, decode_counting, outgoing, outgoing_counting

CONTENTS = b'"contents":[{"role":"user","parts":[{"text":"Hi"}]}]'
BODY = b"{%b}" % CONTENTS


def incoming(body: bytes = BODY, name: str = "lab/fine") -> Incoming:
    """A request at an address that names a model."""
    return Incoming(body, name=name)


def test_the_head_is_read() -> None:
    """The model and the stream from the address, length and choices from the body, in either spelling."""
    body = b'{%b, "generation_config": {"max_output_tokens": 7.0, "candidateCount": 2}}' % CONTENTS
    request = decode(incoming(body, "models/lab/fine"), stream=True, wire=ARRAY_WIRE)
    assert (request.model, request.stream, request.max_tokens, request.choices) == ("lab/fine", True, 7, 2)
    assert (request.source.wire, request.source.raw, request.wants_usage) == (ARRAY_WIRE, body, True)
    assert decode(incoming(), stream=False).source.wire == WIRE
    wanted = b'{%b, "generationConfig": {"thinking_config": {"include_thoughts": true}}}' % CONTENTS
    assert decode(incoming(wanted), stream=False).shows_thoughts
    assert not request.shows_thoughts


@pytest.mark.parametrize(
    ("body", "feature"),
    [
        (b'{"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": ""}}]}]}', "images"),
        (b'{"contents": [{"parts": [{"inlineData": {"mimeType": "audio/wav", "data": ""}}]}]}', "audio"),
        (b'{"contents": [{"parts": [{"fileData": {"mimeType": "application/pdf", "fileUri": ""}}]}]}', "files"),
        (b'{%b, "tools": [{"function_declarations": []}]}' % CONTENTS, "tools"),
        (b'{%b, "generationConfig": {"responseJsonSchema": {}}}' % CONTENTS, "json_schema"),
        (b'{%b, "generationConfig": {"responseLogprobs": true}}' % CONTENTS, "logprobs"),
    ],
)
def test_what_a_target_must_be_able_to_do(body: bytes, feature: str) -> None:
    """Seen in the bytes."""
    assert decode(incoming(body), stream=False).features == {feature}


@pytest.mark.parametrize(
    ("body", "kind", "field"),
    [
        (b"{}", MissingField, "contents"),
        (b'{"contents": null}', MissingField, "contents"),
        (b'{%b, "Contents": []}' % CONTENTS, InvalidValue, "Contents"),
        (b'{%b, "generation_config": {}, "generationConfig": {}}' % CONTENTS, InvalidValue, "generationConfig"),
        (b'{%b, "generationConfig": 5}' % CONTENTS, InvalidType, "generationConfig"),
        (b'{%b, "generationConfig": {"maxOutputTokens": 0}}' % CONTENTS, InvalidValue, "maxOutputTokens"),
        (
            b'{%b, "generationConfig": {"candidateCount": "x"}}' % CONTENTS,
            InvalidType,
            "generationConfig.candidateCount",
        ),
    ],
)
def test_what_is_wrong_is_told_by_its_field(body: bytes, kind: type[RequestError], field: str) -> None:
    """Before anything is asked."""
    with pytest.raises(kind) as fault:
        decode(incoming(body), stream=False)
    assert fault.value.field == field


def test_an_address_without_a_model_is_refused() -> None:
    """There is no other place for it."""
    with pytest.raises(MissingField, match="model"):
        decode(incoming(name=""), stream=False)


def test_the_bytes_go_on_as_they_came() -> None:
    """But for the model, where a client has written it again."""
    body = b'{ %b , "new": 1.50e+0}' % CONTENTS
    assert outgoing(decode(incoming(body), stream=False), "real") == body
    named = b'{"model":"models/lab/fine",%b}' % CONTENTS
    assert outgoing(decode(incoming(named), stream=False), "real") == b'{"model":"models/real",%b}' % CONTENTS


def test_a_request_to_count_may_hold_a_whole_request() -> None:
    """Which is measured, and sent on with its model replaced."""
    assert outgoing_counting(decode_counting(incoming()), "real") == BODY
    body = b'{"generateContentRequest":{"model":"models/lab/fine",%b}}' % CONTENTS
    request = decode_counting(incoming(body))
    assert request.source.spans.keys() == {"generateContentRequest"}
    assert outgoing_counting(request, "real") == body.replace(b"lab/fine", b"real")


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from(["user", "model", "image/png", "ANY", ""])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.sampled_from(
                [
                    *("contents", "parts", "role", "text", "functionCall", "function_response", "inlineData", "args"),
                    *("generationConfig", "thinkingConfig", "thinkingBudget", "stopSequences", "responseSchema"),
                    *("tools", "functionDeclarations", "parameters", "toolConfig", "functionCallingConfig", "mode"),
                    *("response", "output", "name", "id", "mimeType", "data", "type", "properties", "responseMimeType"),
                ]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=25,
)


@given(json_values)
def test_json_of_any_shape_is_a_request_or_refused(value: object) -> None:
    """Nothing but our own errors is raised, also where the conversation is read."""
    body = value if isinstance(value, dict) else {"contents": value}
    for made in (
        body,
        {"contents": [body]},
        {"contents": [], "generationConfig": body},
        {"contents": [], "tools": value},
    ):
        try:
            decode(incoming(json.dumps(made).encode()), stream=False).source.expand()
        except RequestError:
            continue


@given(st.binary(max_size=40))
def test_garbage_is_refused(noise: bytes) -> None:
    """Whatever it is."""
    with pytest.raises(RequestError):
        decode(incoming(noise), stream=False)
