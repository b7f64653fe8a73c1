"""What is read of a request before anybody is asked, and the bytes that go out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.errors import RequestError
from tollbar.wire.openai_responses.request import decode, outgoing


def raw(**fields: Any) -> bytes:
    """A body."""
    return json.dumps({"model": "m", "input": "Hi", **fields}).encode()


def test_a_whole_head_is_read() -> None:
    """What routing and money need, and what the answer repeats."""
    tools = [{"type": "function", "name": "f"}]
    text = {"format": {"type": "json_schema", "name": "x", "schema": {}}}
    content = [{"type": "input_image", "image_url": "x"}, {"type": "input_file"}, {"type": "input_audio"}]
    items = [{"role": "user", "content": content}]
    found = decode(raw(stream=True, max_output_tokens=7, user="ana", tools=tools, text=text, input=items))
    assert (found.model, found.stream, found.max_tokens, found.user, found.choices) == ("m", True, 7, "ana", 1)
    assert found.features == {"tools", "images", "files", "audio", "json_schema"}
    assert {name: json.loads(value) for name, value in found.echoed.items()} == {
        "max_output_tokens": 7,
        "user": "ana",
        "tools": tools,
        "text": text,
    }


def test_the_callers_bytes_go_out_with_the_model_replaced() -> None:
    """All else as it came."""
    body = b'{"input": [ 1.50 ], "model" : "m", "later": {"x": null}}'
    assert outgoing(decode(body), "real", "lab") == body.replace(b'"m"', b'"real"')


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"input": "Hi"}', "model"),
        (raw(model=5), "model"),
        (raw(max_output_tokens=0), "max_output_tokens"),
        (raw(background=True), "background"),
        (raw(tools=[{}] * 513), "tools"),
        (raw(input=[{}] * 10_001), "input"),
        (raw(Input="x"), "Input"),
    ],
)
def test_faults_are_named(body: bytes, field: str) -> None:
    """By the field."""
    with pytest.raises(RequestError) as fault:
        decode(body)
    assert fault.value.field == field


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)
_NAMES = ("input", "instructions", "tools", "tool_choice", "text", "reasoning", "include", "stream", "temperature")


@given(st.dictionaries(st.sampled_from(_NAMES), json_values))
def test_nothing_but_our_own_errors_is_raised(fields: dict[str, Any]) -> None:
    """Whatever a caller sends."""
    try:
        decode(raw(**fields)).source.expand()
    except RequestError:
        return
