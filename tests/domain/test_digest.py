"""The keyed digest of a credential."""

from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.digest import digest, place_text


def test_it_is_hmac_sha256() -> None:
    """The second test case of RFC 4231 comes out as printed there."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert digest(b"Jefe", "what do ya want for nothing?").hex() == expected


def test_the_pepper_matters() -> None:
    """The same text under another pepper has another digest."""
    assert digest(b"a" * 32, "key") != digest(b"b" * 32, "key")


@given(st.text(alphabet=st.characters()), st.text(alphabet=st.characters()))
def test_equal_text_alone_has_an_equal_digest(one: str, other: str) -> None:
    """Any text has a digest, lone surrogates included, and different texts have different ones."""
    assert (digest(b"pepper", one) == digest(b"pepper", other)) == (one == other)


@given(st.text(), st.text())
def test_an_address_has_a_text_of_its_own(one: str, other: str) -> None:
    """Two addresses never share it."""
    assert (place_text(one) == place_text(other)) == (one == other)
