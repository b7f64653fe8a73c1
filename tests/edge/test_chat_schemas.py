"""What the document says of chat completions agrees with what reads them."""

import json

import pytest

from tollbar.edge.chat_schemas import CODE_SAMPLES, COMPLETION_EXAMPLE, REQUEST_EXAMPLES, SCHEMAS, STREAM_EXAMPLE
from tollbar.wire.openai_chat.request import MAX_CHOICES, MAX_MESSAGES, MAX_TOOLS, MODELLED, decode


@pytest.mark.parametrize("name", REQUEST_EXAMPLES)
def test_every_example_is_read(name: str) -> None:
    """What is shown can be sent."""
    value = REQUEST_EXAMPLES[name]["value"]
    assert isinstance(value, dict)
    assert decode(json.dumps(value).encode()).model == value["model"]


def test_every_field_that_is_read_is_described() -> None:
    """A field that routing or money needs is in the document, with its bound."""
    properties = SCHEMAS["ChatRequest"]["properties"]
    assert isinstance(properties, dict)
    assert set(MODELLED) <= set(properties)
    assert properties["n"]["maximum"] == MAX_CHOICES
    assert properties["messages"]["maxItems"] == MAX_MESSAGES
    assert properties["tools"]["maxItems"] == MAX_TOOLS


def test_objects_with_required_fields_accept_further_ones() -> None:
    """Fields that do not exist yet pass."""
    for schema in SCHEMAS.values():
        assert schema.get("additionalProperties", True) is True


def test_the_example_of_an_answer_adds_up() -> None:
    """Usage is the sum of its parts."""
    usage = COMPLETION_EXAMPLE["usage"]
    assert isinstance(usage, dict)
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_the_example_of_a_stream_is_a_stream() -> None:
    """Events of JSON, closed by the end mark."""
    *events, end, rest = STREAM_EXAMPLE.split("\n\n")
    assert (end, rest.strip()) == ("data: [DONE]", "")
    for event in events:
        assert json.loads(event.removeprefix("data: "))["choices"][0]["index"] == 0


def test_code_samples_hold_no_key() -> None:
    """They name a variable for it."""
    for sample in CODE_SAMPLES:
        assert "TOLLBAR_KEY" in sample["source"]
        assert "sk-" not in sample["source"]
