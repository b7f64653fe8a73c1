"""S3, the gateway before Ollama with credits: its script and curl line, its key in `.env`, its models and its table."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.journeys.clients.telling import WORDS, Answer, curl, moved_in
from tests.journeys.stand import Gateway, tollbar
from tests.upstream import FakeUpstream

MODEL = "deepseek-r1:1.5b"
KEY = "a-secret-of-the-laboratory"
ENV_FILE = f"x_api_key={KEY}\n"
OURS = f"API_PORT=0\nDEFAULT_MODEL=ollama/{MODEL}\nOLLAMA_HOST=127.0.0.1:%d\n"
MODELS = """\
providers: {ollama: {vendor: ollama, base_url: "%s"}}
models:
  "deepseek-r1:1.5b": ollama/deepseek-r1:1.5b
  "llama3:8b": {targets: ["ollama/llama3:8b"], multiplier: 3}
  "orca3:12b": "ollama/orca3:12b"
default_model: deepseek-r1:1.5b
limits: {routes: {/generate: {rates: []}}}
"""
JSON = "Content-Type: application/json"
DATA = '{"prompt": "Explain what machine learning is"}'
TABLE = """\
import os
from fastapi import FastAPI

app = FastAPI()

API_KEYS = {
    "key1": {"credits": 5, "tier": "basic"},
    "key2": {"credits": 3, "tier": "premium"},
}
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A server with the system's `.env` and nothing else; it finds Ollama where OLLAMA_HOST says."""
    up.models = (MODEL, "llama3:8b")
    with moved_in(tmp_path_factory.mktemp("s3"), ENV_FILE + OURS % up.port) as gateway:
        gateway.secrets.add(KEY)
        yield gateway


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A server with three models under its names, and the keys of its table."""
    directory = tmp_path_factory.mktemp("s3-models")
    (directory / "main.py").write_text(TABLE)
    (directory / "tollbar.yaml").write_text(MODELS % up.url)
    told = tollbar(directory, "import", "main.py", environment={})
    assert told.splitlines() == [
        "imported-1  …  basic  5 of 5 credits left",
        "imported-2  …  premium  3 of 3 credits left",
    ]
    with moved_in(directory, f"{ENV_FILE}API_PORT=0\n", MODELS % up.url) as gateway:
        yield gateway


def ask(gateway: Gateway, key: str, path: str = "/generate") -> Answer:
    """The curl line."""
    return curl(gateway.url + path, f"x_api_key: {key}", JSON, data=DATA)


def test_s3_python(gateway: Gateway, up: FakeUpstream) -> None:
    """The script: the key in a header with underscores; Ollama is asked for the model, without a key."""
    headers = {"x_api_key": KEY, "Content-Type": "application/json"}
    data = {"prompt": "Explain what machine learning is"}
    response = requests.post(f"{gateway.url}/generate", headers=headers, json=data, timeout=30)
    assert (response.status_code, response.json()) == (200, {"response": WORDS})
    sent = up.journal[-1]
    assert (sent.model, "authorization" in sent.headers) == (MODEL, False)
    assert sent.json["messages"] == [{"role": "user", "content": data["prompt"]}]


def test_s3_curl(gateway: Gateway) -> None:
    """The curl line."""
    answer = ask(gateway, KEY)
    assert (answer.status, answer.json) == (200, {"response": WORDS})


@pytest.mark.parametrize("headers", [(), ("x_api_key: wrong",)])
def test_s3_unauthorised(gateway: Gateway, up: FakeUpstream, headers: tuple[str, ...]) -> None:
    """401 without a key and with a wrong one, before Ollama is asked."""
    before = len(up.journal)
    answer = curl(f"{gateway.url}/generate", *headers, JSON, data=DATA)
    assert (answer.status, answer.error["code"], len(up.journal)) == (401, "INVALID_API_KEY", before)


def test_s3_model_failure(gateway: Gateway, up: FakeUpstream) -> None:
    """What Ollama refuses, such as a model that it does not have, is told with the attempt; no answer is made up."""
    up.plan("error-404")
    answer = ask(gateway, KEY)
    (attempt,) = answer.error["details"]["attempts"]
    assert (answer.status, attempt["target"], attempt["status"]) == (400, f"ollama/{MODEL}", 404)


def test_s3_credits_run_out(several: Gateway, up: FakeUpstream) -> None:
    """Of ten calls at once on five credits at two each two succeed; the rest get 403, and Ollama is not asked."""
    before = len(up.journal)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: ask(several, "key1"), range(10)))
    assert sorted(answer.status for answer in answers) == [200, 200, *[403] * 8]
    refused = next(answer for answer in answers if answer.status == 403).error
    assert (refused["code"], refused["message"].startswith("Insufficient credits")) == ("INSUFFICIENT_CREDITS", True)
    assert len(up.journal) - before == 2
    assert several.settled("key1")["spent"] == 4


def test_s3_failed_calls_are_free(several: Gateway, up: FakeUpstream) -> None:
    """A call that fails costs nothing; a premium key then pays one for each that succeeds."""
    up.plan("error-400")
    assert ask(several, "key2").status == 400
    assert [ask(several, "key2").status for _ in range(2)] == [200, 200]
    assert several.settled("key2")["spent"] == 2


def test_s3_generate_with_a_model(several: Gateway, up: FakeUpstream) -> None:
    """`/generate/{model_name}` for each of its models, at the model's own price."""
    key = several.make_key("models", credits=5)
    for name in (MODEL, "llama3:8b", "orca3:12b"):
        answer = ask(several, key, f"/generate/{name}")
        assert (answer.status, answer.json, up.journal[-1].model) == (200, {"response": WORDS}, name)
    assert several.settled(key)["spent"] == 5


def test_s3_invalid_model_name(several: Gateway) -> None:
    """400 in its words, with the names that are allowed."""
    answer = ask(several, several.make_key("models"), "/generate/gpt-4")
    assert (answer.status, answer.error["code"], answer.error["message"]) == (
        400,
        "INVALID_MODEL",
        "Invalid model name",
    )
    assert {MODEL, "llama3:8b", "orca3:12b"} <= set(answer.error["details"]["allowed"])


def test_s3_credits_last(tmp_path: Path, up: FakeUpstream) -> None:
    """A restart gives nothing back, though S3 counted anew from each start."""
    (tmp_path / "keys.json").write_text(json.dumps({"key-of-the-table": {"credits": 1}}))
    (tmp_path / "tollbar.yaml").write_text(MODELS % up.url)
    tollbar(tmp_path, "import", "keys.json", environment={})
    statuses = []
    for _ in range(2):
        with moved_in(tmp_path, "API_PORT=0\n", MODELS % up.url) as gateway:
            statuses.append(ask(gateway, "key-of-the-table").status)
    assert statuses == [200, 403]


def test_s3_test_script(gateway: Gateway) -> None:
    """`tollbar smoke` does what test_api.py did: it drives a running server and says what failed."""
    told = tollbar(gateway.directory, "smoke", gateway.url, "--key", KEY, environment={})
    assert re.search(r"^\d+ checks: \d+ ok, 0 failed,", told.splitlines()[-1])


def test_s3_model_availability(several: Gateway) -> None:
    """`tollbar models --check` does what check_model_availability.py did: each model is called once."""
    told = tollbar(several.directory, "models", "--check", environment={})
    for name in (MODEL, "llama3:8b", "orca3:12b"):
        assert name in told
