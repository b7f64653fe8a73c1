"""Ollama's own SDK as a client, in front of a provider that speaks OpenAI's wire and one that speaks Ollama's."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from ollama import Client, ResponseError

from tests.journeys.stand import Gateway, started, wait_until
from tests.upstream import FakeUpstream
from tests.upstream_table import script_for

MORE = '  barn: {wire: ollama, base_url: "%s"}\n'
WIRES = ("lab", "barn")
WORDS = "word0 word1 word2 word3 word4 "
PNG = b"\x89PNG\r\n\x1a\n0000"
LOOK_UP = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
HI: list[dict[str, Any]] = [{"role": "user", "content": "Hi"}]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A gateway with both providers, which are one server."""
    with started(tmp_path_factory.mktemp("gateway"), up, MORE % up.root) as gateway:
        yield gateway


@pytest.fixture
def client(gateway: Gateway, key: str) -> Iterator[Client]:
    """The SDK."""
    with Client(gateway.url, headers={"Authorization": f"Bearer {key}"}) as client:
        yield client


@pytest.mark.parametrize("wire", WIRES)
def test_a_chat(client: Client, wire: str) -> None:
    """Whole and streamed, with the reason and the counts of tokens at the end."""
    whole = client.chat(f"{wire}/ok", HI)
    assert (whole.message.content, whole.done_reason, whole.prompt_eval_count, whole.eval_count) == (
        WORDS,
        "stop",
        10,
        5,
    )
    parts = list(client.chat(f"{wire}/ok", HI, stream=True))
    assert "".join(part.message.content or "" for part in parts) == WORDS
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert (parts[-1].done_reason, parts[-1].prompt_eval_count, parts[-1].eval_count) == ("stop", 10, 5)
    assert parts[-1].total_duration


@pytest.mark.parametrize("wire", WIRES)
def test_a_text_for_a_prompt(client: Client, wire: str) -> None:
    """The other endpoint, which provider wires of other dialects answer as a chat of one turn."""
    assert client.generate(f"{wire}/ok", "Hi", system="Be brief.").response == WORDS
    assert "".join(part.response or "" for part in client.generate(f"{wire}/ok", "Hi", stream=True)) == WORDS


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("stream", [True, False])
def test_tools(client: Client, wire: str, stream: bool) -> None:
    """Two calls at once, their arguments whole, and an answer to them that the provider accepts."""
    answer: Any = client.chat(f"{wire}/two-tools", HI, tools=[LOOK_UP], stream=stream)
    parts = list(answer) if stream else [answer]
    calls = [call for part in parts for call in part.message.tool_calls or ()]
    assert [(call.function.name, call.function.arguments) for call in calls] == [
        ("look_up", {"page": 0}),
        ("look_up", {"page": 1}),
    ]
    results = [{"role": "tool", "content": str(number), "tool_name": "look_up"} for number in range(2)]
    turns = [*HI, {"role": "assistant", "tool_calls": calls}, *results]
    assert client.chat(f"{wire}/ok", turns, tools=[LOOK_UP]).message.content == WORDS


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("stream", [True, False])
def test_thoughts(client: Client, wire: str, stream: bool) -> None:
    """Apart from the words."""
    answer: Any = client.chat(f"{wire}/reasoning", HI, think=True, stream=stream)
    parts = list(answer) if stream else [answer]
    assert "".join(part.message.thinking or "" for part in parts) == "Well, now."
    assert "".join(part.message.content or "" for part in parts) == "Hi"


def test_what_openais_wire_is_told(client: Client, up: FakeUpstream) -> None:
    """Pictures with their kind, the schema, the options; knobs that only Ollama has are told back as dropped."""
    turns = [{"role": "user", "content": "What is it?", "images": [PNG]}]
    options = {"temperature": 0.5, "num_predict": 9, "num_ctx": 4096, "stop": ["x"]}
    client.chat("lab/ok", turns, format={"type": "object"}, options=options, keep_alive="5m")
    sent = up.journal[-1].json
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    assert sent["messages"][0]["content"][1] == {"type": "image_url", "image_url": {"url": url}}
    assert sent["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert (sent["temperature"], sent["max_tokens"], sent["stop"]) == (0.5, 9, ["x"])


def test_knobs_that_were_dropped_are_named(gateway: Gateway, key: str) -> None:
    """In a header of the answer, whole and streamed; a relayed request loses nothing."""
    for stream in (True, False):
        body = {"model": "lab/ok", "messages": HI, "stream": stream, "options": {"num_ctx": 1}, "keep_alive": "5m"}
        answer = gateway.post(key, body, path="/api/chat")
        assert answer.headers["x-tollbar-dropped"] == "keep_alive, options.num_ctx"
        answer = gateway.post(key, {**body, "model": "barn/ok"}, path="/api/chat")
        assert "x-tollbar-dropped" not in answer.headers
        kind = "application/x-ndjson" if stream else "application/json"
        assert answer.headers["content-type"] == kind


def test_an_ollama_is_sent_the_callers_bytes(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """With nothing but the model replaced, and its lines come back untouched."""
    raw = b'{ "model":"barn/ok", "messages":[ {"role":"user","content":"Hi"} ], "options":{"num_ctx":8.0}, "x":1.50 }'
    answer = gateway.post(key, raw, path="/api/chat")
    assert up.journal[-1].body == raw.replace(b"barn/ok", b"ok")
    assert answer.content.count(b'"model":"fake-1","created_at":"2026-11-20T09:30:00Z"') == 6


def test_openais_sdk_reaches_an_ollama(gateway: Gateway, key: str) -> None:
    """Plain, streamed, with tools and with thoughts."""
    with gateway.sdk(key) as client:
        messages: Any = HI
        whole = client.chat.completions.create(model="barn/ok", messages=messages)
        assert (whole.choices[0].message.content, whole.usage and whole.usage.total_tokens) == (WORDS, 15)
        parts = client.chat.completions.create(model="barn/ok", messages=messages, stream=True)
        assert "".join(part.choices[0].delta.content or "" for part in parts if part.choices) == WORDS
        tools: Any = [LOOK_UP]
        called = client.chat.completions.create(model="barn/two-tools", messages=messages, tools=tools)
        calls = called.choices[0].message.tool_calls or []
        assert [json.loads(call.function.arguments) for call in calls if call.type == "function"] == [
            {"page": 0},
            {"page": 1},
        ]
        assert called.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    ("script", "status"), [("error-400", 400), ("error-401", 502), ("rate-limited:60", 503), ("error-500", 502)]
)
def test_a_provider_that_refuses(client: Client, wire: str, script: str, status: int) -> None:
    """The SDK raises its own error, with the status and the words."""
    with pytest.raises(ResponseError) as fault:
        client.chat(f"{wire}/{script}", HI)
    assert fault.value.status_code == status
    assert fault.value.error


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("script", ["cut:3", "garbled", "error-frame"])
def test_a_stream_that_breaks(client: Client, up: FakeUpstream, wire: str, script: str) -> None:
    """What came before the fault arrives, then the SDK raises; nothing says that it is done."""
    up.plan(replace(script_for(script, "", "ok", b'{"stream": true}'), between_seconds=0.02))
    parts = client.chat(f"{wire}/ok", HI, stream=True)
    assert next(parts).message.content == "word0 "
    with pytest.raises(ResponseError):
        list(parts)


def test_refusals_of_our_own(gateway: Gateway, key: str, client: Client) -> None:
    """No key, an unknown model, a field that is wrong, credits that are used up."""
    with pytest.raises(ResponseError) as fault, Client(gateway.url) as stranger:
        stranger.chat("lab/ok", HI)
    assert fault.value.status_code == 401
    with pytest.raises(ResponseError) as fault:
        client.chat("nobody/ok", HI)
    assert fault.value.status_code == 404
    with pytest.raises(ResponseError, match=r"options\.num_predict"):
        client.chat("lab/ok", HI, options={"num_predict": 0})
    poor = gateway.make_key("poor", credits=1)
    with Client(gateway.url, headers={"Authorization": f"Bearer {poor}"}) as once:
        once.chat("barn/ok", HI)
        with pytest.raises(ResponseError) as fault:
            once.chat("barn/ok", HI)
    assert fault.value.status_code == 429
    assert gateway.allowance(poor)["left"] == 0


def test_what_is_billed(gateway: Gateway, key: str) -> None:
    """The tokens that the provider counted, on either wire, relayed or not."""
    for wire in WIRES:
        answer = gateway.post(key, {"model": f"{wire}/ok", "messages": HI}, path="/api/chat")
        (line,) = gateway.ledger(answer.headers["x-request-id"])
        assert (line["prompt_tokens"], line["completion_tokens"]) == (10, 5)
        assert line["provenance"] == "provider_final"


def test_leaving_hangs_up(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """A caller who goes away in the middle of its lines ends the provider's work."""
    for wire in WIRES:
        headers = {"authorization": f"Bearer {key}"}
        body = {"model": f"{wire}/paced:500", "messages": HI}
        with requests.post(f"{gateway.url}/api/chat", json=body, headers=headers, stream=True, timeout=10) as answer:
            next(answer.iter_lines())
        entry = up.journal[-1]
        wait_until(lambda entry=entry: entry.closed_early_at is not None)


def test_what_clients_ask_beside_calls(gateway: Gateway, client: Client) -> None:
    """The models, one of them, what is in memory; management is not there."""
    assert "tollbar-guide" in [model.model for model in client.list().models]
    assert client.show("lab/ok").capabilities == ["completion", "tools", "vision"]
    assert list(client.ps().models) == []
    assert client.chat("tollbar-guide", [{"role": "user", "content": "How do I create a key?"}]).message.content
    for manage in (lambda: client.pull("x"), lambda: client.delete("x"), lambda: client.copy("x", "y")):
        with pytest.raises(ResponseError) as fault:
            manage()
        assert fault.value.status_code == 404
