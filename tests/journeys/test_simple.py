"""The simple endpoints as the clients of five older systems call them: the same bytes, another host and key."""

import json
import subprocess
from typing import Any

import pytest
import requests
from openai import OpenAI

from tests.journeys.stand import ADMIN_KEY, Gateway, connected, started, wait_until
from tests.upstream import FakeUpstream
from tests.wire.simple.sse_reader import read_events

CONFIG = """\
models:
  cloud: lab/ok
  at-home: lab/chunks:3
  "a/b:1.5b": {targets: [lab/ok], multiplier: 3}
  down: lab/error-503
  slow: {targets: [lab/stall], timeouts: {first_byte_plain_seconds: 0.5, first_byte_stream_seconds: 0.5}}
  silent: lab/stall
  cut: {targets: [lab/cut], attempts: 1}
  key: lab/error-401
default_model: cloud
default_local_model: at-home
defaults: {system_prompt: "Be brief."}
retries: {attempts: 2}
"""
WORDS = "word0 word1 word2 word3 word4 "
HOME = "word0 word1 word2 "
PROMPT = {"prompt": "What is Python?"}


def ask(gateway: Gateway, path: str, key: str | None, body: object, **more: Any) -> requests.Response:
    """A request with the header that two of the systems used."""
    headers = {"x-api-key": key} if key else {}
    return requests.post(gateway.url + path, json=body, headers=headers | more.pop("headers", {}), timeout=30, **more)


def error_of(answer: requests.Response) -> dict[str, Any]:
    """The error in an answer, having checked its shape."""
    error = answer.json()["error"]
    assert {"code", "message", "status", "details"} <= set(error) <= {"code", "message", "status", "details", "field"}
    assert error["status"] == answer.status_code
    assert answer.headers["x-request-id"]
    return error


@pytest.mark.parametrize(
    ("path", "body", "answer", "model"),
    [
        ("/generate", PROMPT, {"response": WORDS}, "ok"),
        ("/generate/a/b:1.5b", PROMPT, {"response": WORDS}, "ok"),
        ("/generate/at-home", PROMPT, {"response": HOME}, "chunks:3"),
        ("/local/generate", PROMPT, {"response": HOME}, "chunks:3"),
        ("/question", {"text": "Hello! How are you?"}, {"text": WORDS}, "ok"),
        ("/response", {"system_prompt": "Sing.", "message": "Hi", "tokens": 200}, {"response": WORDS}, "ok"),
    ],
)
def test_a_prompt_goes_in_and_a_text_comes_out(
    gateway: Gateway, up: FakeUpstream, key: str, path: str, body: dict[str, Any], answer: dict[str, str], model: str
) -> None:
    """The answer is one field; the call is recorded under its pattern."""
    given = ask(gateway, path, key, body)
    assert (given.status_code, given.json()) == (200, answer)
    assert given.headers["x-tollbar-target"] == f"lab/{model}"
    line = gateway.call_line(given.headers["x-request-id"])
    pattern = "/generate/{model_name}" if path.startswith("/generate/") else path
    assert (line["route"], line["outcome"], line["prompt_tokens"]) == (pattern, "ok", 10)


def test_what_a_request_leaves_out_is_added_here_and_nowhere_else(gateway: Gateway, up: FakeUpstream, key: str) -> None:
    """Cloud and local defaults and the system prompt; a call in a dialect is passed on as it came."""
    ask(gateway, "/generate", key, {**PROMPT, "top_p": 0.5, "max_tokens": 7})
    ask(gateway, "/local/generate", key, PROMPT)
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is Python?"}]
    sent = [entry.json for entry in list(up.journal)[-2:]]
    assert sent[0] == {"model": "ok", "messages": messages, "temperature": 0.7, "top_p": 0.5, "max_tokens": 7}
    assert sent[1] == {"model": "chunks:3", "messages": messages, "temperature": 0.0, "top_p": 0.9, "max_tokens": 500}
    gateway.post(key, {"model": "cloud", "messages": messages[1:]})
    assert up.journal[-1].json == {"model": "ok", "messages": messages[1:]}


def test_the_first_system_asks_by_get(gateway: Gateway, key: str) -> None:
    """With a JSON body, as its documentation shows, or with parameters."""
    body = {"system_prompt": "You are an engineer.", "message": "What is Linear Regression?", "tokens": 200}
    headers = {"x-api-key": key}
    for more in ({"json": body}, {"params": body}):
        answer = requests.get(f"{gateway.url}/response", headers=headers, timeout=30, **more)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()) == (200, {"response": WORDS})
    bare = requests.get(f"{gateway.url}/response", headers=headers, timeout=30)
    assert (error_of(bare)["code"], error_of(bare)["field"]) == ("MISSING_REQUIRED_FIELD", "message")


@pytest.mark.parametrize(("path", "text"), [("/chat", WORDS), ("/local-chat", HOME)])
def test_the_second_systems_chat_client(gateway: Gateway, key: str, path: str, text: str) -> None:
    """It reads `choices[0].message.content`."""
    response = requests.post(
        f"{gateway.url}{path}",
        headers={"x-api-key": key, "Content-Type": "application/json"},
        json={"prompt": "Tell me a joke"},
        timeout=30,
    )
    data = response.json()
    assert data["choices"][0]["message"] == {"role": "assistant", "content": text, "refusal": None}
    assert (data["object"], data["usage"]["prompt_tokens"]) == ("chat.completion", 10)
    with requests.post(
        f"{gateway.url}{path}?stream=true", headers={"x-api-key": key}, json={"prompt": "x"}, timeout=30
    ) as streamed:
        events = [event.data for event in read_events(streamed.content)]
    assert events[-1] == "[DONE]"
    assert "".join(json.loads(event)["choices"][0]["delta"].get("content", "") for event in events[:-1]) == text


def test_the_second_systems_editor_has_the_bare_host_as_its_base_url(gateway: Gateway, key: str) -> None:
    """OpenAI's client finds `/chat/completions` there."""
    with OpenAI(base_url=gateway.url, api_key=key, max_retries=0) as client:
        answer = client.chat.completions.create(model="cloud", messages=[{"role": "user", "content": "Hi"}])
        assert answer.choices[0].message.content == WORDS
        assert "cloud" in [model.id for model in client.models.list()]


@pytest.mark.parametrize(
    ("names", "model"),
    [
        ({"LLM_BASE_URL": "UP", "LLM_MODEL": "ok", "LLM_API_KEY": "sk-0123456789"}, "ok"),
        ({"OPENAI_BASE_URL": "UP", "OPENAI_API_KEY": "sk-0123456789"}, "gpt-3.5-turbo"),
    ],
)
def test_the_editors_model_is_found_without_a_file(
    tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream, names: dict[str, str], model: str
) -> None:
    """As an alias of the default model, or at OpenAI where that is configured; the fifth system's names suffice."""
    environment = {name: up.url if value == "UP" else value for name, value in names.items()}
    directory = tmp_path_factory.mktemp("bare")
    with started(directory, environment={"TOLLBAR_ADMIN_KEY": ADMIN_KEY, **environment}) as gateway:
        key = gateway.make_key("editor")
        with OpenAI(base_url=gateway.url, api_key=key, max_retries=0) as client:
            said: Any = [{"role": "user", "content": "Hi"}]
            with client.chat.completions.create(model="gpt-3.5-turbo", messages=said, stream=True) as stream:
                assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == WORDS
        assert up.journal[-1].model == model
        assert ask(gateway, "/question", key, {"text": "Hello!"}).json() == {"text": WORDS}


def test_the_guide_answers_where_nothing_is_configured(tmp_path_factory: pytest.TempPathFactory) -> None:
    """On every simple endpoint, whole and in pieces, to the same words."""
    with started(tmp_path_factory.mktemp("guide"), environment={"TOLLBAR_ADMIN_KEY": ADMIN_KEY}) as gateway:
        key = gateway.make_key("newcomer")
        question = "How do I give a teammate a key?"
        text = ask(gateway, "/generate", key, {"prompt": question, "max_tokens": 400}).json()["response"]
        assert "tollbar keys create" in text
        assert ask(gateway, "/question", key, {"text": question}).json() == {"text": text}
        assert ask(gateway, "/response", key, {"message": question}).json() == {"response": text}
        assert ask(gateway, "/generate/tollbar-guide", key, {"prompt": question}).json() == {"response": text}
        assert ask(gateway, "/chat", key, {"prompt": question}).json()["choices"][0]["message"]["content"] == text
        streamed = ask(gateway, "/local/generate?stream=true", key, {"prompt": question})
        assert streamed.content.decode() == text
        events = read_events(ask(gateway, "/generate?stream=true", key, {"prompt": question}).content)
        assert "".join(event.data for event in events[:-1]) == text


def test_the_third_systems_curl(gateway: Gateway, key: str) -> None:
    """`curl --no-buffer` prints lines that begin with `data: `."""
    command = [
        *("curl", "-s", "--no-buffer", "-X", "POST", f"{gateway.url}/generate?stream=true"),
        *("-H", "Content-Type: application/json", "-H", f"Authorization: Bearer {key}"),
        *("-d", '{\n    "prompt": "Write a poem about AI",\n    "temperature": 1.2\n  }'),
    ]
    done = subprocess.run(command, capture_output=True, check=True, timeout=30)
    assert done.stdout.startswith(b"data: word0 \n\ndata: word1 \n\n")
    assert [event.data for event in read_events(done.stdout)] == [*(f"word{n} " for n in range(5)), "[DONE]"]


def test_the_third_systems_local_stream_is_text(gateway: Gateway, key: str) -> None:
    """Its client prints characters as they come; who accepts events gets events."""
    url = f"{gateway.url}/local/generate?stream=true"
    body = {"prompt": "Hello", "max_tokens": 50, "temperature": 0.7}
    with requests.post(url, json=body, headers={"x-api-key": key}, stream=True, timeout=30) as response:
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        said = "".join(chunk for chunk in response.iter_content(chunk_size=1, decode_unicode=True) if chunk)
    assert said == HOME
    events = requests.post(url, json=body, headers={"x-api-key": key, "accept": "text/event-stream"}, timeout=30)
    assert events.headers["content-type"].startswith("text/event-stream")
    assert [event.data for event in read_events(events.content)] == ["word0 ", "word1 ", "word2 ", "[DONE]"]


def test_the_fourth_systems_key_comes_in_a_header_with_underscores(gateway: Gateway, key: str) -> None:
    """curl sends it as it is."""
    command = [
        *("curl", "-s", "-X", "POST", f"{gateway.url}/generate", "-H", f"x_api_key: {key}"),
        *("-H", "Content-Type: application/json", "-d", '{"prompt": "Explain what machine learning is"}'),
    ]
    assert json.loads(subprocess.run(command, capture_output=True, check=True, timeout=30).stdout) == {
        "response": WORDS
    }


def test_a_stream_that_breaks_says_so(gateway: Gateway, key: str) -> None:
    """As an event with the unified error, and nothing after it."""
    answer = ask(gateway, "/generate/cut?stream=true", key, PROMPT)
    *pieces, last = read_events(answer.content)
    assert answer.status_code == 200
    assert [event.data for event in pieces] == ["word0 "]
    error = json.loads(last.data)["error"]
    assert (last.kind, error["code"], error["status"]) == ("error", "INTERNAL_ERROR", 500)
    assert error["details"]["attempts"] == [{"target": "lab/cut", "code": "stream_broken", "status": None}]


def test_a_text_that_breaks_is_cut_off(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> None:
    """Nothing in it could tell: the client raises, because the last chunk never comes; the log knows why."""
    more = "models: {home: {targets: [lab/cut], attempts: 1}}\ndefault_local_model: home\n"
    with started(tmp_path_factory.mktemp("cut"), up, more) as gateway:
        key = gateway.make_key("listener")
        with requests.post(
            f"{gateway.url}/local/generate?stream=true",
            json=PROMPT,
            headers={"x-api-key": key},
            stream=True,
            timeout=30,
        ) as response:
            heard: list[bytes] = []
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                heard += response.iter_content(chunk_size=1)
            request_id = response.headers["x-request-id"]
        line = gateway.call_line(request_id)
        assert (line["outcome"], line["error"]) == ("broken", "stream_broken")
        assert not any("ASGI" in entry["event"] for entry in gateway.log())


def test_a_cloud_that_is_down_is_stood_in_for_on_chat(
    tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream
) -> None:
    """The default model is tried, then the local one answers, in the second system's shape."""
    more = "models: {cloud: lab/error-503, home: 'lab/chunks:3'}\ndefault_model: cloud\ndefault_local_model: home\n"
    with started(tmp_path_factory.mktemp("fallback"), up, f"{more}retries: {{attempts: 2}}\n") as gateway:
        key = gateway.make_key("talker", credits=5)
        answer = ask(gateway, "/chat", key, {"prompt": "Tell me a joke"})
        assert answer.json()["choices"][0]["message"]["content"] == HOME
        assert answer.headers["x-tollbar-target"] == "lab/chunks:3"
        assert [row["target"] for row in gateway.ledger(answer.headers["x-request-id"])] == [
            "lab/error-503",
            "lab/chunks:3",
        ]
        assert ask(gateway, "/generate", key, PROMPT).status_code == 500
        assert gateway.settled(key)["spent"] == 1


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "field"),
    [
        ("/generate", b"{", 422, "INVALID_JSON", None),
        ("/generate", b'{"temperature": "x"}', 422, "MISSING_REQUIRED_FIELD", "prompt"),
        ("/generate", b'{"prompt": "", "temperature": "x"}', 422, "INVALID_TYPE", "temperature"),
        ("/generate", b'{"prompt": "x", "temperature": 3.5}', 422, "INVALID_VALUE", "temperature"),
        ("/generate/nothing", b'{"prompt": "x", "temperature": 3.5}', 422, "INVALID_VALUE", "temperature"),
        ("/generate/nothing", b'{"prompt": "x"}', 400, "INVALID_MODEL", "model_name"),
        ("/local/generate", b'{"prompt": "x", "max_tokens": 2001}', 422, "INVALID_VALUE", "max_tokens"),
        ("/question", b'{"prompt": "x"}', 422, "MISSING_REQUIRED_FIELD", "text"),
        ("/generate?stream=perhaps", b'{"prompt": "x"}', 422, "INVALID_TYPE", "stream"),
    ],
)
def test_the_first_fault_is_told(
    gateway: Gateway, up: FakeUpstream, path: str, body: bytes, status: int, code: str, field: str | None
) -> None:
    """In the order key, JSON, missing, type, value, model, credits; no provider is asked."""
    before = len(up.journal)
    key = gateway.make_key("poor", credits=0)
    without = gateway.post(None, body, path=path)
    assert (error_of(without)["code"], without.status_code) == ("INVALID_API_KEY", 401)
    answer = gateway.post(key, body, path=path)
    error = error_of(answer)
    assert (answer.status_code, error["code"], error.get("field")) == (status, code, field)
    assert answer.headers["x-should-retry"] == "false"
    assert len(up.journal) == before
    assert gateway.call_line(answer.headers["x-request-id"])["status"] == status


def test_credits_are_for_answers(gateway: Gateway) -> None:
    """A call costs its price times the model's multiplier; one beyond them is refused in the fourth system's words."""
    key = gateway.make_key("saver", credits=4)
    assert ask(gateway, "/generate/a/b:1.5b", key, PROMPT).status_code == 200
    refused = ask(gateway, "/generate/a/b:1.5b", key, PROMPT)
    assert (refused.status_code, error_of(refused)["code"]) == (403, "INSUFFICIENT_CREDITS")
    assert error_of(refused)["message"].startswith("Insufficient credits")
    assert ask(gateway, "/question", key, {"text": "Hi"}).status_code == 200
    assert gateway.settled(key)["spent"] == 4


def test_a_model_off_the_keys_list_is_invalid(gateway: Gateway) -> None:
    """The answer lists those that are on it."""
    key = gateway.make_key("narrow", models=["cloud", "at-*"])
    error = error_of(ask(gateway, "/generate/down", key, PROMPT))
    assert (error["message"], error["details"]) == ("Invalid model name", {"allowed": ["cloud", "at-*"]})
    assert ask(gateway, "/generate/at-home", key, PROMPT).status_code == 200


@pytest.mark.parametrize(
    ("model", "status", "code", "attempts"),
    [("down", 500, "INTERNAL_ERROR", 2), ("key", 502, "UPSTREAM_ERROR", 1), ("slow", 504, "TIMEOUT", 2)],
)
def test_a_provider_that_fails_is_told_with_its_attempts(
    gateway: Gateway, key: str, model: str, status: int, code: str, attempts: int
) -> None:
    """However it failed; each attempt has its own time, and a streamed call is told the same way."""
    for path in (f"/generate/{model}", f"/generate/{model}?stream=true"):
        answer = ask(gateway, path, key, PROMPT)
        error = error_of(answer)
        assert (answer.status_code, error["code"], len(error["details"]["attempts"])) == (status, code, attempts)
        assert answer.headers["x-should-retry"] == "false"


def test_a_caller_who_leaves_ends_the_providers_call(gateway: Gateway, up: FakeUpstream, key: str) -> None:
    """Long before the attempt would have ended, in a stream of text as in any."""
    body = json.dumps(PROMPT).encode()
    head = (
        f"POST /generate/silent?stream=true HTTP/1.1\r\nHost: a\r\nx-api-key: {key}\r\nContent-Length: {len(body)}\r\n"
    )
    with connected(gateway) as connection:
        before = len(up.journal)
        connection.sendall(head.encode() + b"\r\n" + body)
        wait_until(lambda: len(up.journal) > before)
    wait_until(lambda: up.journal[before].closed_early_at is not None, 20)  # the attempt has 30


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/generate", "/generate/cloud", "/question", "/chat", "/nowhere"])
def test_what_is_not_there_has_the_same_shape(gateway: Gateway, method: str, path: str) -> None:
    """404 and 405, which a framework would have answered itself."""
    answer = gateway.request(method, path)
    code = "NOT_FOUND" if path == "/nowhere" else "METHOD_NOT_ALLOWED"
    assert error_of(answer)["code"] == code
