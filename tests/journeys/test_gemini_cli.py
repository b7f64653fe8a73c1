"""What Gemini CLI sends, held against three wires.

The requests have the shape of those that its version 0.61.0 was seen to send (`gemini -p`, November 2026), with words
of our own: a session's context before the question, tools with JSON Schemas, thoughts shown, and to its smaller model a
question of routing, whose schema has types in Google's capitals.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.journeys.stand import LAB_KEY, Gateway, started
from tests.upstream import FakeUpstream
from tests.upstream_gemini import gemini_script
from tests.upstream_table import PROOF

CONFIG = """\
  google: {wire: gemini, base_url: "%s", api_key: "${LAB_KEY}"}
  claude: {wire: anthropic, base_url: "%s", api_key: "${LAB_KEY}"}
models:
  gemini-3.1-pro-preview: google/proven
  gemini-2.5-pro: lab/tools
  gemini-2.5-flash: claude/tools
  gemini-3.5-flash-lite: lab/ok
"""
LIST = {
    "name": "list_directory",
    "description": "Lists a directory.",
    "parametersJsonSchema": {
        "type": "object",
        "properties": {
            "dir_path": {"description": "The path.", "type": "string"},
            "ignore": {"description": "What not to list.", "items": {"type": "string"}, "type": "array"},
        },
        "required": ["dir_path"],
    },
}
PLAN = {
    "name": "enter_plan_mode",
    "description": "Plans.",
    "parametersJsonSchema": {"type": "object", "properties": {}},
}
ASKED = {"parts": [{"text": "<session_context>\nA note.\n</session_context>"}, {"text": "Go."}], "role": "user"}
THOUGHT = {"includeThoughts": True, "thinkingBudget": 8192}
FIRST: dict[str, Any] = {
    "contents": [ASKED],
    "systemInstruction": {"parts": [{"text": "You are an agent."}], "role": "user"},
    "tools": [{"functionDeclarations": [LIST, PLAN]}],
    "generationConfig": {"temperature": 1, "topP": 0.95, "topK": 64, "thinkingConfig": THOUGHT},
}
NUMBER = "list_directory_1795966205377_0"
CALL = {"functionCall": {"id": NUMBER, "args": {"dir_path": "."}, "name": "list_directory"}, "thoughtSignature": PROOF}
RESULT = {"name": "list_directory", "response": {"output": "a.txt"}, "id": NUMBER}
TURNS = [{"parts": [CALL], "role": "model"}, {"parts": [{"functionResponse": RESULT}], "role": "user"}]
SECOND = {**FIRST, "contents": [ASKED, *TURNS]}
ROUTING = {
    "contents": [ASKED],
    "systemInstruction": FIRST["systemInstruction"],
    "generationConfig": {
        **FIRST["generationConfig"],
        "responseMimeType": "application/json",
        "responseJsonSchema": {
            "type": "OBJECT",
            "properties": {"complexity_score": {"type": "INTEGER", "description": "From 1 to 100."}},
            "required": ["complexity_score"],
        },
        "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "HIGH"},
    },
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A gateway before one fake provider, which it calls in three wires."""
    with started(tmp_path_factory.mktemp("gateway"), up, CONFIG % (up.google_url, up.url)) as gateway:
        yield gateway


def send(
    gateway: Gateway, key: str, model: str, body: dict[str, Any], method: str = "streamGenerateContent?alt=sse"
) -> requests.Response:
    """One of its requests."""
    headers = {
        "content-type": "application/json",
        "user-agent": f"GeminiCLI-tui/0.61.0/{model} (linux; x64; terminal)",
        "x-goog-api-client": "google-genai-sdk/1.30.0 gl-node/v20.20.2",
        "x-goog-api-key": key,
    }
    path = f"/v1beta/models/{model}:{method}"
    return requests.post(gateway.url + path, json.dumps(body), headers=headers, timeout=30)


def parts(answer: requests.Response) -> list[dict[str, Any]]:
    """What an answer consists of, streamed or whole."""
    assert answer.status_code == 200, answer.text
    told = [json.loads(frame.removeprefix("data: ")) for frame in answer.text.replace("\r", "").split("\n\n") if frame]
    return [part for one in told for candidate in one["candidates"] for part in candidate["content"]["parts"]]


@pytest.mark.parametrize("body", [FIRST, SECOND])
def test_its_bytes_reach_google(gateway: Gateway, key: str, up: FakeUpstream, body: dict[str, Any]) -> None:
    """And Google's come back."""
    answer = send(gateway, key, "gemini-3.1-pro-preview", body)
    sent = up.journal[-1]
    assert (sent.body, sent.headers["x-goog-api-key"]) == (json.dumps(body).encode(), LAB_KEY)
    assert answer.content == b"".join(gemini_script(None, sent.path, "ok", sent.body).pieces)
    assert "x-tollbar-dropped" not in answer.headers


@pytest.mark.parametrize("model", ["gemini-2.5-pro", "gemini-2.5-flash"])
@pytest.mark.parametrize("body", [FIRST, SECOND])
def test_it_works_with_providers_of_other_wires(
    gateway: Gateway, key: str, up: FakeUpstream, model: str, body: dict[str, Any]
) -> None:
    """It is told the call of a tool as Google would, and its result reaches the model under the call's id."""
    answer = send(gateway, key, model, body)
    (call,) = [part["functionCall"] for part in parts(answer) if "functionCall" in part]
    assert (call["name"], call["args"]) == ("look_up", {"page": 0})
    sent = up.journal[-1].json
    tools = [tool.get("function", tool) for tool in sent["tools"]]
    assert [tool["name"] for tool in tools] == ["list_directory", "enter_plan_mode"]
    assert LIST["parametersJsonSchema"] in (tools[0].get("parameters"), tools[0].get("input_schema"))
    if body is SECOND:
        said = json.dumps(sent["messages"])
        assert said.count(NUMBER) == 2
        assert "a.txt" in said
    if model == "gemini-2.5-pro":
        assert (sent["reasoning_effort"], answer.headers["x-tollbar-dropped"]) == ("medium", "top_k")


def test_its_question_of_routing_has_a_schema_that_all_can_read(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """Types are written small on the way to a provider that reads JSON Schema alone."""
    answer = send(gateway, key, "gemini-3.5-flash-lite", ROUTING, "generateContent")
    assert parts(answer)[0]["text"].startswith("word0")
    schema = up.journal[-1].json["response_format"]["json_schema"]["schema"]
    assert schema["type"] == "object"
    assert schema["properties"]["complexity_score"] == {"type": "integer", "description": "From 1 to 100."}
