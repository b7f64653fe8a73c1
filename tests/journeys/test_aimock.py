"""A provider that somebody else imitates, behind each wire: what it says arrives whole, in four SDKs.

A wire is one row of `WIRES`. The imitation knows no tokens; and of vectors it has Ollama's older shape only, so that
those are asked of OpenAI's wire alone.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from anthropic import Anthropic
from google import genai
from google.genai import types
from ollama import Client
from openai import APIStatusError

from tests.aimock.serving import aimock
from tests.journeys.stand import Gateway, started

WIRES = {"openai": "/v1", "responses": "/v1", "anthropic": "/v1", "gemini": "/v1beta", "ollama": "", "bedrock": ""}
"""Each wire, and where its addresses begin."""
WORDS = "Hello from an independent provider."
LOOK_UP: Any = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with the imitation as a provider of every wire."""
    directory = tmp_path_factory.mktemp("gateway")
    with aimock() as url:
        rows = "".join(f'  {wire}: {{wire: {wire}, base_url: "{url}{path}"}}\n' for wire, path in WIRES.items())
        (directory / "tollbar.yaml").write_text(f"providers:\n{rows}retries: {{attempts: 1}}\n")
        with started(directory) as gateway:
            yield gateway


def asking(text: str) -> Any:
    """A question."""
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize("wire", WIRES)
def test_openais_sdk(gateway: Gateway, key: str, wire: str) -> None:
    """Words and two calls of tools, whole and streamed."""
    with gateway.sdk(key) as client:
        create = client.chat.completions.create
        assert create(model=f"{wire}/m", messages=asking("say it")).choices[0].message.content == WORDS
        parts = create(model=f"{wire}/m", messages=asking("say it"), stream=True)
        assert "".join(part.choices[0].delta.content or "" for part in parts if part.choices) == WORDS
        answer = create(model=f"{wire}/m", messages=asking("look it up"), tools=[LOOK_UP])
        calls = answer.choices[0].message.tool_calls or []
        assert [json.loads(call.function.arguments) for call in calls if call.type == "function"] == [{"page": 3}, {}]
        assert answer.choices[0].finish_reason == "tool_calls"
        streamed = create(model=f"{wire}/m", messages=asking("look it up"), tools=[LOOK_UP], stream=True)
        texts = ["", ""]
        for part in streamed:
            for call in part.choices[0].delta.tool_calls or () if part.choices else ():
                texts[call.index] += (call.function.arguments if call.function else None) or ""
        assert [json.loads(text) for text in texts] == [{"page": 3}, {}]


@pytest.mark.parametrize("wire", WIRES)
def test_ollamas_sdk(gateway: Gateway, key: str, wire: str) -> None:
    """The same in its words."""
    with Client(gateway.url, headers={"Authorization": f"Bearer {key}"}) as client:
        assert client.chat(f"{wire}/m", asking("say it")).message.content == WORDS
        parts = list(client.chat(f"{wire}/m", asking("say it"), stream=True))
        assert ("".join(part.message.content or "" for part in parts), parts[-1].done) == (WORDS, True)
        assert client.generate(f"{wire}/m", "say it").response == WORDS
        parts = list(client.chat(f"{wire}/m", asking("look it up"), tools=[LOOK_UP], stream=True))
        calls = [call.function.arguments for part in parts for call in part.message.tool_calls or ()]
        assert calls == [{"page": 3}, {}]


@pytest.mark.parametrize("wire", WIRES)
def test_anthropics_sdk(gateway: Gateway, key: str, wire: str) -> None:
    """The same in its words."""
    asked: Any = {"model": f"{wire}/m", "max_tokens": 100}
    tools: Any = [{"name": "look_up", "input_schema": {"type": "object", "properties": {}}}]
    with Anthropic(base_url=gateway.url, api_key=key, max_retries=0, timeout=30) as client:
        message = client.messages.create(**asked, messages=asking("say it"))
        assert [block.text for block in message.content if block.type == "text"] == [WORDS]
        with client.messages.stream(**asked, messages=asking("say it")) as stream:
            assert stream.get_final_text() == WORDS
        with client.messages.stream(**asked, messages=asking("look it up"), tools=tools) as stream:
            final = stream.get_final_message()
        assert [block.input for block in final.content if block.type == "tool_use"] == [{"page": 3}, {}]
        assert final.stop_reason == "tool_use"


@pytest.mark.filterwarnings("ignore:FUNCTION_CALL")  # a reason that Google does not have, relayed as it came
@pytest.mark.parametrize("wire", WIRES)
def test_googles_sdk(gateway: Gateway, key: str, wire: str) -> None:
    """The same in its words."""
    with genai.Client(api_key=key, http_options=types.HttpOptions(base_url=gateway.url)) as client:
        assert client.models.generate_content(model=f"{wire}/m", contents="say it").text == WORDS
        parts = client.models.generate_content_stream(model=f"{wire}/m", contents="say it")
        assert "".join(part.text or "" for part in parts) == WORDS
        tools: Any = [types.Tool(function_declarations=[types.FunctionDeclaration(name="look_up")])]
        config = types.GenerateContentConfig(tools=tools)
        answer = client.models.generate_content(model=f"{wire}/m", contents="look it up", config=config)
        assert [call.args for call in answer.function_calls or ()] == [{"page": 3}, {}]


@pytest.mark.parametrize("wire", WIRES)
def test_responses_of_openais_sdk(gateway: Gateway, key: str, wire: str) -> None:
    """The same as responses."""
    tool: Any = {
        "type": "function",
        "name": "look_up",
        "parameters": LOOK_UP["function"]["parameters"],
        "strict": False,
    }
    with gateway.sdk(key) as client:
        assert client.responses.create(model=f"{wire}/m", input="say it").output_text == WORDS
        with client.responses.stream(model=f"{wire}/m", input="look it up", tools=[tool]) as stream:
            final = stream.get_final_response()
        calls = [json.loads(item.arguments) for item in final.output if item.type == "function_call"]
        assert calls == [{"page": 3}, {}]


@pytest.mark.parametrize("wire", WIRES)
def test_a_rate_limit(gateway: Gateway, key: str, wire: str) -> None:
    """Is told as one, with how long to wait."""
    with gateway.sdk(key) as client, pytest.raises(APIStatusError) as fault:
        client.chat.completions.create(model=f"{wire}/m", messages=asking("slow down"))
    assert (fault.value.status_code, fault.value.response.headers["retry-after"]) == (503, "1")


def test_vectors(gateway: Gateway, key: str) -> None:
    """For both SDKs, which ask for them in different shapes."""
    with gateway.sdk(key) as client:
        assert client.embeddings.create(model="openai/m", input="a gate", encoding_format="float").data[
            0
        ].embedding == [0.5, -0.25]
    with Client(gateway.url, headers={"Authorization": f"Bearer {key}"}) as client:
        assert [list(one) for one in client.embed("openai/m", "a gate").embeddings] == [[0.5, -0.25]]
