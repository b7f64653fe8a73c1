"""What is read of a request, and what goes on to an Ollama: the same bytes."""

import json
from typing import Any

import pytest

from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import InvalidType, InvalidValue, MissingField, RequestError
from tollbar.wire.dialect import Incoming
from tollbar.wire.ollama.request import decode_chat, decode_generate, outgoing


def chat(**fields: Any) -> CompletionRequest:
    """A chat, read."""
    return decode_chat(Incoming(json.dumps({"model": "m", "messages": [], **fields}).encode()))


def test_a_stream_is_what_there_is_unless_the_caller_says_otherwise() -> None:
    """The opposite of OpenAI's."""
    assert [chat(**said).stream for said in ({}, {"stream": None}, {"stream": True}, {"stream": False})] == [
        *(True, True, True, False)
    ]


def test_the_head() -> None:
    """Model, length, what a target must be able to do, and how much is asked."""
    images = [{"role": "user", "content": "Hi", "images": ["AA"]}]
    read = chat(messages=images, tools=[{}], format={"type": "object"}, logprobs=True, options={"num_predict": 5})
    assert (read.model, read.max_tokens) == ("m", 5)
    assert read.features == {"images", "tools", "json_schema", "logprobs"}
    assert read.prompt_bytes == sum(len(json.dumps(part)) for part in (images, [{}], {"type": "object"}))
    read = decode_generate(Incoming(b'{"model":"m","prompt":"Hi","images":["AA"],"stream":false}'))
    assert (read.features, read.prompt_bytes, read.stream) == ({"images"}, 10, False)
    assert decode_generate(Incoming(b'{"model":"m","images":[]}')).features == frozenset()


@pytest.mark.parametrize("told", [-1, -2])
def test_no_limit_is_no_number(told: int) -> None:
    """Ollama's words for as much as there is."""
    assert chat(options={"num_predict": told}).max_tokens is None


def test_the_bytes_go_out_with_the_model_replaced() -> None:
    """And nothing else touched, to chats and prompts alike."""
    raw = b'{ "model" : "mine",  "messages":[ ], "options" : {"x": 1.50}, "future": [1e3] }'
    request = decode_chat(Incoming(raw))
    assert outgoing(request, "theirs") == raw.replace(b'"mine"', b'"theirs"')


@pytest.mark.parametrize(
    ("body", "kind", "field"),
    [
        ({"messages": []}, MissingField, "model"),
        ({"model": "m"}, MissingField, "messages"),
        ({"model": "m", "messages": {}}, InvalidType, "messages"),
        ({"model": "m", "messages": [], "Model": "n"}, InvalidValue, "Model"),
        ({"model": "m", "messages": [], "ſtream": True}, InvalidValue, "ſtream"),
        ({"model": "m", "messages": [], "stream": "yes"}, InvalidType, "stream"),
        ({"model": "m", "messages": [], "options": []}, InvalidType, "options"),
        ({"model": "m", "messages": [], "options": {"num_predict": "x"}}, InvalidType, "options.num_predict"),
        ({"model": "m", "messages": [], "options": {"num_predict": 0}}, InvalidValue, "options.num_predict"),
        ({"model": "m", "messages": [1] * 10_001}, InvalidValue, "messages"),
        ({"model": "m", "messages": [], "tools": [1] * 513}, InvalidValue, "tools"),
    ],
)
def test_faults_name_their_field(body: dict[str, Any], kind: type[RequestError], field: str) -> None:
    """Before anything is asked of anybody."""
    with pytest.raises(kind) as fault:
        decode_chat(Incoming(json.dumps(body).encode()))
    assert fault.value.field == field


def test_an_option_given_twice_is_refused() -> None:
    """A provider might take the other one."""
    with pytest.raises(InvalidValue) as fault:
        decode_chat(Incoming(b'{"model":"m","messages":[],"options":{"num_predict":1,"num_predict":999}}'))
    assert fault.value.field == "options.num_predict"
