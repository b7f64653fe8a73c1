"""Forms are read as clients write them, and in one way only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.errors import InvalidValue
from tollbar.wire.multipart import boundary_of, fields_of

ONCE = frozenset({"model", "stream"})


def form(*parts: tuple[bytes, bytes], boundary: bytes = b"b") -> bytes:
    """A form of these heads and values."""
    told = b"".join(b"--%b\r\n%b\r\n\r\n%b\r\n" % (boundary, head, value) for head, value in parts)
    return told + b"--%b--\r\n" % boundary


def named(name: str, more: str = "") -> bytes:
    """The head of a field."""
    return f'Content-Disposition: form-data; name="{name}"{more}'.encode()


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.binary(max_size=9)), unique_by=lambda part: part[0], min_size=1)
)
def test_a_field_lies_where_its_value_is(parts: list[tuple[str, bytes]]) -> None:
    """Whatever the bytes between."""
    parts = [(name, value) for name, value in parts if b"--b" not in value and not value.startswith(b"\r\n--b")]
    raw = form(*((named(name), value) for name, value in parts))
    if parts:
        found = fields_of(raw, "b", ONCE)
        assert {name: raw[start:end] for name, (start, end) in found.items()} == dict(parts)


def test_files_are_left_out_and_may_share_a_name() -> None:
    """Their bytes are nobody's business, nor are further headers."""
    file = named("image[]", '; filename="a.png"') + b"\r\nContent-Type: image/png"
    raw = form((file, b"1"), (file, b"2"), (named("model"), b"m"))
    assert {name: raw[start:end] for name, (start, end) in fields_of(raw, "b", ONCE).items()} == {"model": b"m"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"--b--",
        b"--b\r\n",
        form((named("model"), b""), (named("model"), b"")),
        form((named("Model"), b"")),
        form((named("mo\\del"), b"")),
        form((named("%6dodel"), b"")),
        form((named("model", '; filename="m"'), b"")),
        form((b"Content-Type: text/plain", b"")),
        form((b'Content-Disposition: form-data; name="a"; name="b"', b"")),
        form((b"Content-Disposition: form-data; name*=UTF-8''a", b"")),
        form((named("a") + b"\r\n" + named("b"), b"")),
        b"junk" + form((named("a"), b"")),
        form((named("a"), b""))[:-6],
        form(*((named(str(number)), b"") for number in range(1_001))),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(raw: bytes) -> None:
    """As is what is not whole, or has no end."""
    with pytest.raises(InvalidValue):
        fields_of(raw, "b", ONCE)


def test_boundaries() -> None:
    """Quoted or not; anything that is no plain word is none."""
    assert boundary_of("multipart/form-data; boundary=abc") == "abc"
    assert boundary_of('Multipart/Form-Data;boundary="a b"'.replace(" b", "-b")) == "a-b"
    for told in (
        "application/json",
        "multipart/form-data",
        "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=é",
    ):
        with pytest.raises(InvalidValue):
            boundary_of(told)


@given(st.binary(max_size=60))
def test_nothing_makes_it_raise_anything_but_our_errors(raw: bytes) -> None:
    """Whatever is sent."""
    for sent in (raw, b"--b\r\n" + raw + b"\r\n--b--"):
        try:
            fields_of(sent, "b", ONCE)
        except InvalidValue:
            continue
