"""Requests are read for what we must know, and go out as they came."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.wire.test_body import bodies
from tollbar.domain.completion import CompletionRequest
from tollbar.domain.errors import InvalidJson, InvalidType, InvalidValue, MissingField, RequestError
from tollbar.wire.body import scan
from tollbar.wire.openai_chat.request import MODELLED, _decode_by_member, decode, outgoing
from tollbar.wire.writing import encoded

TEXTS = [
    "",
    " ",
    "\n\n",
    "\r\n\r\n",
    "\t\x7f",
    "\x00",
    "\u001b[31mred",
    '"quoted" \\ and \\" more',
    "\\u0041 \\n is no escape",
    "data: [DONE]",
    "data: [DONE]\n\ndata: {}\n\n",
    "[DONE]",
    "é e\u0301 ﬁ",
    "日本語 العربية עברית",
    "🦊👩‍👩‍👧‍👦🏳️‍🌈",
    "\ufeffmark \u200b\u200d \u202e",
    "\u2028\u2029\u0085",
    "\ufffd\uffff\U0010ffff",
    "\ud800",
    "\udc00\ud800",
    "</script><img src=x onerror=alert(1)>",
    "a" * 5_000 + "é",
]
"""The hard texts: each must come through byte for byte, streamed or not, whatever it is sent in."""


def body(**fields: Any) -> bytes:
    """A request's body with these fields, None left out."""
    document = {"model": "gpt", "messages": [{"role": "user", "content": "Hi"}], **fields}
    return json.dumps({name: value for name, value in document.items() if value is not None}).encode()


def test_a_whole_head_is_read() -> None:
    """Every field that routing and money need."""
    request = decode(
        body(
            stream=True,
            stream_options={"include_usage": True, "new": 1},
            max_tokens=5,
            n=3,
            user="u",
            tools=[{"type": "function"}],
            logprobs=True,
            response_format={"type": "json_schema", "json_schema": {}},
        )
    )
    assert (request.model, request.stream, request.max_tokens, request.choices, request.user, request.wants_usage) == (
        "gpt",
        True,
        5,
        3,
        "u",
        True,
    )
    assert request.features == {"tools", "logprobs", "json_schema"}
    assert request.source.wire == "openai"


def test_a_bare_request_has_defaults() -> None:
    """Model and messages are enough; null says nothing."""
    request = decode(
        b'{"model":"m","messages":[],"stream":null,"n":null,"user":null,"tools":null,"stream_options":null}'
    )
    assert (
        request.stream,
        request.max_tokens,
        request.choices,
        request.user,
        request.wants_usage,
        request.features,
    ) == (
        False,
        None,
        1,
        None,
        False,
        frozenset(),
    )


def test_the_newer_bound_wins() -> None:
    """`max_completion_tokens` replaces `max_tokens`, which then only has to be a number."""
    assert decode(body(max_tokens=5, max_completion_tokens=9)).max_tokens == 9
    assert decode(body(max_completion_tokens=9)).max_tokens == 9
    assert decode(body(max_tokens=5)).max_tokens == 5


@pytest.mark.parametrize(
    ("content", "feature"),
    [
        ([{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}], "images"),
        ([{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}], "audio"),
        ([{"type": "file", "file": {"file_id": "f"}}], "files"),
    ],
)
def test_parts_that_are_no_text_are_noticed(content: list[Any], feature: str) -> None:
    """A target must be able to carry them."""
    assert decode(body(messages=[{"role": "user", "content": content}])).features == {feature}


@pytest.mark.parametrize("name", ["model", "messages"])
@pytest.mark.parametrize("value", [b"null", b""])
def test_a_missing_field_is_named(name: str, value: bytes) -> None:
    """Absent or null, whatever else is wrong with types and values."""
    other = {"model": b'"messages":7', "messages": b'"model":7'}[name]
    missing = b',"%b":null' % name.encode() if value else b""
    with pytest.raises(MissingField) as fault:
        decode(b'{%b,"n":0,"user":5%b}' % (other, missing))
    assert fault.value.field == name


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("model", [5, ["m"], {}, True]),
        ("messages", ["hello", {}, 5, True]),
        ("stream", [1, "true", [], {}]),
        ("stream_options", [True, "x", []]),
        ("max_tokens", ["5", 1.5, True, []]),
        ("max_completion_tokens", ["5", 1.5, False]),
        ("n", ["1", 1.5, True]),
        ("user", [5, [], {}]),
        ("tools", [{}, "x", 1]),
    ],
)
def test_a_field_of_the_wrong_type_is_named(name: str, wrong: list[Any]) -> None:
    """Types come before values: a value out of range elsewhere is not what is told."""
    for value in wrong:
        others = {"n": 0} if name != "n" else {"max_tokens": 0}
        with pytest.raises(InvalidType) as fault:
            decode(body(**{**others, name: value}))
        assert fault.value.field == name


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_completion_tokens": 10**9}, "max_completion_tokens"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"tools": [{}] * 513}, "tools"),
        ({"messages": [{}] * 10_001}, "messages"),
    ],
)
def test_a_value_out_of_range_is_named(fields: dict[str, Any], name: str) -> None:
    """With the range it has to be in."""
    with pytest.raises(InvalidValue) as fault:
        decode(body(**fields))
    assert fault.value.field == name
    assert "max" in fault.value.details


@pytest.mark.parametrize(
    "fields", [{"n": 128}, {"tools": [{}] * 512}, {"messages": [{}] * 10_000}, {"max_tokens": 10**8}]
)
def test_values_at_their_limits_pass(fields: dict[str, Any]) -> None:
    """The limit itself is allowed."""
    decode(body(**fields))


@pytest.mark.parametrize("name", sorted(MODELLED))
def test_a_look_alike_is_refused(name: str) -> None:
    """A name equal to one of ours but for case could be read by a provider and not by us."""
    for look in {
        name.upper(),
        name.capitalize(),
        name[:-1] + name[-1].upper(),
        name.replace("s", "ſ"),
        name.replace("k", "K"),
    }:
        if look == name:
            continue
        with pytest.raises(InvalidValue, match=f"Did you mean|{look}") as fault:
            decode(body(**{look: None}).replace(b'"model"', json.dumps(look).encode() + b':1,"model"', 1))
        assert fault.value.field == look
        assert name in fault.value.hint


def test_names_of_their_own_are_no_look_alikes() -> None:
    """Fields that we do not know pass, whatever their case."""
    assert decode(body(Seed=1, XUSER=2, future_field={"Model": 1})).model == "gpt"


def test_the_order_of_faults_is_fixed() -> None:
    """JSON, a name given twice or falsely, what is missing, types, values."""
    faults = [b'{"model":"m","model":"m"', b'{"model":1,"model":2}', b'{"n":"x"}', b'{"model":1,"messages":[],"n":0}']
    faults.append(b'{"model":"m","messages":[],"n":0}')
    kinds: list[type[RequestError]] = []
    for raw in faults:
        with pytest.raises(RequestError) as fault:
            decode(raw)
        kinds.append(fault.type)
    assert kinds == [InvalidJson, InvalidValue, MissingField, InvalidType, InvalidValue]


@given(bodies(), st.text(max_size=8), st.booleans())
def test_what_goes_out_is_what_came_but_for_the_model(
    case: tuple[dict[str, Any], bytes], model: str, ask_usage: bool
) -> None:
    """Every other value byte for byte, in the caller's order, spaces between members included."""
    document, raw = case
    assume(not MODELLED & {name.casefold() for name in document})
    close = raw.rindex(b"}")
    comma = b"," if document else b""
    whole = raw[:close] + comma + b'"model" : "old" ,"messages":[ ]' + raw[close:]
    result = outgoing(decode(whole), model, ask_usage)
    start, end = scan(whole).spans["model"]
    replaced = whole[:start] + encoded(model) + whole[end:]
    asked = b',"stream_options":{"include_usage":true}' if ask_usage else b""
    close = replaced.rindex(b"}")
    assert result == replaced[:close] + asked + replaced[close:]


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (None, b'{"include_usage":true}'),
        (b"null", b'{"include_usage":true}'),
        (b"{}", b'{"include_usage":true}'),
        (b"{ }", b'{ "include_usage":true}'),
        (b'{"include_usage" : false}', b'{"include_usage" : true}'),
        (b'{"include_usage":null, "x":1}', b'{"include_usage":true, "x":1}'),
        (b'{"include_obfuscation":false }', b'{"include_obfuscation":false ,"include_usage":true}'),
        (b'{"a":{"include_usage":false}}', b'{"a":{"include_usage":false},"include_usage":true}'),
    ],
)
def test_usage_is_asked_for_in_every_form_of_the_options(options: bytes | None, sent: bytes) -> None:
    """Absent, null, empty, refused or full of other things: the caller's own options stay."""
    raw = b'{"model":"m","messages":[],"stream":true%b}' % (b"" if options is None else b',"stream_options":' + options)
    request = decode(raw)
    assert not request.wants_usage
    assert scan(outgoing(request, "m", ask_usage=True)).value("stream_options") == sent
    unasked = scan(outgoing(request, "m", ask_usage=False))
    assert unasked.value("stream_options") == options


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ('{"include_usage":"yes"}', "stream_options.include_usage"),
        ('{"include_usage":1}', "stream_options.include_usage"),
        ('{"include_usage":true,"include_usage":false}', "stream_options.include_usage"),
        ('{"x":1,"\\u0078":2}', "stream_options.x"),
    ],
)
def test_options_that_could_be_read_in_two_ways_are_refused(options: str, field: str) -> None:
    """We splice into the options, so they have to be as clear as the body itself."""
    with pytest.raises(RequestError) as fault:
        decode(f'{{"model":"m","messages":[],"stream_options":{options}}}'.encode())
    assert fault.value.field == field


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("escaped", [True, False])
def test_hard_texts_go_out_as_they_came(text: str, escaped: bool) -> None:
    """Whatever a message holds, its bytes are not touched."""
    if not escaped and any("\ud800" <= character <= "\udfff" for character in text):
        return  # UTF-8 cannot hold it unescaped
    content = json.dumps([{"role": "user", "content": text}], ensure_ascii=escaped).encode()
    raw = b'{"messages":%b,"model":"m"}' % content
    assert outgoing(decode(raw), "other", ask_usage=False) == b'{"messages":%b,"model":"other"}' % content


def test_the_conversation_is_read_when_somebody_asks() -> None:
    """Not before: a relayed call never pays for it."""
    request = decode(body(messages=[{"role": "nobody"}]))
    with pytest.raises(InvalidValue) as fault:
        request.source.expand()
    assert fault.value.field == "messages[0].role"


members = st.fixed_dictionaries(
    {
        "model": st.text(max_size=5) | st.none() | st.just(3),
        "messages": st.lists(st.just({}), max_size=3) | st.just({}),
    },
    optional={
        "stream": st.booleans() | st.none() | st.just("yes"),
        "stream_options": st.none() | st.just({"include_usage": True}) | st.just([]),
        "max_tokens": st.integers(-1, 3) | st.none() | st.just(1.5),
        "max_completion_tokens": st.integers(-1, 3) | st.none(),
        "n": st.integers(0, 130) | st.none(),
        "user": st.text(max_size=3) | st.none() | st.just(1),
        "tools": st.none() | st.just([]) | st.just([{}]) | st.just({}),
        "temperature": st.just(0.5),
    },
)


@given(members)
def test_reading_at_once_and_by_member_is_the_same(told: dict[str, Any]) -> None:
    """A body is the same request, or the same fault, whichever way it was read."""
    raw = json.dumps(told).encode()

    def read(how: Callable[[], CompletionRequest]) -> object:
        try:
            request = how()
        except RequestError as fault:
            return type(fault), fault.field, fault.message, fault.details
        return request._replace(source=request.source._replace(expand=None))  # type: ignore[arg-type]

    assert read(lambda: _decode_by_member(scan(raw))) == read(lambda: decode(raw))
