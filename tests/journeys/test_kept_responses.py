"""OpenAI's SDK goes on from responses that were kept, whichever wire the next model's provider speaks."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import openai
import pytest

from tests.journeys.stand import Gateway, started
from tests.upstream import FakeUpstream
from tests.upstream_scripts import Script
from tests.upstream_table import script_for

MORE = """\
  claude: {wire: anthropic, base_url: "%(url)s", api_key: "${LAB_KEY}"}
  own: {wire: responses, base_url: "%(url)s", api_key: "${LAB_KEY}"}
  other: {wire: responses, base_url: "%(url)s", api_key: "${LAB_KEY}"}
"""
WORDS = "word0 word1 word2 word3 word4 "
TRANSLATED = pytest.mark.parametrize("provider", ["lab", "claude"])
TOOL: Any = {"type": "function", "name": "look_up", "parameters": {"type": "object"}, "strict": False}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A gateway before one provider, called in three wires, in one of them under two names."""
    with started(tmp_path_factory.mktemp("kept"), up, MORE % {"url": up.url}) as gateway:
        yield gateway


def roles(up: FakeUpstream) -> list[str]:
    """Who says what in the conversation that the provider was sent last."""
    return [message["role"] for message in up.journal[-1].json["messages"]]


@TRANSLATED
def test_a_response_is_gone_on_from_looked_at_and_forgotten(
    gateway: Gateway, key: str, up: FakeUpstream, provider: str
) -> None:
    """The provider is told all of it; what is deleted can neither be seen nor gone on from, and no provider asked."""
    with gateway.sdk(key) as client:
        first = client.responses.create(model=f"{provider}/ok", input="Hi", instructions="Be brief.")
        second = client.responses.create(model=f"{provider}/ok", input="And?", previous_response_id=first.id)
        third = client.responses.create(model="lab/ok", input="So?", previous_response_id=second.id)
        assert roles(up) == ["user", "assistant", "user", "assistant", "user"]
        assert [message["content"] for message in up.journal[-1].json["messages"][1:4:2]] == [WORDS, WORDS]
        assert (first.store, second.previous_response_id) == (True, first.id)  # type: ignore[attr-defined]
        assert client.responses.retrieve(third.id) == third
        items = client.responses.input_items.list(second.id).data
        assert [item.content[0].text for item in items if item.type == "message"] == ["And?"]  # type: ignore[union-attr]
        assert len(list(client.responses.input_items.list(second.id, limit=1))) == 1
        client.responses.delete(first.id)
        sent = len(up.journal)
        for gone in (
            lambda: client.responses.retrieve(first.id),
            lambda: client.responses.delete(first.id),
            lambda: client.responses.create(model="lab/ok", input="?", previous_response_id=first.id),
            lambda: client.responses.create(model="lab/ok", input="?", previous_response_id=second.id),
        ):
            with pytest.raises(openai.NotFoundError) as fault:
                gone()
        assert (fault.value.param, fault.value.code) == ("previous_response_id", "previous_response_not_found")
        assert client.responses.retrieve(second.id).output_text == WORDS
    assert len(up.journal) == sent


def test_a_response_of_another_key_is_as_unknown_as_none(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """The same words for both, and nothing reaches a provider, be it one that has responses itself."""
    other = gateway.make_key("other")
    with gateway.sdk(key) as client:
        mine = client.responses.create(model="own/ok", input="Hi")
    sent = len(up.journal)
    told = []
    for name in (mine.id, "resp_unknown"):
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/input_items")):
            answer = gateway.request(method, f"/v1/responses/{name}{path}", other)
            told.append((answer.status_code, answer.json()["error"]["message"].replace(name, "it")))
        for model in ("own/ok", "lab/ok"):
            body = {"model": model, "input": "Hi", "previous_response_id": name}
            answer = gateway.post(other, body, path="/v1/responses")
            told.append((answer.status_code, answer.json()["error"]["message"].replace(name, "it")))
    assert told[:5] == told[5:]
    assert {status for status, _ in told} == {404}
    assert len(up.journal) == sent
    assert gateway.request("GET", f"/responses/{mine.id}", key).status_code == 200


@TRANSLATED
def test_tools_are_answered_by_what_is_new_alone(gateway: Gateway, key: str, up: FakeUpstream, provider: str) -> None:
    """A streamed response with two calls is gone on from with their results."""
    with gateway.sdk(key) as client:
        with client.responses.stream(model=f"{provider}/two-tools", input="Look.", tools=[TOOL]) as events:
            first = events.get_final_response()
        again = client.responses.retrieve(first.id).model_dump()
        assert first.model_dump(exclude={"output": {"__all__": {"parsed_arguments"}}}) == again
        calls = [item for item in first.output if item.type == "function_call"]
        results: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "1"} for call in calls]
        client.responses.create(
            model=f"{provider}/ok", input=results, tools=[TOOL], previous_response_id=first.id, stream=False
        )
    sent = json.dumps(up.journal[-1].json["messages"])
    assert len(calls) == 2
    assert all(sent.count(f'"{call.call_id}"') == 2 for call in calls)


def test_thoughts_go_back_to_the_model_that_had_them(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """With their proof; another model is not told them."""
    with gateway.sdk(key) as client:
        first = client.responses.create(model="claude/reasoning", input="Hi")
        client.responses.create(model="claude/reasoning", input="And?", previous_response_id=first.id)
        again = [part["type"] for part in up.journal[-1].json["messages"][1]["content"]]
        client.responses.create(model="claude/ok", input="And?", previous_response_id=first.id)
    assert again == ["thinking", "text"]
    assert "thinking" not in json.dumps(up.journal[-1].json["messages"])


def native(name: str, **fields: Any) -> Script:
    """The answer of a provider that keeps responses itself."""
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]}
    part = {"type": "output_text", "text": "Well.", "annotations": []}
    words = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
    told = {"id": name, "object": "response", "status": "completed", "model": "x", "output": [thought, words], **fields}
    return Script(pieces=(json.dumps({"store": True, **told}).encode(),))


def test_a_provider_that_keeps_responses_is_asked_by_their_id(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """With the caller's bytes; any other provider is told what was said."""
    up.plan(native("resp_there"))
    first = gateway.post(key, {"model": "own/ok", "input": "Hi"}, path="/v1/responses").json()
    assert gateway.request("GET", "/v1/responses/resp_there", key).json() == first
    raw = b'{"model":"own/ok","input":"And?","previous_response_id":"resp_there","x":1.50}'
    assert gateway.post(key, raw, path="/v1/responses").status_code == 200
    assert up.journal[-1].body == raw.replace(b"own/ok", b"ok")
    gateway.post(key, raw.replace(b"own/ok", b"other/ok"), path="/v1/responses")
    sent = up.journal[-1].json
    assert (sent["previous_response_id"], sent["x"]) == (None, 1.5)
    assert [(item["role"], item["content"]) for item in sent["input"]] == [
        ("user", "Hi"),
        ("assistant", first["output"][1]["content"]),
        ("user", "And?"),
    ]
    gateway.post(key, raw.replace(b"own/ok", b"lab/ok"), path="/v1/responses")
    assert roles(up) == ["user", "assistant", "user"]
    assert gateway.request("DELETE", "/v1/responses/resp_there", key).status_code == 200
    assert (up.journal[-1].method, up.journal[-1].path) == ("DELETE", "/v1/responses/resp_there")
    assert gateway.request("GET", "/v1/responses/resp_there", key).status_code == 404


def test_a_provider_that_keeps_nothing_is_told_all(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """Though it speaks the same wire, and gave the response its id."""
    up.plan(native("resp_passing", store=False))
    gateway.post(key, {"model": "own/ok", "input": "Hi"}, path="/v1/responses")
    body = {"model": "own/ok", "input": "And?", "previous_response_id": "resp_passing"}
    assert gateway.post(key, body, path="/v1/responses").status_code == 200
    assert [item["role"] for item in up.journal[-1].json["input"]] == ["user", "assistant", "user"]


@pytest.mark.parametrize("model", ["lab/ok", "own/ok"])
def test_nothing_is_kept_of_what_is_not_to_be(gateway: Gateway, key: str, model: str) -> None:
    """The answer says so."""
    answer = gateway.post(key, {"model": model, "input": "Hi", "store": False}, path="/v1/responses")
    assert gateway.request("GET", f"/v1/responses/{answer.json()['id']}", gateway.make_key("a")).status_code == 404
    if model == "lab/ok":
        assert answer.json()["store"] is False
        assert gateway.request("GET", f"/v1/responses/{answer.json()['id']}", key).status_code == 404


def test_what_breaks_off_is_not_kept_and_its_events_are_numbered(gateway: Gateway, key: str, up: FakeUpstream) -> None:
    """On to the last that tells of the failure."""
    up.plan(replace(script_for("error-frame", "", "ok", b'{"stream": true}'), between_seconds=0.02))
    body = {"model": "lab/any", "input": "Hi", "stream": True}
    told = gateway.post(key, body, path="/v1/responses").text
    steps = [json.loads(line.removeprefix("data: ")) for line in told.splitlines() if line.startswith("data: ")]
    assert [step["sequence_number"] for step in steps] == list(range(len(steps)))
    assert [step["type"] for step in steps][-2:] == ["response.failed", "error"]
    assert gateway.request("GET", f"/v1/responses/{steps[0]['response']['id']}", key).status_code == 404


def test_a_request_that_makes_no_sense_is_refused_by_name(gateway: Gateway, key: str) -> None:
    """Before any provider sees it."""
    faults: list[tuple[Any, str]] = [({"conversation": "conv_1"}, "conversation"), ({"store": "no"}, "store")]
    for asked, named in faults:
        with gateway.sdk(key) as client, pytest.raises(openai.BadRequestError) as fault:
            client.responses.create(model="own/ok", input="Hi", **asked)
        assert fault.value.param == named
    made = gateway.post(key, {"model": "lab/ok", "input": "Hi"}, path="/v1/responses").json()["id"]
    for query in ("stream=true", "limit=0", "limit=x", "after=x"):
        path = f"/v1/responses/{made}" + ("" if query.startswith("stream") else "/input_items")
        answer = gateway.request("GET", f"{path}?{query}", key)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, query.partition("=")[0])
