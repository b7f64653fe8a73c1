"""What Codex sends (as version 0.171 does, in its least form), to a provider that has responses and to chats alone."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.stand import Gateway, started
from tests.upstream import FakeUpstream
from tests.wire.openai_responses.checking import check_steps

MORE = '  own: {wire: openai, also: [responses], base_url: "%s", api_key: "${LAB_KEY}"}\n'
RUN = {
    "type": "function",
    "name": "exec_command",
    "description": "Runs a command.",
    "strict": False,
    "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]},
}
SEARCH = {"type": "web_search", "external_web_access": False}
AGENTS = {"type": "namespace", "name": "multi_agent_v1", "description": "Agents.", "tools": [RUN]}


def spoken(role: str, text: str) -> dict[str, Any]:
    """A message as it writes them."""
    return {"type": "message", "id": f"msg_{role}", "role": role, "content": [{"type": "input_text", "text": text}]}


FIRST = [
    spoken("developer", "You are a coding agent."),
    spoken("user", "<environment_context/>"),
    spoken("user", "Go."),
]
SECOND = [
    *FIRST,
    {"type": "reasoning", "id": "rs_1", "summary": [], "content": None, "encrypted_content": "proof"},
    {"type": "function_call", "id": "fc_1", "name": "exec_command", "arguments": '{"cmd": "ls"}', "call_id": "call_1"},
    {"type": "function_call_output", "id": "fco_1", "call_id": "call_1", "output": "Exit code: 0"},
]


def asked(model: str, *items: dict[str, Any], tools: tuple[Any, ...] = (RUN,)) -> dict[str, Any]:
    """A request with everything that it says."""
    return {
        "model": model,
        "stream": True,
        "input": items,
        "tools": tools,
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"summary": "auto"},
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "01a2273f",
        "client_metadata": {"session_id": "01a2273f"},
    }


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A gateway before one provider that is called by chats, and by responses as well."""
    with started(tmp_path_factory.mktemp("codex"), up, MORE % up.url) as gateway:
        yield gateway


def test_a_turn_of_a_chat(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """Every event is as it expects it; what has no place in a chat is named."""
    answer = gateway.post(key, asked("lab/reasoning", *FIRST), path="/v1/responses")
    steps = check_steps(answer.content)
    done = [step["item"]["type"] for step in steps if step["type"] == "response.output_item.done"]
    assert done == ["reasoning", "message"]
    assert steps[-1]["response"]["usage"]["output_tokens_details"]["reasoning_tokens"] == 4
    assert answer.headers["x-tollbar-dropped"] == "prompt_cache_key, client_metadata"
    sent = up.journal[-1].json
    assert [message["role"] for message in sent["messages"]] == ["system", "user", "user"]
    assert sent["tools"][0]["function"]["parameters"] == RUN["parameters"]


def test_the_turn_after_a_command(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """What it ran, and what came of it, reach the chat; a proof of thoughts has no place there."""
    answer = gateway.post(key, asked("lab/tools", *SECOND), path="/v1/responses")
    (call,) = check_steps(answer.content)[-1]["response"]["output"]
    assert (call["type"], call["call_id"], call["arguments"]) == ("function_call", "call_0", '{"page": 0}')
    assert answer.headers["x-tollbar-dropped"] == "prompt_cache_key, client_metadata, thinking"
    _, _, _, ran, result = up.journal[-1].json["messages"]
    assert ran["tool_calls"][0]["function"] == {"name": "exec_command", "arguments": '{"cmd": "ls"}'}
    assert result == {"role": "tool", "tool_call_id": "call_1", "content": "Exit code: 0"}


def test_a_turn_of_a_provider_that_has_responses(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """All its tools included, byte for byte."""
    body = asked("own/ok", *SECOND, tools=(RUN, AGENTS, SEARCH))
    answer = gateway.post(key, body, path="/v1/responses")
    assert b"response.completed" in answer.content
    assert up.journal[-1].json == {**body, "model": "ok", "input": [*SECOND], "tools": [RUN, AGENTS, SEARCH]}


@pytest.mark.parametrize("tool", [AGENTS, SEARCH])
def test_tools_that_a_chat_does_not_have_are_refused(gateway: Gateway, key: str, tool: dict[str, Any]) -> None:
    """By name, so that its user knows what to switch off."""
    answer = gateway.post(key, asked("lab/ok", *FIRST, tools=(RUN, tool)), path="/v1/responses")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "tools[1]")
    assert tool["type"] in answer.json()["error"]["message"]
