"""Older completions are written as OpenAI's SDK has them."""

import json

from openai._models import construct_type
from openai.types import Completion

from tollbar.domain.events import (
    Dropped,
    Finished,
    FinishReason,
    Frames,
    Refused,
    Started,
    StreamEvent,
    Text,
    Thinking,
    UsageSeen,
)
from tollbar.domain.usage import Usage
from tollbar.wire import sse
from tollbar.wire.dialect import Stamp
from tollbar.wire.openai_text.request import decode
from tollbar.wire.openai_text.response import ChunkEncoder, encode

STAMP = Stamp("abc", 1_700_000_000)
REQUEST = decode(b'{"model": "asked", "prompt": "Hi"}')
EVENTS: list[StreamEvent] = [
    Dropped(("x",)),
    Started("x", "real"),
    Thinking("Hm."),
    Text("a"),
    Text("b", 1),
    Refused("No."),
    Finished(FinishReason.TOOL_CALLS),
    Finished(FinishReason.LENGTH, 1),
    UsageSeen(Usage(1, 2)),
]


def chunks(wants_usage: bool) -> list[Completion]:
    """The chunks of a stream, read as the SDK reads them; it ends as it must."""
    encoder = ChunkEncoder(REQUEST._replace(wants_usage=wants_usage), STAMP)
    *data, end = sse.payloads(b"".join(map(encoder.encode, EVENTS)) + encoder.end())
    assert end == b"[DONE]"
    return [construct_type(type_=Completion, value=json.loads(one or b"")) for one in data]  # type: ignore[misc]


def test_a_document() -> None:
    """The words of each choice; thoughts have no place, calls are no reason to end."""
    found = Completion.model_validate_json(encode(REQUEST, EVENTS, STAMP))
    assert [(choice.index, choice.text, choice.finish_reason) for choice in found.choices] == [
        (0, "aNo.", "stop"),
        (1, "b", "length"),
    ]
    assert (found.id, found.model, found.object) == ("cmpl-abc", "real", "text_completion")
    assert found.usage is not None
    assert found.usage.total_tokens == 3


def test_a_stream() -> None:
    """A chunk for each piece, and for each end; usage only where it was asked for."""
    told = chunks(wants_usage=False)
    assert [(one.choices[0].index, one.choices[0].text) for one in told] == [
        (0, "a"),
        (1, "b"),
        (0, "No."),
        (0, ""),
        (1, ""),
    ]
    assert all(one.usage is None for one in told)
    last = chunks(wants_usage=True)[-1]
    assert last.usage is not None
    assert (last.choices, last.usage.total_tokens) == ([], 3)


def test_the_providers_own_bytes_are_passed() -> None:
    """Should they come this way."""
    assert ChunkEncoder(REQUEST, STAMP).encode(Frames(b"raw", is_content=True)) == b"raw"
    assert encode(REQUEST, [Frames(b"raw", is_content=True)], STAMP) == b"raw"
    assert json.loads(encode(REQUEST, [Text("x")], STAMP))["choices"][0]["finish_reason"] == "stop"
