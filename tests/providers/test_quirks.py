"""The closed list of deviations: each does its one thing, and each has a vendor that needs it."""

import json
from typing import Any

import pytest

from tollbar.providers.quirks import FLAGS, NAMES, REWRITES, rewrite, rewrites_of
from tollbar.providers.vendors import load


def rewritten(body: dict[str, Any], *quirks: str) -> dict[str, Any]:
    """The request after the named quirks."""
    return json.loads(rewrite(json.dumps(body).encode(), rewrites_of(quirks)))


def test_stream_options_are_dropped() -> None:
    """A vendor that refuses stream_options is not sent them."""
    body = {"model": "m", "stream": True, "stream_options": {"include_usage": True}}
    assert rewritten(body, "drop_stream_options") == {"model": "m", "stream": True}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"max_completion_tokens": 5}, {"max_tokens": 5}),
        ({"max_completion_tokens": 5, "max_tokens": 9}, {"max_tokens": 5}),
        ({"max_tokens": 9}, {"max_tokens": 9}),
        ({}, {}),
    ],
)
def test_the_newer_name_of_the_limit_becomes_the_older(body: dict[str, int], expected: dict[str, int]) -> None:
    """A vendor that knows max_tokens only is sent that, with the value the caller meant."""
    assert rewritten(body, "max_tokens_only") == expected


def test_values_keep_their_bytes() -> None:
    """Numbers, escapes and blanks of the values go out as the caller wrote them."""
    body = rb'{"stream_options":{}, "temperature": 1.00, "messages": [ {"content":"\u00e9\ud800"} ]}'
    expected = rb'{"temperature":1.00,"messages":[ {"content":"\u00e9\ud800"} ]}'
    assert rewrite(body, rewrites_of(["drop_stream_options"])) == expected


def test_rewrites_follow_each_other() -> None:
    """All the rewrites of a vendor are made."""
    body = {"stream_options": {}, "max_completion_tokens": 3}
    assert rewritten(body, "no_stream_usage", "drop_stream_options", "max_tokens_only") == {"max_tokens": 3}


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b'{"a": }'])
def test_what_is_no_object_stays_as_it_is(body: bytes) -> None:
    """A body that cannot be rewritten is left to the vendor to judge."""
    assert rewrite(body, rewrites_of(list(REWRITES))) == body


@pytest.mark.parametrize("name", sorted(REWRITES))
def test_a_rewrite_leaves_strangers_alone(name: str) -> None:
    """A request without the fields in question is the same after every rewrite, and the given one is not changed."""
    members = {
        "model": b'"m"',
        "stream_options": b"{}",
        "max_completion_tokens": b"1",
    }
    before = dict(members)
    REWRITES[name](members)
    assert members == before
    assert REWRITES[name]({"model": members["model"]}) == {"model": members["model"]}


def test_every_quirk_is_needed_by_a_vendor() -> None:
    """A quirk that no row names is dead and has to go."""
    used = {quirk for vendor in load().values() for quirk in vendor.quirks}
    assert used == NAMES


def test_flags_and_rewrites_are_different_things() -> None:
    """No name means two things."""
    assert not FLAGS & REWRITES.keys()
