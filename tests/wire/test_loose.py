"""What is not as it should be is as good as absent."""

import pytest

from tollbar.domain.errors import StreamBroken
from tollbar.wire.loose import an_object, count, document, json_text, mended, objects, text


def test_each_read_takes_its_own_kind_alone() -> None:
    """Anything else is nothing."""
    assert (an_object({"a": 1}), an_object([])) == ({"a": 1}, {})
    assert (objects([{"a": 1}, 5]), objects("x")) == ([{"a": 1}], [])
    assert (text("é"), text(5), count(3), count(True), count("3")) == ("é", "", 3, 0, 0)
    assert (mended("a\ud800"), json_text({"a": ["\ud800"]})) == ("a\ufffd", '{"a":["\ufffd"]}')


def test_a_document_is_json_or_a_broken_answer() -> None:
    """Half of a surrogate pair is legal there."""
    assert document(b'["\\ud800"]') == ["\ud800"]
    for raw in (b"{", b"\xff", b"[" * 100_000):
        with pytest.raises(StreamBroken):
            document(raw)
