"""What Continue sends, held against both wires.

The requests have the shape of those that its command line 1.5.47 was seen to send (`cn -p` with a model of provider
`openai`, November 2026), with words of our own: a chat with tools, streamed, usage asked for.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.journeys.bodies import frames
from tests.journeys.stand import Gateway, started
from tests.upstream import FakeUpstream

CONFIG = """\
  claude: {wire: anthropic, base_url: "%s", api_key: "${LAB_KEY}"}
models:
  coder: lab/tools
  sonnet: claude/tools
"""
LIST = {
    "type": "function",
    "function": {
        "name": "List",
        "description": "List files in a directory",
        "parameters": {
            "type": "object",
            "required": ["dirpath"],
            "properties": {"dirpath": {"type": "string", "description": "The path"}},
        },
    },
}
BARE = {"name": "Checklist", "description": "A list.", "parameters": {"type": "object", "properties": {}}}
FIRST: dict[str, Any] = {
    "model": "coder",
    "messages": [{"role": "system", "content": "You are an agent."}, {"role": "user", "content": "Go."}],
    "stream": True,
    "stream_options": {"include_usage": True},
    "tools": [LIST, {"type": "function", "function": BARE}],
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "List", "arguments": '{"dirpath":"."}'}}
TURNS = [
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "content": "Files in /a:\na.txt (file, 3 bytes)", "tool_call_id": "call_1"},
]
SECOND = {**FIRST, "messages": [*FIRST["messages"], *TURNS]}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A gateway before one fake provider, which it calls in both wires."""
    with started(tmp_path_factory.mktemp("gateway"), up, CONFIG % up.url) as gateway:
        yield gateway


def send(gateway: Gateway, key: str, body: dict[str, Any]) -> requests.Response:
    """One of its requests."""
    headers = {
        "accept": "application/json",
        "authorization": f"Bearer {key}",
        "content-type": "application/json",
        "user-agent": "ls/JS 5.23.2",
        "x-stainless-lang": "js",
        "x-stainless-retry-count": "0",
    }
    return requests.post(gateway.url + "/v1/chat/completions", json.dumps(body), headers=headers, timeout=30)


@pytest.mark.parametrize("body", [FIRST, SECOND])
def test_its_bytes_reach_a_provider_of_its_wire(
    gateway: Gateway, key: str, up: FakeUpstream, body: dict[str, Any]
) -> None:
    """With nothing but the model replaced, and the provider's frames come back as they are."""
    answer = send(gateway, key, body)
    sent = up.journal[-1]
    assert sent.body == json.dumps(body).replace('"coder"', '"tools"').encode()
    assert answer.content == b"".join(up.choose(sent).pieces)


@pytest.mark.parametrize("body", [FIRST, SECOND])
def test_it_works_with_a_provider_of_anthropics_wire(
    gateway: Gateway, key: str, up: FakeUpstream, body: dict[str, Any]
) -> None:
    """The call of a tool comes in pieces with its usage, and the result of one is the user's next turn."""
    answer = send(gateway, key, {**body, "model": "sonnet"})
    assert answer.status_code == 200, answer.text
    told = frames(answer.content)
    pieces = [
        call for event in told[:-2] for choice in event["choices"] for call in choice["delta"].get("tool_calls", ())
    ]
    assert "".join(piece["function"]["arguments"] for piece in pieces) == '{"page": 0}'
    assert (told[-2]["usage"]["prompt_tokens"], told[-1]) == (10, "[DONE]")
    sent = up.journal[-1].json
    assert [tool["name"] for tool in sent["tools"]] == ["List", "Checklist"]
    if body is SECOND:
        assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "user"]
        assert sent["messages"][1]["content"] == [
            {"type": "tool_use", "id": "call_1", "name": "List", "input": {"dirpath": "."}}
        ]
        (result,) = sent["messages"][2]["content"]
        assert (result["tool_use_id"], result["content"][0]["text"]) == ("call_1", TURNS[1]["content"])
