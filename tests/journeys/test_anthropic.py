"""Anthropic's SDK against a gateway: its own wire gets the bytes, OpenAI's gets what they say."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
import requests
from anthropic import Anthropic
from openai import OpenAI

from tests.journeys.stand import LAB_KEY, Gateway
from tests.upstream import FakeUpstream
from tests.upstream_anthropic import COUNTED, anthropic_script
from tests.upstream_table import PROOF

SCRIPTS = ("ok", "two-tools", "reasoning", "unknown", "error-400", "error-401", "rate-limited:2", "garbled")
SCRIPTS += ("error-frame", "cut")
MODELS = "".join(
    f'  "{wire}/{name}": {{targets: ["{wire}/{name}"], attempts: 1}}\n'
    for wire in ("claude", "lab")
    for name in SCRIPTS
)
CONFIG = """\
  claude: {wire: anthropic, base_url: "%s", api_key: "${LAB_KEY}"}
models:
  small: {targets: [lab/ok], context: 100000, max_output: 50}
  either: {targets: [claude/error-529, lab/ok], attempts: 2}
"""
SAID: list[Any] = [{"role": "user", "content": "Hello."}]
FIVE = "word0 word1 word2 word3 word4 "
TOOLS: list[Any] = [
    {"name": "look_up", "description": "Looks up.", "input_schema": {"type": "object", "properties": {"page": {}}}}
]
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A gateway before one fake provider, which it calls in both wires."""
    from tests.journeys.stand import started

    with started(tmp_path_factory.mktemp("gateway"), up, CONFIG % up.url + MODELS) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def key(gateway: Gateway) -> str:
    """One key for all: nothing here depends on what it has done before."""
    return gateway.make_key("ana")


@pytest.fixture(scope="module")
def client(gateway: Gateway, key: str) -> Iterator[Anthropic]:
    """The SDK."""
    with Anthropic(base_url=gateway.url, api_key=key, max_retries=0, timeout=30) as client:
        yield client


def ask(client: Anthropic, model: str, **more: Any) -> Any:
    """A plain answer."""
    return client.messages.create(model=model, max_tokens=100, messages=more.pop("messages", SAID), **more)


def streamed(client: Anthropic, model: str, **more: Any) -> Any:
    """The message that the SDK puts together from a stream."""
    messages = more.pop("messages", SAID)
    with client.messages.stream(model=model, max_tokens=100, messages=messages, **more) as stream:
        return stream.get_final_message()


@pytest.mark.parametrize("model", ["claude/ok", "lab/ok"])
@pytest.mark.parametrize("call", [ask, streamed])
def test_an_answer(client: Anthropic, model: str, call: Any) -> None:
    """Text, why it ended and usage, from either wire."""
    message = call(client, model)
    assert [block.text for block in message.content] == [FIVE]
    assert (message.stop_reason, message.usage.input_tokens, message.usage.output_tokens) == ("end_turn", 10, 5)


@pytest.mark.parametrize("model", ["claude/two-tools", "lab/two-tools"])
@pytest.mark.parametrize("call", [ask, streamed])
def test_tools_are_called(client: Anthropic, model: str, call: Any) -> None:
    """Two in parallel, whose arguments come in pieces."""
    message = call(client, model, tools=TOOLS, tool_choice={"type": "any"})
    assert [(block.name, block.input) for block in message.content] == [
        ("look_up", {"page": 0}),
        ("look_up", {"page": 1}),
    ]
    assert message.stop_reason == "tool_use"


@pytest.mark.parametrize("model", ["claude/reasoning", "lab/reasoning"])
@pytest.mark.parametrize("call", [ask, streamed])
def test_thoughts_come_before_words(client: Anthropic, model: str, call: Any) -> None:
    """With their proof, where the provider gives one."""
    thought, words = call(client, model).content
    assert (thought.thinking, words.text) == ("Well, now.", "Hi")
    assert thought.signature == (PROOF if model.startswith("claude") else "")


@pytest.mark.parametrize("stream", [True, False])
def test_the_same_dialect_passes_bytes(gateway: Gateway, key: str, up: FakeUpstream, stream: bool) -> None:
    """Both ways, with fields that do not exist yet; `?beta=true` is the same address."""
    body = json.dumps({"model": "claude/unknown", "max_tokens": 9, "messages": SAID, "stream": stream, "new": [1e2]})
    headers = {"x-api-key": key, "anthropic-beta": "x-2026", "anthropic-version": "2023-06-01"}
    answer = requests.post(f"{gateway.url}/v1/messages?beta=true", body, headers=headers, timeout=30)
    assert up.journal[-1].body == body.replace("claude/unknown", "unknown").encode()
    assert answer.content == b"".join(anthropic_script(None, "unknown", "ok", up.journal[-1].body).pieces)
    assert up.journal[-1].headers["anthropic-beta"] == "x-2026"
    assert key not in json.dumps(up.journal[-1].headers)
    assert answer.headers["request-id"] == answer.headers["x-request-id"]


def test_what_is_translated_says_what_was_said(client: Anthropic, up: FakeUpstream) -> None:
    """System, turns, tools and their answers, pictures, lengths and stop words, in OpenAI's words."""
    call = {"type": "tool_use", "id": "c1", "name": "look_up", "input": {"page": 3}}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "three"}, IMAGE]}
    asked: Any = {
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "What is it?"}, IMAGE]},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result, {"type": "text", "text": "Go on."}]},
        ],
        "tool_choice": {"type": "tool", "name": "look_up", "disable_parallel_tool_use": True},
        "stop_sequences": ["END"],
        "extra_body": {"temperature": 0.5, "top_k": 4},
        "metadata": {"user_id": "ana"},
    }
    answer: Any = client.messages.with_raw_response.create(model="lab/ok", max_tokens=100, tools=TOOLS, **asked)
    body = up.journal[-1].json
    system, question, called, told, more = body["messages"]
    assert (system, question["content"][1]["image_url"]["url"]) == (
        {"role": "system", "content": "Be brief."},
        "data:image/png;base64,iVBORw0KGgo=",
    )
    assert called["tool_calls"][0]["function"] == {"name": "look_up", "arguments": '{"page":3}'}
    assert told == {"role": "tool", "tool_call_id": "c1", "content": "three"}
    assert [part["type"] for part in more["content"]] == ["image_url", "text"]
    told = {name: body[name] for name in ("max_tokens", "stop", "temperature", "parallel_tool_calls", "user")}
    expected = {"max_tokens": 100, "stop": ["END"], "temperature": 0.5, "parallel_tool_calls": False, "user": "ana"}
    assert told == expected
    assert body["tool_choice"] == {"type": "function", "function": {"name": "look_up"}}
    assert answer.headers["x-tollbar-dropped"] == "cache_control, top_k"


def test_a_length_beyond_the_model_is_lowered(client: Anthropic, up: FakeUpstream) -> None:
    """Clients of this dialect ask for what its own models can."""
    ask(client, "small")
    assert up.journal[-1].json["max_tokens"] == 50


def test_openais_sdk_reaches_anthropics_wire(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """Plain, streamed and with tools; the key that is sent is the provider's."""
    with gateway.sdk(key) as client:
        answer: Any = client.chat.completions.create(model="claude/two-tools", messages=SAID)
        arguments = [call.function.arguments for call in answer.choices[0].message.tool_calls]
        assert (arguments, answer.choices[0].finish_reason) == (['{"page": 0}', '{"page": 1}'], "tool_calls")
        assert up.journal[-1].headers["authorization"] == f"Bearer {LAB_KEY}"
        chunks = stream_of(client, "claude/ok")
        said = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
        assert (said, chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (FIVE, 10, 5)


def stream_of(client: OpenAI, model: str) -> list[Any]:
    """The chunks of a streamed answer, with usage."""
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    return list(client.chat.completions.create(model=model, messages=SAID, **options))


def test_a_fallback_may_speak_another_wire(client: Anthropic) -> None:
    """The caller does not notice."""
    answer = client.messages.with_raw_response.create(model="either", max_tokens=10, messages=SAID)
    assert answer.headers["x-tollbar-target"] == "lab/ok"
    assert answer.parse().content[0].text == FIVE  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("model", "raised", "status"),
    [
        ("lab/error-400", anthropic.BadRequestError, 400),
        ("claude/error-400", anthropic.BadRequestError, 400),
        ("claude/error-401", anthropic.InternalServerError, 502),
        ("claude/rate-limited:2", anthropic.InternalServerError, 529),
        ("claude/garbled", anthropic.InternalServerError, 502),
        ("nowhere/ok", anthropic.NotFoundError, 404),
    ],
)
def test_failures_raise_the_sdks_own_classes(
    client: Anthropic, model: str, raised: type[anthropic.APIStatusError], status: int
) -> None:
    """With the request's id where the SDK looks for it, and nothing of our own key."""
    with pytest.raises(raised) as caught:
        ask(client.with_options(timeout=60), model)
    assert (caught.value.status_code, caught.value.body["type"]) == (status, "error")  # type: ignore[index]
    assert (caught.value.request_id or "").startswith("req_")
    assert LAB_KEY not in str(caught.value)


@pytest.mark.parametrize("model", ["claude/error-frame", "lab/error-frame", "claude/cut", "lab/cut"])
def test_a_broken_stream_raises(client: Anthropic, model: str) -> None:
    """It is never taken for complete."""
    with pytest.raises(anthropic.APIStatusError):
        streamed(client, model)


def test_an_account_without_credits_is_told_so(gateway: Gateway) -> None:
    """402, and not to try again; limits are told in Anthropic's headers beside ours."""
    key = gateway.make_key("poor", credits=1, rpm=50)
    with Anthropic(base_url=gateway.url, api_key=key, max_retries=0) as client:
        answer = client.messages.with_raw_response.create(model="claude/ok", max_tokens=10, messages=SAID)
        assert answer.headers["anthropic-ratelimit-requests-limit"] == "50"
        assert (
            answer.headers["x-ratelimit-remaining-requests"] == answer.headers["anthropic-ratelimit-requests-remaining"]
        )
        with pytest.raises(anthropic.APIStatusError) as caught:
            ask(client, "claude/ok")
    assert (caught.value.status_code, caught.value.response.headers["x-should-retry"]) == (402, "false")
    assert caught.value.body["error"]["type"] == "billing_error"  # type: ignore[index]


def test_tokens_are_counted_for_free(gateway: Gateway, up: FakeUpstream) -> None:
    """By a provider of the wire, else by estimate; a key without credits may count, and nothing is in the ledger."""
    key = gateway.make_key("counting", credits=1)
    with Anthropic(base_url=gateway.url, auth_token=key, api_key=None, max_retries=0) as client:
        ask(client, "lab/ok")
        by_provider = client.messages.with_raw_response.count_tokens(model="claude/ok", messages=SAID)
        by_us = client.messages.with_raw_response.count_tokens(model="lab/ok", messages=SAID, system="Be brief.")
    assert (by_provider.parse().input_tokens, by_provider.headers["x-tollbar-counted-by"]) == (COUNTED, "provider")
    assert (by_us.parse().input_tokens > 5, by_us.headers["x-tollbar-counted-by"]) == (True, "estimate")
    assert gateway.ledger(by_us.headers["x-request-id"]) == []
    assert gateway.call_line(by_provider.headers["x-request-id"])["route"] == "/v1/messages/count_tokens"


def test_usage_is_in_the_ledger(gateway: Gateway, client: Anthropic) -> None:
    """As the provider told it at the end of the stream."""
    raw = client.messages.with_raw_response.create(model="claude/ok", max_tokens=10, messages=SAID, stream=True)
    list(raw.parse())
    (line,) = gateway.ledger(raw.headers["x-request-id"])
    figures = (line["prompt_tokens"], line["completion_tokens"], line["provenance"], line["outcome"])
    assert figures == (10, 5, "provider_final", "ok")
