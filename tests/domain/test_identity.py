"""Keys by their form, and principals that carry no secret."""

from hypothesis import given
from hypothesis import strategies as st

from tollbar.domain.identity import (
    ALPHABET,
    ID_LENGTH,
    KEY_LENGTH,
    KEY_PREFIX,
    SECRET_LENGTH,
    Allowance,
    AllowanceId,
    Credential,
    Principal,
    assemble,
    checksum,
    draw,
    is_well_formed,
)
from tollbar.domain.money import Unit

symbols = st.integers(0, len(ALPHABET) - 1)
keys = st.builds(
    lambda public, secret: assemble(draw(public), draw(secret)),
    st.lists(symbols, min_size=ID_LENGTH, max_size=ID_LENGTH),
    st.lists(symbols, min_size=SECRET_LENGTH, max_size=SECRET_LENGTH),
)


@given(keys)
def test_a_key_of_ours_is_well_formed(key: str) -> None:
    """Whatever was drawn, the key has our prefix and length and a checksum that fits."""
    assert is_well_formed(key)
    assert (key[: len(KEY_PREFIX)], len(key)) == (KEY_PREFIX, KEY_LENGTH)


@given(keys, st.integers(len(KEY_PREFIX), KEY_LENGTH - 1), symbols)
def test_one_wrong_character_is_noticed(key: str, place: int, symbol: int) -> None:
    """A CRC finds every change of a single character."""
    mistyped = key[:place] + ALPHABET[symbol] + key[place + 1 :]
    assert (mistyped == key) is is_well_formed(mistyped)


@given(keys, st.integers(0, KEY_LENGTH - 1))
def test_a_key_cut_short_or_lengthened_is_noticed(key: str, length: int) -> None:
    """A part of a key, and a key with something after it, are none."""
    assert not is_well_formed(key[:length])
    assert not is_well_formed(key + "x")


@given(st.text(max_size=80))
def test_any_text_may_be_asked(text: str) -> None:
    """No text raises, not even one that is no ASCII."""
    assert not is_well_formed(text)
    assert not is_well_formed((KEY_PREFIX + text).ljust(KEY_LENGTH, "é")[:KEY_LENGTH])


def test_the_secret_part_is_strong_enough() -> None:
    """At least 160 bits come from chance."""
    assert len(ALPHABET) ** SECRET_LENGTH >= 2**160
    assert len(ALPHABET) == len(set(ALPHABET)) == 62


def test_the_checksum_is_known() -> None:
    """Scanners elsewhere compute the same: CRC-32 (of "123456789": 0xcbf43926) in base 62, six digits."""
    assert checksum("") == "000000"
    assert checksum("123456789") == "3jZRME"


def test_a_credential_never_shows_its_text() -> None:
    """What is printed or logged by accident is not the secret."""
    credential = Credential("sk-toll-secret", "authorization")
    assert "Credential(text='***', place='authorization')" == repr(credential) == str(credential)


def test_a_principal_has_no_place_for_a_secret() -> None:
    """No field of a principal could hold one."""
    assert not {"text", "secret", "digest", "credential", "hint"} & set(Principal.__dataclass_fields__)


def test_what_is_left_may_be_negative_after_an_overrun() -> None:
    """Left is granted less spent less held."""
    allowance = AllowanceId(1, Unit.TOKENS)
    assert Allowance(allowance, 10, 5, 2).left == 3
    assert Allowance(allowance, 10, 12, 0).left == -2
