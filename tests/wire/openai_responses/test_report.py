"""What is read from a provider's words, whatever they are."""

import pytest

from tollbar.domain.errors import StreamBroken
from tollbar.domain.messages import Citation
from tollbar.domain.usage import Usage
from tollbar.wire.openai_responses.report import (
    citation_of,
    failure,
    number_in,
    object_in,
    objects_in,
    read,
    text_in,
    usage_of,
)


@pytest.mark.parametrize("raw", [b"", b"5", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_broken(raw: bytes) -> None:
    """However it is no object."""
    with pytest.raises(StreamBroken):
        read(raw)


def test_members_are_of_their_kind_or_not_there() -> None:
    """Anything else is nothing."""
    told = read(b'{"a": "x\\ud800", "b": {"c": 1}, "d": [{}, 5], "e": 7}')
    assert (text_in(told, "a"), text_in(told, "b")) == ("x\ufffd", "")
    assert (object_in(told, "b"), object_in(told, "a")) == ({"c": 1}, {})
    assert (objects_in(told, "d"), objects_in(told, "a")) == ([{}], [])
    assert (number_in(told, "e"), number_in(told, "a")) == (7, 0)


def test_usage() -> None:
    """In our own words; none where there is none."""
    details = {"input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 2}, "output_tokens_details": None}
    assert usage_of({"usage": {"input_tokens": 3, "output_tokens": 4, **details}}) == Usage(3, 4, 1, 2)
    assert usage_of({"usage": None}) is None


def test_citations() -> None:
    """As far as they are known."""
    assert citation_of({"url": "https://example.org", "start_index": 1}) == Citation("https://example.org", start=1)


def test_failures_say_what_they_can() -> None:
    """And whether to try again."""
    assert "does not say" in failure({}).message
    assert failure({"code": "invalid_prompt", "message": "No."}).is_retryable is False
