"""Chat as programs do it: whatever OpenAI's API takes passes untouched, and whatever comes back does as well.

The provider's journal is the witness of what was sent; what it would have sent by itself is the measure of the answer.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openai import DefaultHttpxClient, OpenAI

from tests.journeys.bodies import SAID, chat, frames, text_of
from tests.journeys.stand import Gateway
from tests.upstream import FakeUpstream
from tests.upstream_table import script_for

FIVE = "word0 word1 word2 word3 word4 "
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {"name": "look_up", "parameters": {"type": "object", "properties": {"page": {"type": "integer"}}}},
    }
]
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}}
SOUND = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": {"type": "object"}}}
ASKS: dict[str, dict[str, Any]] = {
    "tools": {"tools": TOOLS, "tool_choice": "auto", "parallel_tool_calls": True},
    "format": {"response_format": SCHEMA},
    "json": {"response_format": {"type": "json_object"}},
    "image": {"messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, IMAGE]}]},
    "audio": {"messages": [{"role": "user", "content": [SOUND]}], "modalities": ["text"]},
    "logprobs": {"logprobs": True, "top_logprobs": 2},
    "many": {"n": 2, "seed": 7, "stop": ["\n", "end"], "logit_bias": {"50256": -100}, "user": "ana"},
    "sampling": {"temperature": 0.25, "top_p": 0.9, "frequency_penalty": -0.5, "presence_penalty": 0.5},
    "thinking": {"reasoning_effort": "low", "max_completion_tokens": 64, "verbosity": "low"},
    "unknown": {"extra_body": {"horoscope": {"sign": "Leo", "odds": [0.5, None]}, "service_tier": "flex"}},
}


@pytest.fixture(scope="module")
def sent() -> list[bytes]:
    """The bodies that the SDK has sent."""
    return []


@pytest.fixture(scope="module")
def key(gateway: Gateway) -> str:
    """One key for all: nothing here depends on what it has done before."""
    return gateway.make_key("ana")


@pytest.fixture(scope="module")
def client(gateway: Gateway, key: str, sent: list[bytes]) -> Iterator[OpenAI]:
    """The SDK, which notes what it sends."""
    watching = DefaultHttpxClient(event_hooks={"request": [lambda request: sent.append(request.content)]})
    with gateway.sdk(key, http_client=watching) as client:
        yield client


def last_body(up: FakeUpstream) -> bytes:
    """What the provider was sent last."""
    return up.journal[-1].body


def test_a_plain_call(gateway: Gateway, client: OpenAI, up: FakeUpstream, key: str) -> None:
    """The SDK gets an answer with its usage; the provider gets our credential and no trace of the caller's."""
    answer = client.chat.completions.create(model="lab/ok", messages=SAID)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (FIVE, "stop")
    assert answer.usage is not None
    assert answer.usage.total_tokens == 15
    headers = up.journal[-1].headers
    assert headers["authorization"] == "Bearer sk-lab-0123456789abcdefghijklmnop"
    assert not [name for name, value in headers.items() if key in value or name.startswith(("x-stainless", "cookie"))]


@pytest.mark.parametrize("asks_for_usage", [True, False])
def test_a_stream(gateway: Gateway, client: OpenAI, asks_for_usage: bool) -> None:
    """Usage comes to those who ask, stays hidden from others, and is in the ledger for both."""
    options: Any = {"stream_options": {"include_usage": True}} if asks_for_usage else {}
    with client.chat.completions.with_streaming_response.create(
        model="lab/ok", messages=SAID, stream=True, **options
    ) as response:
        chunks = list(response.parse())
        request_id = response.headers["x-request-id"]
    said = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert said == FIVE
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == ([15] if asks_for_usage else [])
    assert not [chunk for chunk in chunks if not chunk.choices and not chunk.usage]
    (line,) = gateway.ledger(request_id)
    figures = (line["prompt_tokens"], line["completion_tokens"], line["provenance"], line["outcome"])
    assert figures == (10, 5, "provider_final", "ok")


def test_the_models_are_listed_to_the_sdk(client: OpenAI) -> None:
    """What was declared or built in is listed; a provider's model can be named without being listed."""
    assert [model.id for model in client.models.list()] == ["tollbar-guide"]
    assert client.models.retrieve("lab/ok").owned_by == "lab"


@pytest.mark.anyio
async def test_the_async_client(gateway: Gateway, key: str) -> None:
    """The asynchronous SDK gets the same, plain and streamed."""
    async with gateway.async_sdk(key) as client:
        answer = await client.chat.completions.create(model="lab/ok", messages=SAID)
        assert answer.choices[0].message.content == FIVE
        stream = await client.chat.completions.create(model="lab/ok", messages=SAID, stream=True)
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == FIVE


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("name", ASKS)
def test_whatever_is_asked_goes_out_byte_for_byte(
    client: OpenAI, up: FakeUpstream, sent: list[bytes], name: str, streams: bool
) -> None:
    """What the provider gets is what the SDK sent, the model replaced and, in streams, usage asked for."""
    asked: Any = {"messages": SAID, **ASKS[name]}
    answer: Any = client.chat.completions.create(model="lab/ok", stream=streams, **asked)
    if streams:
        list(answer)
    assert as_sent_on(sent[-1], "lab/ok", "ok", streams) == last_body(up)


def test_unusual_but_legal_json_goes_out_byte_for_byte(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """White space, escapes, the spelling of numbers and the order of fields are the caller's own."""
    body = (
        b'\n{ "seed" :1.50e+00,"messages":[ {"role":"user","content":"\\u00e9\\/ \\ud83d\\ude00 \xc3\xa9 \\ud800"} ],\t'
        b'"m\\u006fdel": "lab\\/ok" , "stop":[ ],"metadata":{"a":{"a":1,"a":2}}, "top_p":1E-2}\n '
    )
    assert gateway.post(key, body).status_code == 200
    assert last_body(up) == body.replace(b'"lab\\/ok"', b'"ok"')


@pytest.mark.parametrize(
    "script", ["ok", "two-tools", "logprobs", "two", "unknown", "surrogates", "comments", "reasoning", "slices:7"]
)
@pytest.mark.parametrize(("streams", "wants_usage"), [(False, False), (True, False), (True, True)])
def test_the_answer_comes_back_byte_for_byte(
    gateway: Gateway, key: str, up: FakeUpstream, script: str, streams: bool, wants_usage: bool
) -> None:
    """The caller reads the provider's own bytes; only a usage report that it did not ask for is left out."""
    more: Any = {"stream": True} if streams else {}
    if wants_usage:
        more["stream_options"] = {"include_usage": True}
    path = "/chat/completions" if script in {"ok", "slices:7"} else "/v1/chat/completions"
    answer = gateway.post(key, chat(f"lab/{script}", **more), path=path)
    pieces = script_for(None, script, "ok", last_body(up)).pieces
    expected = [piece for piece in pieces if wants_usage or not (streams and b'"choices":[],"usage"' in piece)]
    assert (answer.status_code, answer.content) == (200, b"".join(expected))
    assert answer.headers["x-tollbar-target"] == f"lab/{script}"
    if streams:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert frames(answer.content.replace(b"\r\n", b"\n"))[-1] == "[DONE]"


def test_tool_calls_are_assembled_by_the_sdk(client: OpenAI) -> None:
    """Two parallel calls whose arguments come in pieces are whole in the end; plain ones are as well."""
    arguments = {0: "", 1: ""}
    names: dict[int, str | None] = {}
    finish = None
    for chunk in client.chat.completions.create(model="lab/two-tools", messages=SAID, tools=TOOLS, stream=True):
        finish = chunk.choices[0].finish_reason or finish
        for call in chunk.choices[0].delta.tool_calls or ():
            assert call.function is not None
            arguments[call.index] += call.function.arguments or ""
            names.setdefault(call.index, call.function.name)
    assert (arguments, names, finish) == (
        {0: '{"page": 0}', 1: '{"page": 1}'},
        {0: "look_up", 1: "look_up"},
        "tool_calls",
    )
    plain: Any = client.chat.completions.create(model="lab/two-tools", messages=SAID, tools=TOOLS)
    assert [call.function.arguments for call in plain.choices[0].message.tool_calls] == ['{"page": 0}', '{"page": 1}']


def test_rich_answers_are_read_by_the_sdk(client: OpenAI) -> None:
    """Log probabilities, several choices, reasoning and fields that do not exist yet arrive where the SDK puts them."""
    scored = client.chat.completions.create(model="lab/logprobs", messages=SAID, logprobs=True)
    assert scored.choices[0].logprobs is not None
    assert scored.choices[0].logprobs.content is not None
    assert scored.choices[0].logprobs.content[0].logprob == -0.25
    two = client.chat.completions.create(model="lab/two", messages=SAID, n=2)
    assert [choice.message.content for choice in two.choices] == ["one", "two"]
    thought: Any = client.chat.completions.create(model="lab/reasoning", messages=SAID, reasoning_effort="low")
    assert thought.choices[0].message.reasoning_content == "Well, now."
    assert thought.usage.completion_tokens_details.reasoning_tokens == 4
    strange: Any = client.chat.completions.create(model="lab/unknown", messages=SAID)
    assert strange.horoscope == "Leo"


def test_an_answer_without_usage_is_counted(gateway: Gateway, key: str) -> None:
    """When a provider reports nothing, a stream of five words is counted by its bytes, and marked so."""
    answer = gateway.post(key, chat("lab/no-usage", stream=True))
    (line,) = gateway.ledger(answer.headers["x-request-id"])
    assert line["provenance"] == "counted"
    assert line["completion_tokens"] == -(-len(FIVE) // 4)
    assert line["prompt_tokens"] > 0


def test_a_call_is_in_the_log_and_the_ledger(gateway: Gateway, key: str) -> None:
    """The id of the answer finds the call's one log line and its one line in the ledger."""
    answer = gateway.post(key, chat("lab/ok"))
    line = gateway.call_line(answer.headers["x-request-id"])
    told = {name: line[name] for name in ("model", "target", "outcome", "status", "attempts", "completion_tokens")}
    assert told == {
        "model": "lab/ok",
        "target": "lab/ok",
        "outcome": "ok",
        "status": 200,
        "attempts": 1,
        "completion_tokens": 5,
    }
    assert "Hello." not in json.dumps(gateway.log())
    (entry,) = gateway.ledger(answer.headers["x-request-id"])
    assert (entry["paid"], entry["outcome"], entry["model"], entry["target"]) == (1, "ok", "lab/ok", "lab/ok")


def test_the_guide_answers_through_the_same_pipeline(gateway: Gateway, client: OpenAI) -> None:
    """The built-in guide answers plain and streamed with one text, and is metered like any provider."""
    question: list[Any] = [{"role": "user", "content": "How do I revoke a key?"}]
    plain = client.chat.completions.with_raw_response.create(model="tollbar-guide", messages=question)
    text = plain.parse().choices[0].message.content
    assert text
    assert "tollbar keys revoke" in text
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    chunks: Any = list(client.chat.completions.create(model="tollbar-guide", messages=question, **options))
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == text
    (entry,) = gateway.ledger(plain.headers["x-request-id"])
    usage = plain.parse().usage
    assert usage is not None
    assert usage == chunks[-1].usage
    assert (entry["prompt_tokens"], entry["completion_tokens"]) == (usage.prompt_tokens, usage.completion_tokens)
    assert entry["cost_nano_dollars"] == 0


def test_the_guide_speaks_the_stream_format_of_openai(gateway: Gateway, key: str) -> None:
    """A stream that is made here has a role, text, a reason, an end mark, and no usage that nobody asked for."""
    events = frames(gateway.post(key, chat("tollbar-guide", stream=True)).content)
    assert events[-1] == "[DONE]"
    assert events[0]["choices"][0]["delta"]["role"] == "assistant"
    assert [event["choices"][0]["finish_reason"] for event in events[:-1]][-1] == "stop"
    assert all(event["object"] == "chat.completion.chunk" and "usage" not in event for event in events[:-1])
    assert len({event["id"] for event in events[:-1]}) == 1
    assert text_of(events)


def as_sent_on(body: bytes, name: str, outgoing: str, streams: bool) -> bytes:
    """The body that a provider should get."""
    changed = re.sub(rb'("model": ?)"%s"' % name.encode(), rb'\1"%s"' % outgoing.encode(), body)
    return changed[:-1] + b',"stream_options":{"include_usage":true}}' if streams else changed
