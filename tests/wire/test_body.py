"""The scan of a body finds exactly its members, refuses what could hide one, and takes linear time over anything."""

import json
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tollbar.domain.errors import GatewayError, InvalidJson, InvalidType, InvalidValue
from tollbar.wire.body import MAX_DEPTH, MAX_DIGITS, MAX_MEMBERS, items, scan, splice

SPACES = st.text(" \t\r\n", max_size=3)
NAMES = st.sampled_from(["model", "messages", "a", "", "é", '"', "\\", "{", "}", ",", ":", "\n"]) | st.text(max_size=6)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(['"', "\\", '\\"', "[{", "}],", "1" * 40, "[" * 99, "data: [DONE]", "\u2028", "🦊"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)


@st.composite
def written(draw: st.DrawFn, value: Any) -> bytes:
    """A value as JSON, with spaces in any place and characters escaped or not."""
    space = draw(SPACES)
    match value:
        case dict():
            members = [
                space + draw(written(name)).decode() + space + ":" + space + draw(written(inner)).decode()
                for name, inner in value.items()
            ]
            text = "{" + (",".join(members) or space) + space + "}"
        case list():
            text = "[" + ",".join(space + draw(written(inner)).decode() for inner in value) + space + "]"
        case str() if draw(st.booleans()):
            units = value.encode("utf-16-be", "surrogatepass")
            text = '"' + "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)) + '"'
        case _:
            text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    return text.encode()


@st.composite
def bodies(draw: st.DrawFn) -> tuple[dict[str, Any], bytes]:
    """An object and one way of writing it."""
    document = draw(st.dictionaries(NAMES, VALUES, max_size=6))
    space = draw(SPACES).encode()
    return document, space + draw(written(document)) + space


@given(bodies())
def test_the_members_are_found_exactly(case: tuple[dict[str, Any], bytes]) -> None:
    """However an object is written, its members are found in order, each with its value and without a space around."""
    document, raw = case
    body = scan(raw)
    found = {name: body.value(name) or b"" for name in body.spans}
    assert list(found) == list(document)
    assert {name: json.loads(value) for name, value in found.items()} == document
    assert [value for value in found.values() if value != value.strip()] == []
    assert [name for name in (*document, "absent") if (name in body) is (name not in document)] == []


@given(bodies(), st.dictionaries(NAMES.filter(lambda name: json.dumps(name) == f'"{name}"'), VALUES, max_size=3))
def test_a_splice_changes_only_what_was_asked(case: tuple[dict[str, Any], bytes], new: dict[str, Any]) -> None:
    """The result holds the new values in their places or at the end, and every other byte as it was."""
    document, raw = case
    replacements = {name: json.dumps(value).encode() for name, value in new.items()}
    body = scan(raw)
    result = splice(body, replacements)
    assert json.loads(result) == {**document, **new}
    assert list(json.loads(result)) == [*document, *(name for name in new if name not in document)]
    rest = result
    position = 0
    for name, (start, end) in body.spans.items():
        between = raw[position:start] + replacements.get(name, raw[start:end])
        assert rest.startswith(between)
        rest, position = rest[len(between) :], end
    brace = raw.rindex(b"}")
    assert rest.startswith(raw[position:brace])
    assert rest.endswith(raw[brace:])


@given(bodies(), st.data())
def test_a_member_given_twice_is_refused(case: tuple[dict[str, Any], bytes], data: st.DataObject) -> None:
    """Wherever the second one stands and however its name is escaped, whether or not the values are the same."""
    document, raw = case
    if not document:
        return
    name = data.draw(st.sampled_from(list(document)))
    value = data.draw(st.sampled_from([document[name], data.draw(VALUES)]))
    again = data.draw(written(name)) + b":" + data.draw(written(value))
    brace, close = raw.index(b"{") + 1, raw.rindex(b"}")
    doubled = data.draw(
        st.sampled_from([raw[:brace] + again + b"," + raw[brace:], raw[:close] + b"," + again + raw[close:]])
    )
    with pytest.raises(InvalidValue, match="given twice"):
        scan(doubled)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"a":12}',
        b'{"a":12,"a":1}',
        b'{"a":1,"b":2,"a":1}',
        b'{"a":1,"\\u0061":1}',
        b'{"\\u0061":1,"a":1}',
        b'{"a":"x\\ud800","a":1}',
        b'{"\\ud800":1,"\\uD800":1}',
        b'{"a":[],"a" : []  }',
        b'{"":1,"":1}',
    ],
)
def test_hidden_second_members_are_refused(raw: bytes) -> None:
    """A shorter or equal value, an escape, a lone surrogate beside it: nothing hides a second member."""
    with pytest.raises(InvalidValue, match="given twice"):
        scan(raw)


@pytest.mark.parametrize(
    "raw",
    [b"", b" ", b"{", b"nul", b'{"a":1,}', b'{"a":NaN}', b'{"a":\\ud800}', b'{"a":"\x00"}', b'{"a" 1}', b"{}x", b'{"'],
)
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    """A fault of syntax is told as one."""
    with pytest.raises(InvalidJson):
        scan(raw)


@pytest.mark.parametrize(
    "raw",
    [b'\xef\xbb\xbf{"a":"\\ud800"}', '{"a":"\\ud800"}'.encode("utf-16-le"), b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}'],
)
def test_only_utf_8_is_read(raw: bytes) -> None:
    """A byte order mark, UTF-16 and bytes that are no UTF-8 are refused; nothing is guessed."""
    with pytest.raises(InvalidJson):
        scan(raw)


@pytest.mark.parametrize("raw", [b"[]", b"1", b'"a"', b"null", b'["\\ud800"]', b"[" * 64 + b"]" * 64])
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    """JSON of another type is a fault of type."""
    with pytest.raises(InvalidType, match="must be a JSON object"):
        scan(raw)


def test_a_lone_surrogate_is_let_through() -> None:
    """JSON allows it, so it is the caller's to send: the value stays as it came."""
    body = scan(b'{"a" : "x\\ud800\\"y" , "b":[1]}')
    assert (body.value("a"), body.value("b")) == (b'"x\\ud800\\"y"', b"[1]")


@pytest.mark.parametrize("lone", [b"", b',"l":"\\udc00"'])
@pytest.mark.parametrize(("opened", "closed"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
def test_depth_ends_at_its_limit(opened: bytes, closed: bytes, lone: bytes) -> None:
    """The body itself is the first level: 64 pass, 65 do not, whatever the nesting is made of."""
    levels = opened.count(b"[") + opened.count(b"{")
    for depth in (MAX_DEPTH, MAX_DEPTH + 1):
        more, odd = divmod(depth - 1, levels)
        nested = opened * more + b"[" * odd + b"1" + b"]" * odd + closed * more
        raw = b'{"a":' + nested + lone + b"}"
        if depth == MAX_DEPTH:
            assert scan(raw).value("a") == nested
        else:
            with pytest.raises(InvalidJson, match="deeper than 64"):
                scan(raw)


@pytest.mark.parametrize("number", ["{}", "-{}", "0.{}", "1e{}", "[1,{}]", "9{}.0"])
def test_digits_end_at_their_limit(number: str) -> None:
    """20 digits in a row pass, 21 do not, wherever in a number they stand."""
    spare = number.count("9")
    fits = number.format("1" * (MAX_DIGITS - spare)).encode()
    assert scan(b'{"a":%b}' % fits).value("a") == fits
    with pytest.raises(InvalidJson, match="more than 20 digits"):
        scan(b'{"a":%b}' % number.format("1" * (MAX_DIGITS + 1 - spare)).encode())


@pytest.mark.parametrize("padding", [0, 65_530, 65_536, 131_066])
def test_limits_hold_across_the_windows_of_the_scan(padding: int) -> None:
    """A number or a nesting that lies across the border of two windows is seen whole."""
    blank = b" " * padding
    for raw in (b'{"a":%b%b}' % (blank, b"1" * 21), b'{"a":%b%b}' % (blank, b"[" * 64 + b"]" * 64)):
        with pytest.raises(InvalidJson):
            scan(raw)
    inside = b'"' + b"1" * 30 + b"[" * 70 + b'"'
    assert scan(b'{"a":%b%b}' % (blank, inside)).value("a") == inside
    assert scan(b'{"b":"%b","a":%b}' % (b"x" * padding, inside)).value("a") == inside


@pytest.mark.parametrize(
    "held", ["[" * 100, "{" * 100, "1" * 100, '\\"' + "[" * 100, "\\\\\\\\" + "1" * 50, "\\u005b" * 99]
)
def test_what_is_in_strings_is_no_nesting_and_no_number(held: str) -> None:
    """Brackets and digits in text are text, after any number of backslashes."""
    raw = f'{{"a":"{held}","{held}":0}}'.encode()
    assert len(scan(raw).spans) == 2


def test_the_number_of_members_is_limited() -> None:
    """No request has a thousand fields; a flood of them would take the loop's time."""
    document = {f"field{number}": number for number in range(MAX_MEMBERS + 1)}
    with pytest.raises(InvalidValue, match="more than 1000 fields"):
        scan(json.dumps(document).encode())
    del document["field0"]
    assert len(scan(json.dumps(document).encode()).spans) == MAX_MEMBERS


@settings(max_examples=300)
@given(
    st.binary(max_size=60)
    | st.lists(
        st.sampled_from(
            [b"{", b"}", b"[", b"]", b'"', b"\\", b",", b":", b" ", b"a", b"1", b"\\ud800", b'"a":', b"\xff"]
        ),
        max_size=40,
    ).map(b"".join)
)
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b"1" * 100_000)
@example(b'{"a":' + b"1" * 5_000 + b"}")
def test_any_bytes_are_read_or_refused_in_our_own_words(raw: bytes) -> None:
    """Whatever arrives, nothing but an error of ours is raised, and what passes is JSON."""
    try:
        body = scan(raw)
    except GatewayError:
        return
    assert list(body.spans) == list(json.loads(raw))


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 65 + b'"' + b"a" * 100_000,
        b"[" * 65 + b'"' + b"\\" * 100_000,
        b"[" * 65 + b'"' + b'\\"' * 50_000,
        b"[" * 65 + b'"' * 100_001,
        b'{"a":1' + b" " * 100_000 + b',"a":1}',
        b'{"a":1' + b" " * 100_000 + b"x",
        b" " * 100_000 + b'{"a":1,"a":1}',
        b'{"' + b"a" * 100_000 + b'":1,"a":1,"a":2}',
        b'{"' + b"\\n" * 50_000 + b'":1,"a":1,"a":2}',
        b'{"a"' + b" " * 100_000 + b":" + b"\n" * 100_000 + b'1,"a":1}',
        b"[" * 100_000 + b"]" * 100_000,
        b"[]" * 100_000,
        b'{"a":' + b"1" * 100_000 + b"}",
        b'{"a":"' + b"1" * 100_000 + b'","a":0}',
        b'{"a":[' + b"1," * 100_000 + b'1],"a":0}',
        b'{"a":["\\ud800"' + b',"\\ud800"' * 10_000 + b'],"a":0}',
        b"{" + b",".join(b'"%d":0' % number for number in range(10_000)) + b"}",
    ],
    ids=lambda raw: (raw[:8] + raw[66:72] + raw[-8:]).decode(errors="replace"),
)
def test_hostile_bodies_are_refused_quickly(raw: bytes) -> None:
    """A hundred thousand bytes made against any of the patterns take no time to speak of."""
    began = time.process_time()
    with pytest.raises((InvalidJson, InvalidValue, InvalidType)):
        scan(raw)
    assert time.process_time() - began < 0.5


@given(
    st.lists(VALUES, max_size=5) | st.integers(990, 1_100).map(lambda size: [[0], {"a": [1, 2]}, ",]\\"] * (size // 3))
)
def test_items_are_counted_without_building_them(values: list[Any]) -> None:
    """Few or many, and whatever commas and brackets they hold."""
    assert items(json.dumps(values).encode()) == len(values)


@pytest.mark.parametrize(
    ("raw", "size"), [(b"[]", 0), (b"[ \n]", 0), (b'["\\ud800"]', 1), (b'[ "\\ud800" , [1,2] ]', 2)]
)
def test_items_are_counted_in_odd_arrays_too(raw: bytes, size: int) -> None:
    """Empty ones, and ones with a lone surrogate."""
    assert items(raw) == size
