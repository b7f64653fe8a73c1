"""The types whose text form is our own."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tollbar.domain import limits
from tollbar.settings.fields import (
    Names,
    Network,
    Origins,
    Rate,
    Rates,
    SecretText,
    Section,
    WebAddress,
    parse_rate,
    setting,
)
from tollbar.settings.secret import Secret


@given(
    st.one_of(
        st.text(max_size=20),
        st.from_regex(r"\s?\d{0,13}\s?(/|per)?\s?(1 )?(second|minute|hour|day|week)?s?\s?", fullmatch=True),
    )
)
def test_rates_are_read_as_those_of_keys_are(text: str) -> None:
    """The settings accept exactly the rates that `domain.limits` accepts, with the same meaning."""
    try:
        expected = limits.parse_rate(text)
    except ValueError:
        with pytest.raises(ValueError, match="rate"):
            parse_rate(text)
    else:
        assert parse_rate(text) == Rate(expected.amount, expected.window_seconds)


def test_a_rate_shows_as_it_is_written() -> None:
    """The text of a rate can be read back."""
    assert [str(parse_rate(text)) for text in ("20/minute", "5 per 1 hour", "1/days")] == [
        "20/minute",
        "5/hour",
        "1/day",
    ]


def test_one_entry_needs_no_list() -> None:
    """A single name or rate may stand without its list."""
    assert TypeAdapter(Names).validate_python("a") == ("a",)
    assert TypeAdapter(Rates).validate_python("1/day") == (Rate(1, 86_400),)


@pytest.mark.parametrize("text", ["", "ftp://host", "host:80", "http://", "http://host:99999", "http://[", "http:///x"])
def test_what_is_no_web_address_is_refused(text: str) -> None:
    """A scheme that is not the web's, a missing host and an impossible port are refused."""
    with pytest.raises(ValidationError, match="no web address"):
        TypeAdapter(WebAddress).validate_python(text)


def test_a_web_address_loses_its_last_slash() -> None:
    """Addresses compare equal however they end."""
    assert TypeAdapter(WebAddress).validate_python("https://host/v1/") == "https://host/v1"


def test_networks_are_written_in_one_form() -> None:
    """An address is its own network; host bits are cut off; nonsense is refused."""
    assert [TypeAdapter(Network).validate_python(text) for text in ("10.1.2.3", "10.1.2.3/8", "FD00::/8")] == [
        "10.1.2.3/32",
        "10.0.0.0/8",
        "fd00::/8",
    ]
    with pytest.raises(ValidationError, match="no address or network"):
        TypeAdapter(Network).validate_python("10.0.0")


def test_origins_are_written_as_browsers_send_them() -> None:
    """Small letters, without a path, and with a port only where it is not the usual one; one needs no list."""
    read = TypeAdapter(Origins).validate_python
    assert read(["https://App.example/", "http://localhost:3000", "https://a.b:443", "http://[::1]:80"]) == (
        "https://app.example",
        "http://localhost:3000",
        "https://a.b",
        "http://[::1]",
    )
    assert read("capacitor://localhost") == ("capacitor://localhost",)
    assert read("*") == ("*",)


@pytest.mark.parametrize(
    "text", ["", "app.example", "https://", "https://a/b", "https://a?x", "https://me@a", "https://*.a:0", "http://a:b"]
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    """A path, a user or a missing scheme would never be equal to what a browser sends."""
    with pytest.raises(ValidationError, match="no origin"):
        TypeAdapter(Origins).validate_python(text)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    """`file:PATH` is the file's content, trimmed; a relative path starts at the settings' directory."""
    (tmp_path / "key").write_text("hush\n")
    read = TypeAdapter(SecretText).validate_python
    assert read("file:key", context={"directory": tmp_path}) == Secret("hush")
    assert read(f"file:{tmp_path}/key") == Secret("hush")
    assert read("plain") == Secret("plain")


def test_a_secret_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    """A missing file, an empty one and one that is no text are named with the reason."""
    (tmp_path / "empty").touch()
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for name, reason in (("missing", "No such file"), ("empty", "is empty"), ("bytes", "not UTF-8")):
        with pytest.raises(ValidationError, match=reason):
            TypeAdapter(SecretText).validate_python(f"file:{name}", context={"directory": tmp_path})
    with pytest.raises(ValidationError, match="must be text"):
        TypeAdapter(SecretText).validate_python(7)


def test_a_section_is_frozen_and_takes_no_strangers() -> None:
    """A value cannot be changed, and an undeclared key is refused."""

    class Sample(Section):
        number: int = setting(3, "A number.", bounds=(1, 5))

    with pytest.raises(ValidationError, match="frozen"):
        Sample().number = 4  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        Sample.model_validate({"other": 1})
    with pytest.raises(ValidationError, match="less than or equal to 5"):
        Sample.model_validate({"number": 6})
