"""S1, the proxy before Groq with a weekly key: its curl lines, scripts and editor settings, from its own `.env`."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from openai import OpenAI

from tests.journeys.bodies import frames, text_of
from tests.journeys.clients.telling import WORDS, curl, exchange, moved_in
from tests.journeys.stand import Gateway, tollbar, wait_until
from tests.upstream import FakeUpstream

GROQ_KEY = "gsk_0123456789abcdefghijklmnop"
SECRET = "open sesame of the weekly key"
ENV_FILE = f"GROQ_API_KEY={GROQ_KEY}\nADMIN_SECRET={SECRET}\nPORT=0\n"
YAML = 'providers: {groq: {vendor: groq, base_url: "%s"}}\n'
JSON = "Content-Type: application/json"
PROMPT = '{"prompt": "Hello, how are you?"}'
LLAMA = "llama-3.3-70b-versatile"
TERMINAL_CLIENT = """
key=$(curl -s -X GET "$API_URL/current-key" -H "admin-secret: $ADMIN_SECRET" | jq -r '.api_key')
echo "Type 'quit' to leave."
while read -p "You: " prompt && [ "$prompt" != "quit" ]; do
    answer=$(curl -s -X POST "$API_URL/chat" -H "x-api-key: $key" -H "Content-Type: application/json" \
        -d "{\\"prompt\\": \\"$prompt\\"}")
    echo "AI: $(echo $answer | jq -r '.choices[0].message.content')"
done
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A server of the system's environment, whose Groq is the fake one."""
    with moved_in(tmp_path_factory.mktemp("s1"), ENV_FILE, YAML % up.url) as gateway:
        gateway.secrets |= {GROQ_KEY, SECRET}
        yield gateway


@pytest.fixture(scope="module")
def editors(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A server without a settings file, which is where the names that editors ask for by habit are aliases."""
    env_file = f"LLM_BASE_URL={up.url}\nLLM_MODEL={LLAMA}\nLLM_API_KEY={GROQ_KEY}\nADMIN_SECRET={SECRET}\nPORT=0\n"
    with moved_in(tmp_path_factory.mktemp("s1-editor"), env_file) as gateway:
        yield gateway


def current_key(gateway: Gateway) -> str:
    """What the script asks for first."""
    response = requests.get(f"{gateway.url}/current-key", headers={"admin-secret": SECRET}, timeout=30)
    key = response.json()["api_key"]
    gateway.secrets.add(key)
    return key


def chat(gateway: Gateway, prompt: str, key: str) -> Any:
    """What it does with the key."""
    headers = {"x-api-key": key, "Content-Type": "application/json"}
    return requests.post(f"{gateway.url}/chat", headers=headers, json={"prompt": prompt}, timeout=30).json()


def test_s1_view_current_key(gateway: Gateway) -> None:
    """A key of its form, valid for seven days."""
    answer = curl(f"{gateway.url}/current-key", f"admin-secret: {SECRET}", method="GET")
    assert (answer.status, list(answer.json)) == (200, ["api_key", "expiry"])
    assert re.fullmatch(r"sk-[A-Za-z0-9]{16}", answer.json["api_key"])
    expiry = datetime.fromisoformat(answer.json["expiry"])
    left = (expiry if expiry.tzinfo else expiry.replace(tzinfo=UTC)) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    gateway.secrets.add(answer.json["api_key"])


@pytest.mark.parametrize("headers", [(), ("admin-secret: wrong",), ("admin-secret;",)])
def test_s1_current_key_without_the_secret(gateway: Gateway, headers: tuple[str, ...]) -> None:
    """Not given, wrong or empty: 401, and no key."""
    answer = curl(f"{gateway.url}/current-key", *headers, method="GET")
    assert (answer.status, answer.error["code"]) == (401, "INVALID_API_KEY")
    assert b"sk-" not in answer.body


def test_s1_chat(gateway: Gateway, up: FakeUpstream) -> None:
    """A chat completion from Groq's Llama; the provider's key goes there and nowhere else."""
    answer = curl(f"{gateway.url}/chat", f"x-api-key: {current_key(gateway)}", JSON, data=PROMPT)
    assert answer.status == 200
    assert answer.json["choices"][0]["message"]["content"] == WORDS
    assert (answer.json["object"], answer.json["usage"]["completion_tokens"]) == ("chat.completion", 5)
    sent = up.journal[-1]
    assert (sent.json["model"], sent.headers["authorization"]) == (LLAMA, f"Bearer {GROQ_KEY}")
    assert sent.json["messages"] == [{"role": "user", "content": "Hello, how are you?"}]
    assert GROQ_KEY.encode() not in answer.body


def test_s1_local_chat(gateway: Gateway, up: FakeUpstream) -> None:
    """The same shape from the local model, which is the guide until one is installed; the provider is not asked."""
    before = len(up.journal)
    answer = curl(f"{gateway.url}/local-chat", f"x-api-key: {current_key(gateway)}", JSON, data=PROMPT)
    assert (answer.status, answer.json["model"]) == (200, "tollbar-guide")
    assert answer.json["choices"][0]["message"]["content"]
    assert len(up.journal) == before


def test_s1_chat_falls_back_to_the_local_model(gateway: Gateway, up: FakeUpstream) -> None:
    """While Groq is down."""
    up.default = "error-503"
    try:
        answer = chat(gateway, "How do I make a key?", current_key(gateway))
    finally:
        up.default = "ok"
    assert answer["choices"][0]["message"]["content"]
    assert answer["model"] == "tollbar-guide"


def test_s1_python_client(gateway: Gateway) -> None:
    """It asks for the key, then for a joke."""
    assert chat(gateway, "Tell me a joke", current_key(gateway))["choices"][0]["message"]["content"] == WORDS


@pytest.mark.skipif(not (shutil.which("jq") and shutil.which("curl")), reason="jq or curl is not installed")
def test_s1_terminal_chat_client(gateway: Gateway) -> None:
    """The loop around curl and jq: a question, its answer, and `quit`."""
    done = subprocess.run(
        ["bash", "-c", TERMINAL_CLIENT],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "API_URL": gateway.url, "ADMIN_SECRET": SECRET},
        input="Tell me a joke\nquit\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout == f"Type 'quit' to leave.\nAI: {WORDS}\n"


def test_s1_editor_through_the_sdk(editors: Gateway, up: FakeUpstream) -> None:
    """Provider `openai`, the bare host as base, `gpt-3.5-turbo` as model, the weekly key: whole and streamed."""
    with OpenAI(base_url=editors.url, api_key=current_key(editors), max_retries=0) as client:
        said: Any = [{"role": "user", "content": "Hi"}]
        answer = client.chat.completions.create(model="gpt-3.5-turbo", messages=said)
        assert answer.choices[0].message.content == WORDS
        with client.chat.completions.create(model="gpt-3.5-turbo", messages=said, stream=True) as stream:
            assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == WORDS
    assert up.journal[-1].model == LLAMA


def test_s1_editor_as_bytes(editors: Gateway) -> None:
    """As Continue writes them: the key in `Authorization` and again in `api-key`, the answer as a stream."""
    key = current_key(editors)
    body = {"messages": [{"role": "user", "content": "Hi"}], "model": "gpt-3.5-turbo", "max_tokens": 4096}
    content = json.dumps({**body, "stream": True}, separators=(",", ":")).encode()
    head = (
        f"POST /chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{editors.port}\r\nconnection: keep-alive\r\n"
        f"Content-Type: application/json\r\nAuthorization: Bearer {key}\r\napi-key: {key}\r\naccept: */*\r\n"
        f"accept-encoding: gzip, deflate, br\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    answer = exchange(editors.port, head.encode(), content)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    events = frames(answer.body)
    assert (text_of(events), events[-1]) == (WORDS, "[DONE]")


def test_s1_editor_s_model_is_groq_s(tmp_path: Path) -> None:
    """With nothing but the system's own environment the editor's model means Groq's Llama."""
    environment = {"GROQ_API_KEY": GROQ_KEY, "ADMIN_SECRET": SECRET}
    told = tollbar(tmp_path, "explain", "gpt-3.5-turbo", environment=environment)
    assert f"groq/{LLAMA}" in told


def test_s1_key_that_is_invalid(gateway: Gateway) -> None:
    """401, for the same form of key."""
    answer = curl(f"{gateway.url}/chat", "x-api-key: sk-xxxxxxxxxxxxxxxx", JSON, data=PROMPT)
    assert (answer.status, answer.error["code"]) == (401, "INVALID_API_KEY")


def test_s1_from_current_key_json_to_the_next_key(tmp_path: Path, up: FakeUpstream) -> None:
    """The file's key works until its expiry; then there is another, without a restart, and the old one is refused."""
    for seconds in (5, 10, 20, 40):  # as long as this machine needs to get there
        directory = tmp_path / str(seconds)
        directory.mkdir()
        if key_is_followed_by_the_next(directory, up, seconds):
            return
    raise AssertionError("the key was never in force")


def key_is_followed_by_the_next(directory: Path, up: FakeUpstream, seconds: float) -> bool:
    """The way of a key that has so many seconds left; False when they were over before its first call."""
    soon = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=seconds)
    kept = {"api_key": "sk-0a1B2c3D4e5F6g7H", "expiry": soon.isoformat()}
    (directory / "current_key.json").write_text(json.dumps(kept))
    (directory / ".env").write_text(ENV_FILE)
    with suppress(AssertionError):  # it has expired before the command reads it
        tollbar(directory, "import", "current_key.json", environment={})
    with moved_in(directory, ENV_FILE, YAML % up.url) as gateway:
        shown, answer = current_key(gateway), chat(gateway, "Hello", kept["api_key"])
        if datetime.now(UTC).replace(tzinfo=None) >= soon:
            return False
        assert shown == kept["api_key"]
        assert answer["choices"][0]["message"]["content"] == WORDS
        wait_until(lambda: current_key(gateway) != kept["api_key"], 60)
        refused = chat(gateway, "Hello", kept["api_key"])["error"]
        assert (refused["status"], refused["code"]) == (401, "KEY_EXPIRED")
        assert chat(gateway, "Hello", current_key(gateway))["choices"][0]["message"]["content"] == WORDS
        return True
