"""Google's SDK against the gateway: over a provider of its own wire, and over one that speaks OpenAI's."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from tests.journeys.stand import LAB_KEY, Gateway, started, wait_until
from tests.upstream import FakeUpstream
from tests.upstream_gemini import COUNTED

FIVE = "word0 word1 word2 word3 word4 "


def client_of(gateway: Gateway, key: str, **options: Any) -> genai.Client:
    """The SDK."""
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=gateway.url, timeout=30_000, **options))


@pytest.fixture(scope="module")
def gateway(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream
) -> Iterator[Gateway]:
    """A gateway with the provider twice: `lab` speaks OpenAI's wire to it, `google` Google's."""
    directory = tmp_path_factory.mktemp("gemini")
    google = f'  google: {{wire: gemini, base_url: "{up.google_url}", api_key: "${{LAB_KEY}}"}}\n'
    more = google + "server: {query_key: true}\n"
    with started(directory, up, more) as running:
        yield running


@pytest.fixture(scope="module")
def key(gateway: Gateway) -> str:
    """One key for all."""
    return gateway.make_key("ana")


@pytest.fixture(scope="module")
def client(gateway: Gateway, key: str) -> Iterator[genai.Client]:
    """The SDK as most use it."""
    with client_of(gateway, key) as client:
        yield client


both = pytest.mark.parametrize("provider", ["google", "lab"])


@both
def test_a_plain_answer(gateway: Gateway, client: genai.Client, up: FakeUpstream, provider: str) -> None:
    """Words, end and usage; the provider is sent our key and the words, however it wants them."""
    config = types.GenerateContentConfig(system_instruction="Be brief.", max_output_tokens=50, temperature=0.5)
    answer = client.models.generate_content(model=f"{provider}/ok", contents="Hi", config=config)
    assert answer.text == FIVE
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    assert answer.usage_metadata is not None
    assert (answer.usage_metadata.prompt_token_count, answer.usage_metadata.total_token_count) == (10, 15)
    told = up.journal[-1].json
    if provider == "lab":
        assert told["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
        assert (told["max_tokens"], told["temperature"]) == (50, 0.5)
    else:
        assert told["contents"] == [{"parts": [{"text": "Hi"}], "role": "user"}]
        assert up.journal[-1].headers["x-goog-api-key"] == LAB_KEY


@both
def test_a_streamed_answer(gateway: Gateway, client: genai.Client, provider: str) -> None:
    """Piece by piece, metered to the token."""
    pieces = list(client.models.generate_content_stream(model=f"{provider}/ok", contents="Hi"))
    assert "".join(piece.text or "" for piece in pieces) == FIVE
    assert len(pieces) > 4
    assert pieces[-1].usage_metadata is not None
    assert pieces[-1].usage_metadata.total_token_count == 15
    wait_until(lambda: gateway.ledger()[-1]["outcome"] == "ok")
    line = gateway.ledger()[-1]
    assert (line["prompt_tokens"], line["completion_tokens"], line["provenance"]) == (10, 5, "provider_final")


@both
@pytest.mark.parametrize("streams", [False, True])
def test_parallel_tools(client: genai.Client, provider: str, streams: bool) -> None:
    """Two calls with their arguments; and what they answered goes back."""
    schema = types.Schema(type=types.Type.OBJECT, properties={"page": types.Schema(type=types.Type.INTEGER)})
    tool = types.Tool(function_declarations=[types.FunctionDeclaration(name="look_up", parameters=schema)])
    config = types.GenerateContentConfig(tools=[tool])
    if streams:
        chunks = list(
            client.models.generate_content_stream(model=f"{provider}/two-tools", contents="Hi", config=config)
        )
        calls = [call for chunk in chunks for call in chunk.function_calls or ()]
    else:
        answer = client.models.generate_content(model=f"{provider}/two-tools", contents="Hi", config=config)
        calls = list(answer.function_calls or ())
    assert [(call.name, call.args) for call in calls] == [("look_up", {"page": 0}), ("look_up", {"page": 1})]
    results = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": "ok"}))
        for call in calls
    ]
    contents = [
        types.Content(role="user", parts=[types.Part(text="Hi")]),
        types.Content(role="model", parts=[types.Part(function_call=call) for call in calls]),
        types.Content(role="user", parts=results),
    ]
    assert client.models.generate_content(model=f"{provider}/ok", contents=contents, config=config).text == FIVE


def test_schemas_thoughts_and_pictures_reach_another_dialect(client: genai.Client, up: FakeUpstream) -> None:
    """Each in its own words there; thoughts come back apart from the answer, to who wants to see them."""
    config = types.GenerateContentConfig(
        response_mime_type="application/json",
        response_schema={"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}},
        thinking_config=types.ThinkingConfig(thinking_budget=2_000, include_thoughts=True),
        stop_sequences=["end"],
        safety_settings=[types.SafetySetting(category="HARM_CATEGORY_HARASSMENT", threshold="BLOCK_NONE")],
    )
    picture = types.Part.from_bytes(data=b"\xff\xfb\xff", mime_type="image/png")
    answer = client.models.generate_content(model="lab/reasoning", contents=["What?", picture], config=config)
    told = up.journal[-1].json
    assert told["response_format"]["json_schema"]["schema"]["properties"] == {"a": {"type": ["string", "null"]}}
    assert (told["reasoning_effort"], told["stop"]) == ("medium", ["end"])
    assert told["messages"][0]["content"][1]["image_url"]["url"] == "data:image/png;base64,//v/"
    assert answer.text == "Hi"
    assert answer.candidates is not None
    assert answer.candidates[0].content is not None
    assert [part.text for part in answer.candidates[0].content.parts or () if part.thought] == ["Well, now."]
    assert answer.sdk_http_response is not None
    assert (answer.sdk_http_response.headers or {})["x-tollbar-dropped"] == "safetySettings"
    hidden = client.models.generate_content(model="lab/reasoning", contents="What?")
    assert hidden.parts is not None
    assert [part.text for part in hidden.parts] == ["Hi"]


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")  # the SDK's own affair with its client
@both
async def test_the_async_client(gateway: Gateway, key: str, provider: str) -> None:
    """The same, plain and streamed."""
    async with client_of(gateway, key).aio as client:
        answer = await client.models.generate_content(model=f"{provider}/ok", contents="Hi")
        assert answer.text == FIVE
        stream = await client.models.generate_content_stream(model=f"{provider}/ok", contents="Hi")
        assert "".join([piece.text or "" async for piece in stream]) == FIVE


@both
@pytest.mark.parametrize("streams", [False, True])
def test_failures_raise_the_sdks_own_classes(client: genai.Client, provider: str, streams: bool) -> None:
    """What the caller can mend and what it cannot, before an answer and within one."""

    def ask(model: str) -> None:
        if streams:
            list(client.models.generate_content_stream(model=model, contents="Hi"))
        else:
            client.models.generate_content(model=model, contents="Hi")

    for model, kind, code, status in (
        ("nowhere/x", errors.ClientError, 404, "NOT_FOUND"),
        (f"{provider}/context", errors.ClientError, 400, "INVALID_ARGUMENT"),
        (f"{provider}/error-401", errors.ServerError, 502, "UNAVAILABLE"),
        *(((f"{provider}/cut-clean:3", errors.ServerError, 502, "UNAVAILABLE"),) if streams else ()),
        *(((f"{provider}/error-frame", errors.ServerError, 502, "UNAVAILABLE"),) if streams else ()),
    ):
        with pytest.raises(errors.APIError) as caught:
            ask(model)
        assert (type(caught.value), caught.value.code, caught.value.status) == (kind, code, status), model
        assert LAB_KEY not in str(caught.value)


def test_a_key_that_nobody_made(gateway: Gateway) -> None:
    """As the SDK knows it."""
    with client_of(gateway, "sk-toll-nobody") as client, pytest.raises(errors.ClientError) as caught:
        client.models.generate_content(model="google/ok", contents="Hi")
    assert (caught.value.code, caught.value.status) == (401, "UNAUTHENTICATED")


def test_tools_of_googles_own_stay_with_google(client: genai.Client, up: FakeUpstream) -> None:
    """A provider of its wire gets them; another cannot, and that is said by name."""
    config = types.GenerateContentConfig(tools=[types.Tool(google_search=types.GoogleSearch())])
    assert client.models.generate_content(model="google/ok", contents="Hi", config=config).text == FIVE
    assert up.journal[-1].json["tools"] == [{"googleSearch": {}}]
    with pytest.raises(errors.ClientError, match="googleSearch") as caught:
        client.models.generate_content(model="lab/ok", contents="Hi", config=config)
    assert caught.value.code == 400


def test_models_and_tokens_are_told(gateway: Gateway, key: str, client: genai.Client) -> None:
    """Free: listed, shown, and counted by the provider where it speaks Google's wire."""
    with client_of(gateway, key, api_version="v1beta") as beta:
        for asking in (client, beta):
            assert [model.name for model in asking.models.list()] == ["models/tollbar-guide"]
            assert asking.models.get(model="lab/ok").name == "models/lab/ok"
            assert asking.models.generate_content(model="lab/ok", contents="Hi").text == FIVE
    assert client.models.count_tokens(model="google/ok", contents="Hi").total_tokens == COUNTED
    assert (client.models.count_tokens(model="lab/ok", contents="Hi there").total_tokens or 0) > 5


@both
def test_a_stream_without_events_is_an_array(gateway: Gateway, key: str, provider: str) -> None:
    """As Google streams where nobody asks for events; the key may stand in the address, where that was allowed."""
    path = f"/v1beta/models/{provider}/ok:streamGenerateContent?key={key}"
    answer = gateway.request("POST", path, json={"contents": [{"parts": [{"text": "Hi"}]}]})
    assert answer.headers["content-type"].startswith("application/json")
    said = [
        part["text"]
        for piece in answer.json()
        for one in piece.get("candidates", ())
        for part in one["content"]["parts"]
    ]
    assert "".join(said) == FIVE
    broken = gateway.request("POST", path.replace("/ok:", "/reset:"), json={"contents": []})
    assert broken.json()[-1]["error"]["status"] == "UNAVAILABLE"


@pytest.mark.parametrize("provider", ["google", "lab"])
def test_what_the_gemini_cli_sends(gateway: Gateway, key: str, up: FakeUpstream, provider: str) -> None:
    """Its shape as version 0.30 sends it: instruction, many functions, thoughts wanted, a stand-in for a proof."""
    function = {
        "name": "list_directory",
        "description": "Lists a directory.",
        "parametersJsonSchema": {"type": "object", "properties": {"dir_path": {"type": "string"}}},
    }
    call = {"functionCall": {"name": "list_directory", "args": {"dir_path": "."}}}
    body = {
        "contents": [
            {"role": "user", "parts": [{"text": "This is the workspace."}, {"text": "List it."}]},
            {"role": "model", "parts": [{**call, "thoughtSignature": "skip_thought_signature_validator"}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "list_directory", "response": {"output": "a"}}}]},
        ],
        "systemInstruction": {"role": "user", "parts": [{"text": "You are a CLI agent."}]},
        "tools": [{"functionDeclarations": [function]}],
        "generationConfig": {
            "temperature": 1,
            "topP": 0.95,
            "topK": 64,
            "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 8_192},
        },
    }
    headers = {"x-goog-api-key": key, "x-goog-api-client": "google-genai-sdk/1.30.0 gl-node/v20.20.2"}
    path = f"/v1beta/models/{provider}/ok:streamGenerateContent?alt=sse"
    answer = gateway.request("POST", path, json=body, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    frames = [json.loads(frame[6:]) for frame in answer.text.split("\n\n") if frame.strip()]
    assert frames[-1]["usageMetadata"]["totalTokenCount"] == 15
    told = up.journal[-1].json
    if provider == "google":
        assert told == body
    else:
        asked, called, result = told["messages"][1:]
        assert len(asked["content"]) == 2
        assert called["tool_calls"][0]["id"] == result["tool_call_id"]
        assert "extra_content" not in called["tool_calls"][0]
        assert answer.headers["x-tollbar-dropped"] == "top_k"
