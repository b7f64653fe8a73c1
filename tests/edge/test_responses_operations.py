"""What the document says of responses and older completions agrees with what is served."""

import json
from typing import Any

from tollbar.edge.responses_operations import OPERATIONS, SCHEMAS
from tollbar.edge.routes import CALLS
from tollbar.wire import openai_responses, openai_text, sse
from tollbar.wire.dialect import Incoming

DIALECTS = {openai_responses.DIALECT.wire: openai_responses.DIALECT, openai_text.DIALECT.wire: openai_text.DIALECT}


def test_every_row_has_its_entry() -> None:
    """And there is no other."""
    assert set(OPERATIONS) == {(row.method, row.path) for row in CALLS if row.dialect.wire in DIALECTS}


def test_the_examples_are_read() -> None:
    """By the dialects whose they are, and hold what the schema requires."""
    for row in CALLS:
        if (entry := OPERATIONS.get((row.method, row.path))) is None:
            continue
        schema: Any = SCHEMAS[str(entry.body)]
        for example in entry.body_examples.values():
            asked: Any = example["value"]
            assert row.dialect.decode(Incoming(json.dumps(asked).encode())).model == "tollbar-guide"
            assert set(schema["required"]) <= set(asked) <= set(schema["properties"])


def test_the_examples_of_streams_are_some() -> None:
    """Each event is JSON but for the end mark."""
    for entry in OPERATIONS.values():
        payloads = sse.payloads(entry.streams.get("text/event-stream", "").encode())
        assert all(json.loads(data) for data in payloads if data not in (None, b"[DONE]"))
