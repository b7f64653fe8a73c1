"""JSON on its way out."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tollbar.wire.writing import encoded

TEXT = st.text(st.characters(max_codepoint=0x7F) | st.sampled_from("é🦊\ud800\u2028"), max_size=5)
VALUES = st.recursive(
    TEXT | st.integers(-9, 9) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@given(VALUES)
def test_any_text_can_be_written(value: object) -> None:
    """What is read back is what was written, half surrogate pairs included."""
    assert json.loads(encoded(value)) == value


def test_half_a_pair_is_written_as_its_escape() -> None:
    """UTF-8 has no bytes for it; JSON has an escape."""
    assert encoded({"a": "x\ud800"}) == b'{"a":"x\\ud800"}'
