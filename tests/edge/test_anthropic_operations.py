"""What the document says of Anthropic's addresses agrees with what reads and writes them."""

import json

import pytest
from anthropic.types import Message

from tollbar.edge.anthropic_operations import (
    COUNT_EXAMPLES,
    MESSAGE_EXAMPLE,
    OPERATIONS,
    REQUEST_EXAMPLES,
    SCHEMAS,
    STREAM_EXAMPLE,
)
from tollbar.wire import sse
from tollbar.wire.anthropic.request import MAX_MESSAGES, MAX_TOKENS, MAX_TOOLS, MODELLED, decode, decode_counting
from tollbar.wire.dialect import Incoming


@pytest.mark.parametrize("name", REQUEST_EXAMPLES)
def test_every_example_is_read(name: str) -> None:
    """What is shown can be sent."""
    assert decode(Incoming(json.dumps(REQUEST_EXAMPLES[name]["value"]).encode())).model == "tollbar-guide"


@pytest.mark.parametrize("name", COUNT_EXAMPLES)
def test_every_example_of_a_count_is_read(name: str) -> None:
    """It needs no length."""
    assert decode_counting(Incoming(json.dumps(COUNT_EXAMPLES[name]["value"]).encode())).max_tokens is None


def test_every_field_that_is_read_is_described() -> None:
    """With its bound."""
    properties = SCHEMAS["MessagesRequest"]["properties"]
    assert isinstance(properties, dict)
    assert set(MODELLED) <= set(properties)
    assert properties["max_tokens"]["maximum"] == MAX_TOKENS
    assert (properties["messages"]["maxItems"], properties["tools"]["maxItems"]) == (MAX_MESSAGES, MAX_TOOLS)


def test_the_examples_of_answers_are_answers() -> None:
    """As the SDK's own type and our own reader of events have them."""
    Message.model_validate(MESSAGE_EXAMPLE)
    assert [json.loads(data)["type"] for data in sse.payloads(STREAM_EXAMPLE.encode()) if data] == [
        "content_block_delta",
        "message_stop",
    ]


def test_code_samples_hold_no_key() -> None:
    """They name a variable for it."""
    for entry in OPERATIONS.values():
        for sample in entry.samples:
            assert "TOLLBAR_KEY" in sample["source"]
            assert "sk-" not in sample["source"]
