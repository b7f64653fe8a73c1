"""Models of this machine, through a real server with real engines: what callers get of them."""

import itertools
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from openai import APIError, BadRequestError, NotFoundError, OpenAI

from tests.journeys.stand import Gateway, connected, started, used_seconds, wait_until
from tests.providers.local.making import shelve

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SETTINGS = "local: {parallel: 4, queue: 3, context_tokens: 16384, idle_seconds: 0, threads: 1}\n"
LOOK: Any = {
    "type": "function",
    "function": {
        "name": "look",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
SCHEMA: Any = {
    "type": "json_schema",
    "json_schema": {
        "name": "place",
        "schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "number": {"type": "integer"}},
            "required": ["city", "number"],
            "additionalProperties": False,
        },
    },
}
ENDLESS = 16_000


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A server with two models on its shelf, which no test harms: quick answers, and slow ones."""
    directory = tmp_path_factory.mktemp("local")
    (directory / "tollbar.yaml").write_text(SETTINGS)
    shelve(directory / "data" / "models", "tiny", context=16_384)
    shelve(directory / "data" / "models", "slow", context=16_384, layers=2, hidden=2_048)
    with started(directory) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[OpenAI]:
    """The SDK of OpenAI."""
    with gateway.sdk(gateway.make_key("caller")) as client:
        yield client


def asked(text: str) -> list[Any]:
    """The messages of a question."""
    return [{"role": "user", "content": text}]


def engines(gateway: Gateway) -> list[int]:
    """The processes of a gateway's engines."""
    process = gateway.process.pid
    return [int(found) for found in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def is_alive(process: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_an_answer_follows_the_template_of_the_file(client: OpenAI) -> None:
    """The template puts the last message last, so the answer goes on where it ends; every token is counted."""
    answer = client.chat.completions.create(model="tiny", messages=asked("go t"), temperature=0)
    assert answer.choices[0].message.content == "uvwxyz"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    # `<|user|>` and four characters; six letters and the end.
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (5, 7)


def test_tokens_are_streamed_one_by_one(client: OpenAI) -> None:
    """Each token is a chunk of its own, and the report at the end is the one of the plain answer."""
    asking = client.chat.completions.create(
        model="local/tiny", messages=asked("go t"), temperature=0, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(asking)
    said = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert said == [*"uvwxyz"]
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (5, 7)


def test_tokens_are_charged_as_counted(gateway: Gateway) -> None:
    """An allowance of tokens pays what the tokenizer counted, streamed or whole; local models cost no dollars."""
    key = gateway.make_key("tokens", tokens=100_000)
    for stream in (False, True):
        response = gateway.post(key, {"model": "tiny", "messages": asked("go t"), "temperature": 0, "stream": stream})
        line = gateway.call_line(response.headers["x-request-id"])
        assert (line["prompt_tokens"], line["completion_tokens"], line["nano_dollars"]) == (5, 7, 0)
        assert line["provenance"] == "provider_final"
    assert gateway.settled(key)["spent"] == 2 * 12


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called(client: OpenAI, stream: bool) -> None:
    """The model calls a tool, with arguments that fit its schema."""
    asking: Any = {"model": "tiny", "messages": asked("go !"), "tools": [LOOK], "parallel_tool_calls": False}
    if stream:
        with client.chat.completions.stream(**asking, temperature=0) as events:
            choice = events.get_final_completion().choices[0]
    else:
        choice = client.chat.completions.create(**asking, temperature=0).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls is not None
    (call,) = choice.message.tool_calls
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == ("look", {"city": LETTERS})


def test_a_tool_can_be_demanded(client: OpenAI) -> None:
    """A model that would rather talk has to call the tool."""
    answer = client.chat.completions.create(
        model="tiny",
        messages=asked("go x"),
        tools=[LOOK],
        tool_choice="required",
        parallel_tool_calls=False,
        temperature=0,
    )
    assert answer.choices[0].finish_reason == "tool_calls"


def test_an_answer_keeps_to_a_schema(client: OpenAI) -> None:
    """What a schema asks for is what comes, though the model by itself would say something else."""
    answer = client.chat.completions.create(
        model="tiny", messages=asked("go x"), response_format=SCHEMA, temperature=0, max_tokens=300
    )
    assert json.loads(answer.choices[0].message.content or "") == {"city": LETTERS, "number": 0}


def test_probabilities_are_told(client: OpenAI) -> None:
    """Each token with its logarithm, and the runner-up."""
    answer = client.chat.completions.create(
        model="tiny", messages=asked("go w"), logprobs=True, top_logprobs=2, temperature=0
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert [token.token for token in logprobs.content] == ["x", "y", "z"]
    assert all(-0.1 < token.logprob < 0 and len(token.top_logprobs) == 2 for token in logprobs.content)


def test_a_stop_word_ends_the_answer(client: OpenAI) -> None:
    """It is not part of the answer."""
    answer = client.chat.completions.create(model="tiny", messages=asked("go b"), stop=["gh"], temperature=0)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("cdef", "stop")


def test_a_seed_makes_chance_repeatable(client: OpenAI) -> None:
    """The same seed gives the same answer, another seed another."""
    said = [
        client.chat.completions.create(
            model="tiny", messages=asked("go +"), seed=seed, temperature=1, max_tokens=40
        ).choices[0]
        for seed in (5, 5, 6)
    ]
    texts = [choice.message.content for choice in said]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_what_a_model_cannot_do_is_said(client: OpenAI) -> None:
    """A picture, a conversation that is too long and a second choice are faults of the request, each with its field."""
    picture: Any = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    with pytest.raises(BadRequestError, match="does not support images"):
        client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": picture}])
    with pytest.raises(BadRequestError, match="context"):
        client.chat.completions.create(model="tiny", messages=asked("x" * 20_000))
    with pytest.raises(BadRequestError) as told:
        client.chat.completions.create(model="tiny", messages=asked("go x"), n=2)
    assert told.value.param == "n"
    with pytest.raises(NotFoundError, match="tollbar pull nothing"):
        client.chat.completions.create(model="local/nothing", messages=asked("go x"))


@pytest.mark.parametrize("stream", [False, True])
def test_a_caller_who_leaves_stops_the_work(gateway: Gateway, stream: bool) -> None:
    """The engine works on it no more, though the answer had half a minute to go."""
    raw = json.dumps({"model": "slow", "messages": asked("go 7"), "max_tokens": ENDLESS, "stream": stream}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.make_key('goer')}\r\n"
    with connected(gateway) as connection:
        before = {process: used_seconds(process) for process in engines(gateway)}
        connection.sendall(f"{head}content-length: {len(raw)}\r\n\r\n".encode() + raw)

        def working() -> list[int]:
            return [process for process in engines(gateway) if used_seconds(process) > before.get(process, 0.0) + 0.1]

        wait_until(working)
        (busiest,) = working()
    wait_until(lambda: gateway.calls() == 0)

    def is_still() -> bool:
        before = used_seconds(busiest)
        time.sleep(0.1)
        return used_seconds(busiest) == before

    wait_until(lambda: is_still() and is_still(), 10.0)


def test_calls_are_answered_at_once(gateway: Gateway) -> None:
    """Four streams of one model go forward together, token by token, not one after the other."""
    key, order = gateway.make_key("batch"), list[int]()

    def ask(number: int) -> None:
        with gateway.sdk(key) as client:
            asking = client.chat.completions.create(
                model="slow", messages=asked("go 7"), temperature=0, max_tokens=150, stream=True
            )
            for chunk in asking:
                if chunk.choices and chunk.choices[0].delta.content:
                    order.append(number)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(ask, range(4)))
    assert sorted(order) == sorted([*range(4)] * 150)
    switches = sum(1 for before, after in itertools.pairwise(order) if before != after)
    assert switches > 6  # one after the other they would be 3


def occupied(gateway: Gateway, key: str, working: ExitStack) -> bytes:
    """Four callers who have the slow model to themselves until `working` closes; returns what they sent."""
    raw = json.dumps({"model": "slow", "messages": asked("go 7"), "max_tokens": ENDLESS}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
    call = f"{head}content-length: {len(raw)}\r\n\r\n".encode() + raw
    for number in range(4):
        working.enter_context(connected(gateway)).sendall(call)
        wait_until(lambda number=number: gateway.calls() == number + 1)
    return call


def test_a_crowd_waits_in_line(gateway: Gateway) -> None:
    """Four go at once, three wait and are told where they stood, and for the rest there is no room."""
    key = gateway.make_key("crowd")
    body = {"model": "slow", "messages": asked("go t"), "temperature": 0}
    with ThreadPoolExecutor(3) as threads:
        with ExitStack() as working:
            occupied(gateway, key, working)
            waiting = []
            for number in range(3):
                waiting.append(threads.submit(gateway.post, key, body))
                wait_until(lambda number=number: gateway.calls() == 5 + number)
            refused = [gateway.post(key, body) for _ in range(5)]
        served = [answer.result() for answer in waiting]
    assert [answer.status_code for answer in [*served, *refused]] == [200] * 3 + [429] * 5
    assert [answer.headers["x-tollbar-queue-position"] for answer in served] == ["1", "2", "3"]
    assert all(float(answer.headers["x-tollbar-queue-seconds"]) > 0 for answer in served)
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert {answer.json()["error"]["code"] for answer in refused} == {"queue_full"}
    assert all("x-should-retry" not in answer.headers for answer in refused)
    assert gateway.post(key, body).headers["x-tollbar-queue-position"] == "0"  # its circuit is closed as before


def test_who_waits_and_leaves_is_out_of_the_line(gateway: Gateway) -> None:
    """A place that is given up is free for another."""
    key = gateway.make_key("leaver")
    with ThreadPoolExecutor(1) as thread:
        with ExitStack() as working:
            call = occupied(gateway, key, working)
            for _ in range(4):
                with connected(gateway) as waiting:
                    waiting.sendall(call)
                    wait_until(lambda: gateway.calls() == 5)
                wait_until(lambda: gateway.calls() == 4)
            last = thread.submit(gateway.post, key, {"model": "slow", "messages": asked("go t")})
            wait_until(lambda: gateway.calls() == 5)
        assert last.result().headers["x-tollbar-queue-position"] == "1"


def test_the_simple_endpoints_use_the_first_that_was_pulled(gateway: Gateway) -> None:
    """Nothing was set, so the guide has made room for the model."""
    key = gateway.make_key("simple")
    assert gateway.request("POST", "/local/generate", key, json={"prompt": "go t"}).json() == {"response": "uvwxyz"}
    answer = gateway.request("POST", "/local-chat", key, json={"prompt": "go t"}).json()
    assert answer["choices"][0]["message"]["content"] == "uvwxyz"
    streamed = gateway.request("POST", "/local/generate?stream=true", key, json={"prompt": "go t"})
    assert streamed.text == "uvwxyz"


def test_models_come_and_go_while_the_server_runs(gateway: Gateway) -> None:
    """What is pulled is soon listed and answers; what is removed soon does neither."""
    key = gateway.make_key("puller")
    folder = gateway.directory / "data" / "models"

    def listed() -> bool:
        return "fresh" in [model["id"] for model in gateway.request("GET", "/v1/models", key).json()["data"]]

    assert not listed()
    shelve(folder, "fresh")
    wait_until(listed)
    ask = {"model": "fresh", "messages": asked("go t"), "temperature": 0}
    assert gateway.post(key, ask).json()["choices"][0]["message"]["content"] == "uvwxyz"
    count = len(engines(gateway))
    (folder / "fresh.json").unlink()
    wait_until(lambda: not listed())
    assert gateway.post(key, ask).status_code == 404
    wait_until(lambda: len(engines(gateway)) == count - 1)


def test_an_engine_wants_its_key(gateway: Gateway, client: OpenAI) -> None:
    """Other programs of the machine find the port, and nothing behind it."""
    client.chat.completions.create(model="tiny", messages=asked("go t"))
    for process in engines(gateway):
        assert b"sk-" not in Path(f"/proc/{process}/environ").read_bytes()
        assert "local.child" in Path(f"/proc/{process}/cmdline").read_text()
        names = {line.partition("=")[0] for line in Path(f"/proc/{process}/environ").read_text().split("\0") if line}
        assert "TOLLBAR_ADMIN_KEY" not in names


def test_a_crash_of_an_engine_is_an_error_of_its_calls_alone(tmp_path: Path) -> None:
    """A stream that it had begun breaks off, the gateway goes on, and the next call has a new engine."""
    shelve(tmp_path / "data" / "models", "slow", context=16_384, layers=2, hidden=2_048)
    (tmp_path / "tollbar.yaml").write_text(SETTINGS)
    with started(tmp_path) as gateway:
        key = gateway.make_key("crash")
        with gateway.sdk(key) as client:
            asking = client.chat.completions.create(
                model="slow", messages=asked("go 7"), temperature=0, max_tokens=ENDLESS, stream=True
            )
            next(iter(asking))
            (engine,) = engines(gateway)
            os.kill(engine, signal.SIGSEGV)
            with pytest.raises(APIError, match="broke off"):
                list(asking)
        answer = gateway.post(key, {"model": "slow", "messages": asked("go t"), "temperature": 0})
        assert answer.json()["choices"][0]["message"]["content"] == "uvwxyz"
        assert engine not in engines(gateway)


@pytest.mark.parametrize("end", [Gateway.terminate, Gateway.kill])
def test_no_engine_outlives_its_gateway(tmp_path: Path, end: Callable[[Gateway], None]) -> None:
    """Neither a stop nor a kill leaves a process behind."""
    shelve(tmp_path / "data" / "models")
    (tmp_path / "tollbar.yaml").write_text(SETTINGS)
    with started(tmp_path) as gateway:
        key = gateway.make_key("end")
        assert gateway.post(key, {"model": "tiny", "messages": asked("go t")}).status_code == 200
        (engine,) = engines(gateway)
        end(gateway)
        gateway.process.wait(10)
        wait_until(lambda: not is_alive(engine))
