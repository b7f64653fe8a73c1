"""Safetensors models of this machine: pulled from a hub, and served by the real `transformers serve`.

Transformers and PyTorch are large and lie beside the environment; the first run installs them. Where no build of
PyTorch for processors alone is offered, as on Linux by PyPI alone, the tests are left out, and say so.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError, OpenAI

from bench.groups import InstallationError, provide
from tests.hub import FakeHub
from tests.journeys.stand import ADMIN_KEY, Gateway, connected, started, tollbar, used_seconds, wait_until
from tests.providers.local.checkpoints import write_checkpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SETTINGS = "local: {parallel: 4, context_tokens: 4096, idle_seconds: 0, threads: 1}\n"
ENDLESS = 4_000
LEFT_OUT = "requirements/torch.txt could not be installed: pip is offered no PyTorch for processors alone here"


@pytest.fixture(scope="module")
def libraries() -> Path:
    """The folder of Transformers and PyTorch."""
    try:
        return provide("transformers")
    except InstallationError as fault:
        if "torch.txt" not in str(fault):
            raise
        pytest.skip(LEFT_OUT)


@pytest.fixture(scope="module")
def gateway(libraries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A server that runs, onto whose shelf the model is pulled."""
    directory = tmp_path_factory.mktemp("transformers")
    (directory / "tollbar.yaml").write_text(SETTINGS)
    files = {path.name: path.read_bytes() for path in write_checkpoint(directory / "made", context=8_192).iterdir()}
    with FakeHub() as hub:
        hub.add("lab/Tiny", files, licence="mit")
        variables = {"HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"}
        tollbar(directory, "pull", "lab/Tiny", "--data", str(directory / "data"), environment=variables)
    environment = {"TOLLBAR_ADMIN_KEY": ADMIN_KEY, "PYTHONPATH": str(libraries)}
    with started(directory, environment=environment) as running:
        yield running


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[OpenAI]:
    """The SDK of OpenAI; the first call waits for PyTorch to be imported."""
    with gateway.sdk(gateway.make_key("caller"), timeout=200) as client:
        client.chat.completions.create(model="tiny", messages=asked("go y"), temperature=0)
        yield client


def asked(text: str) -> list[Any]:
    """The messages of a question."""
    return [{"role": "user", "content": text}]


def engine(gateway: Gateway) -> int:
    """The process of the engine."""
    process = gateway.process.pid
    return int(Path(f"/proc/{process}/task/{process}/children").read_text())


def is_alive(process: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until_still(process: int) -> None:
    """Returns once a process computes no more."""

    def is_still() -> bool:
        before = used_seconds(process)
        time.sleep(0.2)
        return used_seconds(process) - before <= 0.02

    wait_until(lambda: is_still() and is_still())


def test_an_answer_and_its_tokens(gateway: Gateway, client: OpenAI) -> None:
    """The template is the repository's; what the tokenizer counted is charged, whole or streamed."""
    answer = client.chat.completions.create(model="tiny", messages=asked("go t"), temperature=0)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("uvwxyz", "stop")
    assert answer.model == "tiny"
    key = gateway.make_key("tokens", tokens=100_000)
    for stream in (False, True):
        response = gateway.post(key, {"model": "tiny", "messages": asked("go t"), "temperature": 0, "stream": stream})
        line = gateway.call_line(response.headers["x-request-id"])
        assert (line["prompt_tokens"], line["completion_tokens"], line["nano_dollars"]) == (5, 7, 0)
        assert line["provenance"] == "provider_final"
    assert gateway.settled(key)["spent"] == 2 * 12


def test_it_streams_token_by_token(client: OpenAI) -> None:
    """Each is a chunk of its own, and the report comes at the end."""
    asking = client.chat.completions.create(
        model="tiny", messages=asked("go t"), temperature=0, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(asking)
    said = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert said == [*"uvwxyz"]
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (5, 7)


@pytest.mark.parametrize("stream", [False, True])
def test_stop_length_and_seed(client: OpenAI, stream: bool) -> None:
    """A stop text is no part of the answer; the same seed gives the same answer, and another another."""

    def ask(text: str, **wishes: Any) -> str:
        answer: Any = client.chat.completions.create(model="tiny", messages=asked(text), stream=stream, **wishes)
        if stream:
            return "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)
        return answer.choices[0].message.content

    assert ask("go b", stop=["gh"], temperature=0) == "cdef"
    assert ask("go 7", max_tokens=5, temperature=0) == "89012"
    dice = [ask("go +", seed=seed, temperature=1, max_tokens=30) for seed in (5, 5, 6)]
    assert dice[0] == dice[1] != dice[2]


def test_other_dialects_and_the_simple_endpoints(gateway: Gateway, client: OpenAI) -> None:
    """The same model behind Anthropic's dialect, and as the one that was pulled first."""
    key = gateway.make_key("simple")
    body = {"model": "tiny", "messages": asked("go t"), "max_tokens": 50, "temperature": 0}
    answer = gateway.post(key, body, path="/v1/messages", headers={"anthropic-version": "2023-06-01"}).json()
    assert [part["text"] for part in answer["content"]] == ["uvwxyz"]
    assert (answer["usage"]["input_tokens"], answer["usage"]["output_tokens"]) == (5, 7)
    assert gateway.request("POST", "/local/generate", key, json={"prompt": "go t"}).json() == {"response": "uvwxyz"}


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"logprobs": True}, "logprobs"),
        ({"messages": asked("x" * 5_000)}, "room for 4096"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "images"),
    ],
)
def test_what_it_cannot_do_is_said(client: OpenAI, wish: dict[str, Any], words: str) -> None:
    """Instead of an answer that does as if nothing had been asked."""
    asking: Any = {"model": "tiny", "messages": asked("go t"), **wish}
    with pytest.raises(BadRequestError, match=words):
        client.chat.completions.create(**asking)


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_who_leaves_stops_the_work(gateway: Gateway, client: OpenAI, stream: bool) -> None:
    """Whichever way it was asked, though the answer had long to go; who waits is next."""
    key = gateway.make_key("leaver")
    body = {"model": "tiny", "messages": asked("go 7"), "max_tokens": ENDLESS, "temperature": 0, "stream": stream}
    raw = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
    process = engine(gateway)
    with ThreadPoolExecutor(1) as thread:
        with connected(gateway) as leaving:
            before = used_seconds(process)
            leaving.sendall(f"{head}content-length: {len(raw)}\r\n\r\n".encode() + raw)
            wait_until(lambda: used_seconds(process) > before + 0.2, 60.0)
            next_one = thread.submit(gateway.post, key, {"model": "tiny", "messages": asked("go t"), "temperature": 0})
            wait_until(lambda: gateway.calls() == 2)
        answer = next_one.result()
    assert answer.json()["choices"][0]["message"]["content"] == "uvwxyz"
    assert answer.headers["x-tollbar-queue-position"] == "1"
    wait_until_still(process)


def test_the_engine_is_ours_alone(gateway: Gateway, client: OpenAI) -> None:
    """It knows none of our keys, and ends with us even when we are killed."""
    process = engine(gateway)
    assert "transformers.child" in Path(f"/proc/{process}/cmdline").read_text()
    assert ADMIN_KEY.encode() not in Path(f"/proc/{process}/environ").read_bytes()
    gateway.kill()
    wait_until(lambda: not is_alive(process))
