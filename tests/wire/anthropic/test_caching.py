"""Where a caller of Anthropic's dialect says `cache_control`, and which part of the conversation that is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.anthropic.talk import data
from tollbar.domain.conversation import CachePoint, Conversation
from tollbar.domain.messages import TextPart
from tollbar.wire.anthropic.request import decode
from tollbar.wire.dialect import Incoming

MARK = {"cache_control": {"type": "ephemeral"}}
LONG = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def text(words: str = "Hi", **more: Any) -> dict[str, Any]:
    """A block of words."""
    return {"type": "text", "text": words, **more}


def read(content: Any, **fields: Any) -> Conversation:
    """The conversation in a request of one message."""
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": content}], **fields}
    return decode(Incoming(json.dumps(body).encode())).source.expand()


def test_every_place_is_found() -> None:
    """Tools, instructions and messages, by their numbers."""
    tools = [{"name": "f", "input_schema": {}}, {"name": "g", "input_schema": {}, **LONG}]
    found = read([text(), text(**MARK)], system=[text(**MARK)], tools=tools)
    assert found.cache_points == (CachePoint(None, 1, "1h"), CachePoint(0, 0), CachePoint(1, 1))
    assert found.unmodelled == ("cache_control",)


@pytest.mark.parametrize("content", ["Hi", [text()]])
def test_the_whole_request_may_be_marked(content: object) -> None:
    """That is its last part."""
    assert read(content, **LONG).cache_points == (CachePoint(0, 0, "1h"),)
    assert read(content, system="x", **MARK).cache_points == (CachePoint(1, 0),)


documents = st.one_of(
    st.builds(lambda raw: {"type": "text", "media_type": "text/plain", "data": raw}, data),
    st.builds(
        lambda count: {"type": "content", "content": [text(str(number)) for number in range(count)]}, st.integers(0, 3)
    ),
    st.just({"type": "content", "content": "Hi"}),
)
blocks = st.one_of(
    st.builds(text, st.text(max_size=3)),
    st.builds(
        lambda source, context: {"type": "document", "source": source, "context": context},
        documents,
        st.sampled_from([None, "", "Read this."]),
    ),
)


@given(st.lists(blocks, max_size=3))
def test_a_block_that_is_several_parts_is_marked_at_its_last(before: list[dict[str, Any]]) -> None:
    """Wherever it stands, what is marked is what was said there."""
    found = read([*before, text("marked", **MARK), text("after")])
    (point,) = found.cache_points
    assert found.messages[0].parts[point.part] == TextPart("marked")


@pytest.mark.parametrize(
    "content", [[text('{"cache_control": {}}')], [text(cache_control=5)], [text(cache_control=None)]]
)
def test_what_is_no_mark_marks_nothing(content: object) -> None:
    """Words about it, and what cannot be read."""
    assert read(content).cache_points == ()
