"""OpenAI's SDK asks for responses and older completions of providers that have them and of such as have chats only."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.journeys.stand import Gateway, started
from tests.upstream import FakeUpstream
from tests.upstream_scripts import counted, document, said
from tests.upstream_table import script_for
from tests.upstream_wires import as_response
from tests.wire.openai_responses.checking import check_steps

WORDS = "word0 word1 word2 word3 word4 "
TOOL: Any = {
    "type": "function",
    "name": "look_up",
    "parameters": {"type": "object", "properties": {"page": {"type": "integer"}}},
    "strict": False,
}
MORE = """\
  own: {wire: openai, also: [responses, completions], base_url: "%(url)s", api_key: "${LAB_KEY}"}
  only: {wire: responses, base_url: "%(url)s", api_key: "${LAB_KEY}"}
"""
EVERYWHERE = pytest.mark.parametrize("provider", ["lab", "own", "only"])


class Page(BaseModel):
    """What a model is to answer."""

    number: int


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A gateway before one provider that is called in three ways: by chats, by all its wires, by responses alone."""
    with started(tmp_path_factory.mktemp("responses"), up, MORE % {"url": up.url}) as gateway:
        yield gateway


@EVERYWHERE
def test_a_response(gateway: Gateway, key: str, provider: str) -> None:
    """Its text, its usage, and what it repeats of the request."""
    with gateway.sdk(key) as client:
        answer = client.responses.create(model=f"{provider}/ok", input="Hi", instructions="Be brief.")
    assert (answer.output_text, answer.status, answer.error) == (WORDS, "completed", None)
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (10, 5)
    if provider == "lab":
        assert (answer.instructions, answer.tool_choice, answer.temperature) == ("Be brief.", "auto", 1.0)


def test_a_streamed_response(gateway: Gateway, key: str) -> None:
    """The SDK's helper follows every event, and ends with the whole response."""
    with gateway.sdk(key) as client, client.responses.stream(model="lab/reasoning", input="Hi") as events:
        kinds = [event.type for event in events]
        final = events.get_final_response()
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert [item.type for item in final.output] == ["reasoning", "message"]
    assert final.output_text == "Hi"
    assert final.usage is not None
    assert final.usage.output_tokens_details.reasoning_tokens == 4


@EVERYWHERE
@pytest.mark.anyio
async def test_async_clients_stream(gateway: Gateway, key: str, provider: str) -> None:
    """The same events come, in order, to async code."""
    async with gateway.async_sdk(key) as client:
        events = await client.responses.create(model=f"{provider}/ok", input="Hi", stream=True)
        told = [event async for event in events]
    assert "".join(event.delta for event in told if event.type == "response.output_text.delta") == WORDS
    assert told[-1].type == "response.completed"
    assert told[-1].response.usage is not None


def test_tools_are_called_and_answered(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """Two calls at once come back as items, and the next question tells their results."""
    with gateway.sdk(key) as client:
        with client.responses.stream(model="lab/two-tools", input="Look.", tools=[TOOL]) as events:
            first = events.get_final_response()
        calls = [item for item in first.output if item.type == "function_call"]
        assert [(call.call_id, call.name, call.arguments) for call in calls] == [
            ("call_0", "look_up", '{"page": 0}'),
            ("call_1", "look_up", '{"page": 1}'),
        ]
        results: list[Any] = [
            {"type": "function_call_output", "call_id": call.call_id, "output": f"page of {call.call_id}"}
            for call in calls
        ]
        asked: list[Any] = [{"role": "user", "content": "Look."}, *(call.model_dump() for call in calls), *results]
        assert client.responses.create(model="lab/ok", input=asked, tools=[TOOL]).output_text == WORDS
    sent = up.journal[-1].json
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "tool", "tool"]
    assert [call["id"] for call in sent["messages"][1]["tool_calls"]] == ["call_0", "call_1"]
    assert sent["tools"][0]["function"]["name"] == "look_up"


def test_an_answer_of_a_schema(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """`parse` gives the object; the provider is asked for its schema."""
    up.plan(document([said('{"number": 7}')], counted(5)))
    with gateway.sdk(key) as client:
        answer = client.responses.parse(model="lab/any", input="Which page?", text_format=Page)
    assert answer.output_parsed == Page(number=7)
    assert up.journal[-1].json["response_format"]["json_schema"]["schema"]["properties"]["number"]["type"] == "integer"


def test_an_answer_that_is_cut_short_says_why(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """Its status is another, and so is its last event."""
    up.plan(document([said("Once upon", finish_reason="length")], counted(2)))
    with gateway.sdk(key) as client:
        answer = client.responses.create(model="lab/any", input="A story.", max_output_tokens=2)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert up.journal[-1].json["max_tokens"] == 2


def test_every_event_is_as_the_sdk_has_it(gateway: Gateway, key: str) -> None:
    """Each has its type's fields, they are numbered, and named as they are."""
    for model in ("ok", "reasoning", "two-tools", "empty"):
        body = {"model": f"lab/{model}", "input": "Hi", "stream": True}
        answer = gateway.post(key, body, path="/v1/responses")
        check_steps(answer.content)


def test_the_callers_bytes_reach_a_provider_that_has_responses(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """With the model replaced; built-in tools, state and what nobody here knows included."""
    raw = b'{ "model": "own/ok","input":"Hi","tools":[{"type":"web_search"}],"prompt":{"id":"pmpt_1"},"x":1.50}'
    answer = gateway.post(key, raw, path="/responses")
    assert answer.status_code == 200
    assert up.journal[-1].path == "/v1/responses"
    assert up.journal[-1].body == raw.replace(b"own/ok", b"ok")
    assert answer.json()["id"] == "resp_fake"


def test_other_callers_are_asked_for_by_responses_where_a_provider_has_nothing_else(
    gateway: Gateway, key: str, up: FakeUpstream
) -> None:
    """A chat is translated, there and back."""
    with gateway.sdk(key) as client:
        messages: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
        answer = client.chat.completions.create(model="only/two-tools", messages=messages)
    assert up.journal[-1].json["instructions"] == "Be brief."
    assert answer.choices[0].finish_reason == "tool_calls"
    assert [call.id for call in answer.choices[0].message.tool_calls or ()] == ["call_0", "call_1"]
    assert answer.usage is not None
    assert answer.usage.total_tokens == 18


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools[0]"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]"),
        ({"include": ["message.output_text.logprobs"]}, "include"),
        ({"background": True}, "background"),
        ({"tool_choice": {"type": "web_search"}}, "tool_choice"),
    ],
)
def test_what_a_chat_cannot_carry_is_refused_by_name(
    gateway: Gateway, key: str, fields: dict[str, Any], named: str
) -> None:
    """And not sent without it."""
    asked: Any = {"input": "Hi", **fields}
    with gateway.sdk(key) as client, pytest.raises(openai.BadRequestError) as fault:
        client.responses.create(model="lab/ok", **asked)
    assert fault.value.param == named


def test_a_target_that_can_carry_it_is_taken(tmp_path: Path, up: FakeUpstream) -> None:
    """The first target has chats only, the second its own web search."""
    models = "models:\n  either: {targets: [lab/ok, own/ok]}\n"
    body = {"model": "either", "input": "Hi", "tools": [{"type": "web_search"}]}
    with started(tmp_path, up, MORE % {"url": up.url} + models) as gateway:
        answer = gateway.post(gateway.make_key("somebody"), body, path="/v1/responses")
    assert answer.headers["x-tollbar-target"] == "own/ok"
    assert up.journal[-1].path == "/v1/responses"


def test_knobs_that_a_chat_does_not_have_are_named(gateway: Gateway, key: str) -> None:
    """The answer was made without them."""
    body = {"model": "lab/ok", "input": "Hi", "truncation": "auto", "text": {"verbosity": "low"}, "store": True}
    answer = gateway.post(key, body, path="/v1/responses")
    assert answer.headers["x-tollbar-dropped"] == "truncation, text.verbosity"
    assert (answer.json()["truncation"], answer.json()["store"]) == ("auto", True)


@EVERYWHERE
@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("error-400", openai.BadRequestError),
        ("context", openai.BadRequestError),
        ("error-401", openai.InternalServerError),
    ],
)
def test_errors_are_the_sdks_own(gateway: Gateway, key: str, provider: str, script: str, kind: type[Exception]) -> None:
    """Before the first byte."""
    with gateway.sdk(key) as client, pytest.raises(kind):
        client.responses.create(model=f"{provider}/{script}", input="Hi")


@EVERYWHERE
def test_an_error_inside_a_stream_raises(gateway: Gateway, key: str, up: FakeUpstream, provider: str) -> None:
    """After the response has failed, which is told first."""
    script = replace(script_for("error-frame", "", "ok", b'{"stream": true}'), between_seconds=0.02)
    up.plan(script if provider == "lab" else as_response(script))
    kinds: list[str] = []
    with gateway.sdk(key) as client:
        events = client.responses.create(model=f"{provider}/any", input="Hi", stream=True)
        with pytest.raises(openai.APIError):
            kinds.extend(event.type for event in events)
    assert "response.output_text.delta" in kinds
    assert kinds[-1] == "response.failed"


def test_a_response_is_charged_as_reported(gateway: Gateway) -> None:
    """Streamed or not, relayed or translated: one credit, and the tokens of the report."""
    key = gateway.make_key("payer", credits=10)
    for provider in ("lab", "own", "only"):
        for is_streamed in (False, True):
            body = {"model": f"{provider}/ok", "input": "Hi", "stream": is_streamed}
            answer = gateway.post(key, body, path="/v1/responses")
            line = gateway.call_line(answer.headers["x-request-id"])
            assert (line["prompt_tokens"], line["completion_tokens"]) == (10, 5)
    assert gateway.settled(key)["spent"] == 6


@pytest.mark.parametrize("provider", ["lab", "own"])
def test_a_text_completion(gateway: Gateway, key: str, up: FakeUpstream, provider: str) -> None:
    """Plain and streamed, of a provider that has them and of one that has chats only."""
    with gateway.sdk(key) as client:
        answer = client.completions.create(model=f"{provider}/ok", prompt="Hi", max_tokens=7)
        chunks = list(client.completions.create(model=f"{provider}/ok", prompt="Hi", stream=True))
    assert (answer.choices[0].text, answer.choices[0].finish_reason) == (WORDS, "stop")
    assert answer.usage is not None
    assert answer.usage.total_tokens == 15
    assert "".join(chunk.choices[0].text for chunk in chunks) == WORDS
    sent = up.journal[-1]
    assert sent.path == ("/v1/completions" if provider == "own" else "/v1/chat/completions")
    assert sent.json["stream_options"] == {"include_usage": True}
    assert all(chunk.usage is None for chunk in chunks)


@pytest.mark.parametrize(
    "fields",
    [{"prompt": ["a", "b"]}, {"prompt": [1, 2]}, {"suffix": "x"}, {"echo": True}, {"logprobs": 1}, {"best_of": 2}],
)
def test_what_a_chat_cannot_go_on_from_is_refused(gateway: Gateway, key: str, fields: dict[str, Any]) -> None:
    """By its name; a provider that has completions is sent it as it is."""
    asked: Any = {"prompt": "Hi", **fields}
    with gateway.sdk(key) as client:
        with pytest.raises(openai.BadRequestError) as fault:
            client.completions.create(model="lab/ok", **asked)
        client.completions.create(model="own/ok", **asked)
    assert fault.value.param == next(iter(fields))


def test_usage_that_was_asked_for_is_told(gateway: Gateway, key: str) -> None:
    """At the end of a streamed completion."""
    with gateway.sdk(key) as client:
        for provider in ("lab", "own"):
            options: Any = {"include_usage": True}
            *_, last = client.completions.create(
                model=f"{provider}/ok", prompt="Hi", stream=True, stream_options=options
            )
            assert last.usage is not None
            assert (last.choices, last.usage.total_tokens) == ([], 15)


def test_images_and_files_reach_a_chat(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """And images in a tool's result, which a chat can only be told beside it."""
    url = "data:image/png;base64,iVBORw0KGgo="
    asked: list[Any] = [
        {"role": "user", "content": [{"type": "input_image", "image_url": url, "detail": "low"}]},
        {
            "role": "user",
            "content": [{"type": "input_file", "file_data": "data:application/pdf;base64,AA==", "filename": "a"}],
        },
        {"type": "function_call", "call_id": "c", "name": "see", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "image_url": url}]},
    ]
    with gateway.sdk(key) as client:
        client.responses.create(model="lab/ok", input=asked)
    first, second, _, _, last = up.journal[-1].json["messages"]
    assert first["content"] == [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}]
    assert second["content"][0]["file"]["filename"] == "a"
    assert last["content"][-1] == {"type": "image_url", "image_url": {"url": url}}
