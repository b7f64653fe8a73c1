"""What Claude Code sends, held against both wires.

The requests have the shape of those that its version 2.1.197 was seen to send (`claude -p`, November 2026), with words
of our own: a system prompt in blocks with cache marks, tools, a budget or effort for thoughts, a long name of its user,
edits of the context, betas, `?beta=true`.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.journeys.stand import Gateway, started
from tests.upstream import FakeUpstream
from tests.upstream_anthropic import COUNTED, anthropic_script

CONFIG = """\
  claude: {wire: anthropic, base_url: "%s", api_key: "${LAB_KEY}"}
models:
  claude-sonnet-4-5: claude/tools
  claude-opus-4-7: claude/reasoning
  gpt: {targets: [lab/tools], max_output: 16000}
"""
CACHED = {"cache_control": {"type": "ephemeral"}}
BETAS = "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27"
HEADERS = {
    "accept": "application/json",
    "content-type": "application/json",
    "user-agent": "claude-cli/2.1.197 (external, sdk-cli)",
    "anthropic-beta": BETAS,
    "anthropic-version": "2023-06-01",
    "anthropic-dangerous-direct-browser-access": "true",
    "x-app": "cli",
    "x-claude-code-session-id": "00000000-0000-4000-8000-000000000000",
    "x-stainless-timeout": "600",
}
READ = {
    "name": "Read",
    "description": "Reads a file.",
    "input_schema": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"file_path": {"type": "string"}},
        "required": ["file_path"],
        "additionalProperties": False,
    },
}
FIRST: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "A note."}, {"type": "text", "text": "Go.", **CACHED}]}
    ],
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.197; cc_entrypoint=cli;"},
        {"type": "text", "text": "You help.", **CACHED},
    ],
    "tools": [READ, {**READ, "name": "Write", "eager_input_streaming": True}],
    "metadata": {"user_id": json.dumps({"device_id": "d" * 64, "account_uuid": "", "session_id": "s" * 36})},
    "max_tokens": 32_000,
    "thinking": {"budget_tokens": 31_999, "type": "enabled"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "stream": True,
}
TURNS = [
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "A file.", "signature": "proof"},
            {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"file_path": "/a.txt"}},
        ],
    },
    {
        "role": "user",
        "content": [
            {"tool_use_id": "toolu_1", "type": "tool_result", "content": "1\twords\n", "is_error": True, **CACHED},
            {"type": "text", "text": "A reminder."},
        ],
    },
]
SECOND = {**FIRST, "messages": [*FIRST["messages"], *TURNS]}
NEWER = {
    **FIRST,
    "model": "claude-opus-4-7",
    "max_tokens": 64_000,
    "thinking": {"type": "adaptive"},
    "output_config": {"effort": "xhigh"},
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A gateway before one fake provider, which it calls in both wires."""
    with started(tmp_path_factory.mktemp("gateway"), up, CONFIG % up.url) as gateway:
        yield gateway


def send(gateway: Gateway, key: str, body: dict[str, Any], path: str = "/v1/messages?beta=true") -> requests.Response:
    """One of its requests."""
    headers = {**HEADERS, "authorization": f"Bearer {key}"}
    return requests.post(gateway.url + path, json.dumps(body), headers=headers, timeout=30)


@pytest.mark.parametrize("body", [FIRST, SECOND, NEWER])
def test_its_bytes_reach_a_provider_of_its_wire(
    gateway: Gateway, key: str, up: FakeUpstream, body: dict[str, Any]
) -> None:
    """With its betas and none of its other headers, and the provider's events come back as they are."""
    answer = send(gateway, key, body)
    sent, script = up.journal[-1], "reasoning" if body is NEWER else "tools"
    assert sent.body == json.dumps(body).replace(body["model"], script).encode()
    assert answer.content == b"".join(anthropic_script(None, script, "ok", sent.body).pieces)
    assert (sent.headers["anthropic-beta"], sent.headers["anthropic-version"]) == (BETAS, "2023-06-01")
    assert not [name for name in sent.headers if name.startswith(("x-stainless", "x-claude", "x-app"))]
    assert "x-tollbar-dropped" not in answer.headers


@pytest.mark.parametrize("body", [FIRST, SECOND, NEWER])
def test_it_works_with_a_provider_of_openais_wire(
    gateway: Gateway, key: str, up: FakeUpstream, body: dict[str, Any]
) -> None:
    """Nothing that it needs is refused: what has no word there is named, what is too much is lowered."""
    answer = send(gateway, key, {**body, "model": "gpt"})
    assert answer.status_code == 200, answer.text
    assert b'"type":"tool_use"' in answer.content
    sent = up.journal[-1].json
    assert (sent["max_tokens"], sent["reasoning_effort"], sent["stream"]) == (16_000, "high", True)
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["Read", "Write"]
    assert "user" not in sent
    dropped = answer.headers["x-tollbar-dropped"].split(", ")
    assert dropped[:4] == ["context_management", "cache_control", "eager_input_streaming", "user"]
    if body is SECOND:
        assert [message["role"] for message in sent["messages"]] == ["system", "user", "assistant", "tool", "user"]
        assert dropped[4:] == ["thinking", "is_error"]


def test_its_first_knock_is_answered(gateway: Gateway) -> None:
    """It asks for the head of `/` before anything else."""
    assert requests.head(gateway.url + "/", timeout=30).status_code == 200


def test_it_counts(gateway: Gateway, key: str) -> None:
    """With either wire behind the name."""
    body = {name: FIRST[name] for name in ("model", "messages", "system", "tools", "thinking")}
    path = "/v1/messages/count_tokens?beta=true"
    assert send(gateway, key, body, path).json() == {"input_tokens": COUNTED}
    assert send(gateway, key, {**body, "model": "gpt"}, path).json()["input_tokens"] > 50
