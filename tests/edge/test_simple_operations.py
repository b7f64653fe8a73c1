"""What the document says of the simple endpoints agrees with what reads them."""

from typing import Any

import pytest

from tests.wire.simple.sse_reader import read_events
from tollbar.edge.routes import CALLS
from tollbar.edge.simple_operations import OPERATIONS, SCHEMAS, STREAM_EXAMPLE
from tollbar.wire.simple.asked import CHAT, GENERATE, QUESTION, RESPONSE, Shape

ROWS = {(row.method, row.path) for row in CALLS if row.is_simple}


def test_every_simple_row_has_its_entry() -> None:
    """And there is no other."""
    assert set(OPERATIONS) == ROWS


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("Prompt", GENERATE),
        ("LocalPrompt", GENERATE),
        ("ChatPrompt", CHAT),
        ("Question", QUESTION),
        ("SystemMessage", RESPONSE),
    ],
)
def test_the_fields_are_those_that_are_read(name: str, shape: Shape) -> None:
    """With their types, and what is required; what is not may be null."""
    schema: Any = SCHEMAS[name]
    kinds = {str: "string", int: "integer", float: "number", bool: "boolean"}
    assert {field: told["type"] for field, told in schema["properties"].items()} == {
        field: kinds[kind] if field == shape.words else [kinds[kind], "null"] for field, kind in shape.kinds.items()
    }
    assert schema["required"] == [shape.words]


def test_bounds_are_told() -> None:
    """Cloud and local models differ."""
    cloud: Any = SCHEMAS["Prompt"]["properties"]
    local: Any = SCHEMAS["LocalPrompt"]["properties"]
    assert (cloud["prompt"]["maxLength"], cloud["temperature"]["maximum"]) == (1_000, 2)
    assert (cloud["max_tokens"]["maximum"], local["max_tokens"]["maximum"]) == (16_384, 2_000)


def test_the_example_of_a_stream_is_one() -> None:
    """Its pieces make the sentence, spaces included."""
    *pieces, end = [event.data for event in read_events(STREAM_EXAMPLE.encode())]
    assert ("".join(pieces), end) == ("A counter that refills at a steady rate.", "[DONE]")


def test_what_can_be_said_in_the_address_is_told() -> None:
    """Every call can be streamed by it; GET can say it all."""
    for entry in OPERATIONS.values():
        assert "stream" in entry.parameters
    assert set(OPERATIONS["GET", "/response"].parameters) == set(RESPONSE.kinds)
