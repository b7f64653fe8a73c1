"""What is sealed can be read by who has the key, at its place, and by nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollbar.admin.bootstrap import BootstrapError
from tollbar.admin.sealing import seal, unseal

KEY = bytes(range(32))


@given(st.text(max_size=200).filter(lambda text: text.isascii()), st.text(max_size=20).filter(str.isascii))
def test_what_is_sealed_comes_back(text: str, place: str) -> None:
    """Whatever it is; and it is not in what is stored."""
    sealed = seal(KEY, text, place)
    assert unseal(KEY, sealed, place) == text
    assert len(text) < 8 or text.encode() not in sealed


def test_equal_text_is_sealed_differently() -> None:
    """Nobody can see that two are the same."""
    assert seal(KEY, "sk-x", "here") != seal(KEY, "sk-x", "here")


@pytest.mark.parametrize("fault", ["key", "place", "byte", "cut", "empty"])
def test_anything_else_is_refused(fault: str) -> None:
    """Another key or place, a changed byte, a part."""
    sealed = seal(KEY, "sk-0123456789abcdef", "here")
    key = bytes(32) if fault == "key" else KEY
    wrong = {"byte": sealed[:-1] + bytes([sealed[-1] ^ 1]), "cut": sealed[:20], "empty": b""}.get(fault, sealed)
    with pytest.raises(BootstrapError, match="restore a backup") as refused:
        unseal(key, wrong, "there" if fault == "place" else "here")
    assert "sk-" not in str(refused.value)
