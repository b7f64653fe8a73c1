"""What is read of a request for a message, and what goes out of it."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.errors import InvalidJson, InvalidType, InvalidValue, MissingField, RequestError
from tollbar.wire.anthropic.blocks import call_proof
from tollbar.wire.anthropic.request import (
    LONGEST_HEADER,
    MAX_MESSAGES,
    MAX_TOKENS,
    MAX_TOOLS,
    decode,
    decode_counting,
    outgoing,
    travelling,
)
from tollbar.wire.dialect import Incoming
from tollbar.wire.writing import encoded

HI: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}


def incoming(*headers: tuple[bytes, bytes], **fields: Any) -> Incoming:
    """A request with some fields more, or other."""
    return Incoming(json.dumps({**HI, **fields}).encode(), headers)


def test_the_head_is_read() -> None:
    """What routing and money need."""
    request = decode(incoming(stream=True, metadata={"user_id": "ana"}, tools=[{}], system="x"))
    assert (request.model, request.stream, request.max_tokens, request.user) == ("m", True, 5, "ana")
    assert (request.source.wire, request.features, request.choices) == ("anthropic", {"tools"}, 1)


@pytest.mark.parametrize(
    ("fields", "features"),
    [
        ({}, set()),
        ({"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]}, {"images"}),
        ({"messages": [{"role": "user", "content": [{"type": "document", "source": {}}]}]}, {"files"}),
        ({"output_config": {"format": {"type": "json_schema"}}}, {"json_schema"}),
        ({"output_format": {"type": "json_schema"}}, {"json_schema"}),
    ],
)
def test_the_capabilities_that_are_needed_are_read(fields: dict[str, Any], features: set[str]) -> None:
    """From marks in the bytes."""
    assert decode(incoming(**fields)).features == features


@pytest.mark.parametrize(
    ("fields", "kind", "field"),
    [
        ({"max_tokens": None}, MissingField, "max_tokens"),
        ({"messages": None}, MissingField, "messages"),
        ({"max_tokens": -1}, InvalidValue, "max_tokens"),
        ({"max_tokens": MAX_TOKENS + 1}, InvalidValue, "max_tokens"),
        ({"max_tokens": "5"}, InvalidType, "max_tokens"),
        ({"messages": [1] * (MAX_MESSAGES + 1)}, InvalidValue, "messages"),
        ({"tools": [1] * (MAX_TOOLS + 1)}, InvalidValue, "tools"),
        ({"metadata": {"user_id": 5}}, InvalidValue, "metadata.user_id"),
        ({"Model": "x"}, InvalidValue, "Model"),
        ({"stream": "yes"}, InvalidType, "stream"),
    ],
)
def test_faults_name_their_field(fields: dict[str, Any], kind: type[RequestError], field: str) -> None:
    """Before any provider is asked."""
    with pytest.raises(kind) as fault:
        decode(incoming(**fields))
    assert fault.value.field == field


def test_a_body_that_is_no_object_is_refused() -> None:
    """As everywhere."""
    with pytest.raises(InvalidJson):
        decode(Incoming(b"{"))
    with pytest.raises(InvalidType):
        decode_counting(Incoming(b"[]"))


def test_a_count_needs_no_length() -> None:
    """And is never streamed."""
    request = decode_counting(incoming(max_tokens=None, stream=True))
    assert (request.max_tokens, request.stream, request.model) == (None, False, "m")


def test_the_body_goes_out_with_the_model_replaced() -> None:
    """Byte for byte otherwise."""
    raw = b'{ "max_tokens" : 5,"model":"a\\/b", "messages":[], "new": 1.50 }'
    assert outgoing(decode(Incoming(raw)), "claude") == raw.replace(b'"a\\/b"', b'"claude"')


def test_proofs_of_other_providers_calls_do_not_reach_anthropic() -> None:
    """They were put there by us, and would be refused; the messages around them stay as they were, down to a number."""
    call = b'{"type":"tool_use","id":"c","name":"f","input":{"a": 1.50}}'
    thought = b'{"type":"thinking","thinking":"Hm.","signature":"own"}'
    mark = encoded(call_proof("sig"))
    said = b'[{"role":"user","content":"Say \\"tollbar-call:\\""},{"role":"assistant","content":[%b]}]'
    raw = b'{"model":"m","max_tokens":5,"messages":%b}'
    with_proof = raw % (said % b",".join((thought, mark, call)))
    without = raw % (said % b",".join((thought, call)))
    assert outgoing(decode(Incoming(with_proof)), "m") == without
    assert outgoing(decode(Incoming(without)), "m") == without
    broken = raw % b'["tollbar-call:", {"role": "user"}]'
    assert outgoing(decode(Incoming(broken)), "m") == broken


def test_headers_that_belong_to_the_body_travel_with_it() -> None:
    """Those two alone; several of one name are one list."""
    headers = (
        (b"anthropic-version", b"2023-06-01"),
        (b"anthropic-beta", b"a, b"),
        (b"anthropic-beta", b"c"),
        (b"x-api-key", b"secret"),
        (b"anthropic-dangerous-direct-browser-access", b"true"),
    )
    expected = (("anthropic-version", "2023-06-01"), ("anthropic-beta", "a, b,c"))
    assert decode(incoming(*headers)).source.headers == expected
    assert decode(incoming((b"anthropic-beta", b""))).source.headers == ()


@pytest.mark.parametrize("value", [b"a\r\nx-api-key: b", b"\xe9", b"a\tb", b"a" * (LONGEST_HEADER + 1)])
def test_a_header_that_could_not_be_sent_on_is_refused(value: bytes) -> None:
    """It would be another request."""
    with pytest.raises(InvalidValue) as fault:
        travelling([(b"anthropic-beta", value)])
    assert fault.value.field == "anthropic-beta"


@given(st.binary(max_size=40), st.binary(max_size=20))
def test_garbage_is_read_or_refused(body: bytes, header: bytes) -> None:
    """No bytes make the reader raise anything but our own errors."""
    for read in (decode, decode_counting):
        with contextlib.suppress(RequestError):
            read(Incoming(b'{"model":"m","max_tokens":1,"messages":[],%b}' % body, [(b"anthropic-beta", header)]))
