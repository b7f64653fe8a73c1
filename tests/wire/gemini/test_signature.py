"""Proofs of other providers survive Google's SDKs, and Google's own stay as they are."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from tollbar.wire.gemini.signature import SKIP, unwrapped, wrapped


@given(st.text(st.characters(exclude_categories=["Cs"])), st.booleans())
def test_what_was_wrapped_comes_back(signature: str, is_redacted: bool) -> None:
    """Also when an SDK has read it as bytes and written it in the other alphabet."""
    text = wrapped(signature, is_redacted)
    assert unwrapped(text) == (signature, is_redacted)
    assert unwrapped(base64.urlsafe_b64encode(base64.b64decode(text)).decode()) == (signature, is_redacted)


@given(st.text())
def test_what_was_not_stays(text: str) -> None:
    """Whatever it is."""
    assert unwrapped(text) == ((None, False) if text == SKIP else (text, False))


def test_what_stands_for_a_proof_is_none() -> None:
    """It means something to Google alone."""
    assert unwrapped(SKIP) == (None, False)
