"""How a stream that is cancelled ends: the journeys hear it in every dialect, here are its bytes."""

from typing import Any

import pytest

from tests.journeys.bodies import frames
from tollbar.domain.completion import SPENT, CompletionRequest
from tollbar.domain.events import Text, ToolArguments, ToolCalled
from tollbar.domain.usage import Usage
from tollbar.edge.ending import Said, early_end
from tollbar.wire import anthropic, gemini, openai_chat, openai_responses
from tollbar.wire.dialect import Dialect, Incoming, Relayed, Stamp
from tollbar.wire.gemini import STREAM
from tollbar.wire.ollama import CHAT

STAMP = Stamp("req_1", 1_700_000_000)
ASKED = CompletionRequest("m", SPENT, stream=True, wants_usage=True)
USED = Usage(7, 2)


def ended(dialect: Dialect, last: bytes = b"", first: bytes = b"", **changes: Any) -> bytes:
    """The end of a stream that a relay passed on so far."""
    return early_end(dialect, ASKED._replace(**changes), STAMP, Said(None, Relayed(first, last)), USED)


def test_a_chat_goes_on_under_its_name() -> None:
    """Each choice has its end; no role is said again, and usage where it was asked for."""
    said = ended(openai_chat.DIALECT, b'data: {"id":"c1","model":"real","created":5,"choices":[]}\n\n', choices=2)
    *ends, usage, done = frames(said)
    assert [(end["id"], end["model"], end["created"]) for end in ends] == [("c1", "real", 5)] * 2
    assert [(end["choices"][0]["index"], end["choices"][0]["delta"]) for end in ends] == [(0, {}), (1, {})]
    assert {end["choices"][0]["finish_reason"] for end in ends} == {"stop"}
    assert (usage["usage"]["completion_tokens"], done) == (2, "[DONE]")


@pytest.mark.parametrize(
    ("last", "kinds"),
    [
        ("content_block_delta", ["content_block_stop", "message_delta", "message_stop"]),
        ("content_block_stop", ["message_delta", "message_stop"]),
        ("ping", ["message_delta", "message_stop"]),
    ],
)
def test_a_message_ends_the_block_that_is_open(last: str, kinds: list[str]) -> None:
    """And no other, and not twice."""
    data = ended(anthropic.DIALECT, b'event: x\ndata: {"type":"%b","index":3}\n\n' % last.encode())
    assert [line[7:].decode() for line in data.split(b"\n") if line.startswith(b"event: ")] == kinds
    assert (b'"index":3' in data) == (len(kinds) == 3)


def test_a_response_is_incomplete_under_its_name_and_number() -> None:
    """What was delivered of it stands in the stream alone."""
    first = b'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_9","x":'
    said = ended(openai_responses.DIALECT, b'event: x\ndata: {"type":"x","sequence_number":4}\n\n', first)
    assert said.startswith(b"event: response.incomplete\n")
    assert all(part in said for part in (b'"id":"resp_9"', b'"sequence_number":5', b'"reason":"cancelled"'))


def test_an_array_is_closed() -> None:
    """It was open, whatever was in it."""
    assert STREAM.variant is not None
    said = ended(STREAM.variant(Incoming(b"")), b'[{"candidates":[]}')
    assert (said[:3], said[-1:]) == (b",\r\n", b"]")


@pytest.mark.parametrize("dialect", [gemini.DIALECT, CHAT, anthropic.DIALECT])
def test_half_a_call_is_none(dialect: Dialect) -> None:
    """A tool whose arguments are half there is not called, and nobody is told to call one."""
    encoder = dialect.stream_encoder(ASKED, STAMP)
    for event in (Text("Well"), ToolCalled(0, "a", "look_up"), ToolArguments(0, '{"pa')):
        encoder.encode(event)
    said = early_end(dialect, ASKED, STAMP, Said(encoder, Relayed(b"", b"")), USED)
    assert not any(word in said for word in (b"look_up", b"tool_use", b"MALFORMED"))
