"""Where a key may be, and what happens when it is in two places."""

import pytest

from tollbar.domain.errors import InvalidKey
from tollbar.domain.identity import Credential
from tollbar.edge.credentials import credential_in

PLACES = (b"x-api-key", b"x_api_key", b"api-key", b"x-goog-api-key")


@pytest.mark.parametrize(
    ("headers", "place"),
    [
        ([(b"authorization", b"Bearer k")], "authorization"),
        ([(b"authorization", b"bearer k")], "authorization"),
        ([(b"authorization", b"BEARER   k ")], "authorization"),
        *[([(place, b" k ")], place.decode()) for place in PLACES],
    ],
)
def test_a_key_is_found_in_each_of_its_places(headers: list[tuple[bytes, bytes]], place: str) -> None:
    """Five headers carry a key; the space around it does not count."""
    assert credential_in([(b"host", b"x"), *headers]) == Credential("k", place)


@pytest.mark.parametrize(
    "headers",
    [[], [(b"cookie", b"key=k")], [(b"x-api-key", b"  ")], [(b"authorization", b"Bearer  ")], [(b"x-auth", b"k")]],
)
def test_no_key_is_no_credential(headers: list[tuple[bytes, bytes]]) -> None:
    """Nothing, an empty value, and a header that is none of the five."""
    assert credential_in(headers) is None


@pytest.mark.parametrize("place", PLACES)
def test_the_same_key_in_two_places_is_fine(place: bytes) -> None:
    """Clients that fill in both headers are served; the first place is told."""
    assert credential_in([(b"authorization", b"Bearer k"), (place, b"k")]) == Credential("k", "authorization")


@pytest.mark.parametrize("place", PLACES)
def test_two_different_keys_are_refused(place: bytes) -> None:
    """Nobody can tell which was meant; the places are named, the keys are not."""
    with pytest.raises(InvalidKey, match=f"in authorization and in {place.decode()}") as caught:
        credential_in([(b"authorization", b"Bearer first"), (place, b"second")])
    assert "first" not in caught.value.text
    assert "second" not in caught.value.text


def test_two_authorization_headers_are_refused_even_when_equal() -> None:
    """A proxy on the way may have read the other one."""
    with pytest.raises(InvalidKey, match="two Authorization headers"):
        credential_in([(b"authorization", b"Bearer k"), (b"authorization", b"Bearer k")])


def test_the_same_header_twice_with_two_keys_is_refused() -> None:
    """A repeated header is read like two places."""
    with pytest.raises(InvalidKey, match="two X-Api-Key headers"):
        credential_in([(b"x-api-key", b"a"), (b"x-api-key", b"b")])


@pytest.mark.parametrize("value", [b"Basic azo=", b"k", b"Bearerk", b"Token k", b""])
def test_another_scheme_is_refused(value: bytes) -> None:
    """An Authorization header that is not `Bearer KEY` is told so, without its value."""
    with pytest.raises(InvalidKey, match="not of the form"):
        credential_in([(b"authorization", value)])


def test_any_bytes_are_text() -> None:
    """A key that is not ASCII is looked up like any other and found wrong there."""
    assert credential_in([(b"x-api-key", b"\xff\xfe")]) == Credential("ÿþ", "x-api-key")


def test_a_credential_does_not_show_itself() -> None:
    """What lands in a log or a traceback has no secret in it."""
    assert "swordfish" not in repr(credential_in([(b"x-api-key", b"swordfish")]))
