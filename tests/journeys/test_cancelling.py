"""Calls that are ended from outside, in every dialect: a stream ends as a whole one does, charged as one left."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.journeys.bodies import chat
from tests.journeys.stand import Gateway, started, wait_until
from tests.journeys.test_matrix import MORE, PROVIDERS
from tests.journeys.tongues import TONGUES
from tests.upstream import FakeUpstream

WAYS = [(dialect, wire) for dialect in TONGUES for wire in dict.fromkeys((dialect, "openai"))]
"""Each dialect as its own wire passes it on, and as another is translated into it."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, up: FakeUpstream) -> Iterator[Gateway]:
    """A gateway before a provider of every wire."""
    urls = {"url": up.url, "google_url": up.google_url, "root": up.root}
    with started(tmp_path_factory.mktemp("cancelling"), up, MORE % urls) as gateway:
        yield gateway


def begun(gateway: Gateway, key: str, path: str, body: Any) -> requests.Response:
    """A stream under way."""
    headers = {"authorization": f"Bearer {key}"}
    return requests.post(gateway.url + path, json=body, headers=headers, stream=True, timeout=30)


def read_until(stream: Iterator[bytes], word: bytes) -> bytes:
    """What comes until a word has come."""
    data = b""
    while word not in data:
        data += next(stream)
    return data


def held(gateway: Gateway) -> str:
    """The id of the one call that holds something."""
    wait_until(lambda: gateway.query("select 1 from holds"))
    (row,) = gateway.query("select request_id from holds")
    return str(row["request_id"])


def cancelled(gateway: Gateway, key: str, request_id: str) -> int:
    """What the answer to a wish to end a call is."""
    return gateway.request("POST", f"/v1/requests/{request_id}/cancel", key).status_code


@pytest.mark.parametrize(("dialect", "wire"), WAYS)
def test_a_stream_ends_in_its_own_way(gateway: Gateway, up: FakeUpstream, dialect: str, wire: str) -> None:
    """Its end is said, with the usage of what was delivered; the provider is let go; the credit is due."""
    key = gateway.make_key("ana", credits=9)
    path, body = TONGUES[dialect].asks(f"{PROVIDERS[wire]}/paced:500", "", True)
    with begun(gateway, key, path, body) as answer:
        request_id = answer.headers["x-request-id"]
        stream = answer.iter_content(None)
        data = read_until(stream, b"word1")
        assert cancelled(gateway, key, request_id) == 202
        data += b"".join(stream)
    data = data.replace(b"event: response.incomplete", b"event: response.completed")
    heard = TONGUES[dialect].hears(data, is_stream=True)
    assert (heard.has_ended, heard.fault) == (True, "")
    assert heard.text.startswith("word0 word1 ")
    wait_until(lambda: up.journal[-1].closed_early_at is not None)
    (line,) = gateway.ledger(request_id)
    assert heard.tokens == (line["prompt_tokens"], line["completion_tokens"])
    assert (line["outcome"], line["credits"], line["paid"]) == ("abandoned", 1, 1)
    told = gateway.call_line(request_id)
    assert (told["outcome"], told["error"], told["status"]) == ("abandoned", "call_cancelled", 499)
    assert cancelled(gateway, key, request_id) == 409


def test_a_stream_is_one_answer_for_its_reader(gateway: Gateway) -> None:
    """The SDK hears one chat under one name: the last chunks go on where the provider's stopped."""
    key = gateway.make_key("sam")
    with gateway.sdk(key) as client:
        options: Any = {"include_usage": True}
        stream = client.chat.completions.create(
            model="lab/paced:500", messages=[{"role": "user", "content": "x"}], stream=True, stream_options=options
        )
        chunks = [next(stream), next(stream), next(stream)]
        assert cancelled(gateway, key, stream.response.headers["x-request-id"]) == 202
        chunks += list(stream)
    assert len({(chunk.id, chunk.model, chunk.created) for chunk in chunks}) == 1
    reasons = [choice.finish_reason for chunk in chunks for choice in chunk.choices]
    assert (reasons.count("stop"), set(reasons), chunks[-1].usage is not None) == (1, {None, "stop"}, True)
    assert [choice.delta.role for chunk in chunks for choice in chunk.choices].count("assistant") == 1


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini"])
def test_a_call_that_is_not_streamed_is_told_why(gateway: Gateway, up: FakeUpstream, dialect: str) -> None:
    """In its dialect's shape, with a status that no SDK tries again; no credit is due, the prompt is."""
    key, before = gateway.make_key("ben", credits=9), len(up.journal)
    path, body = TONGUES[dialect].asks(f"{PROVIDERS[dialect]}/stall", "", False)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(gateway.post, key, body, path=path)
        wait_until(lambda: len(up.journal) > before)
        request_id = held(gateway)
        assert cancelled(gateway, gateway.make_key("foe"), request_id) == 404
        [running] = [one for one in gateway.admin("GET", "/requests")["data"] if one["id"] == request_id]
        assert (running["key_name"].split()[0], running["tokens"], running["target"] is not None) == ("ben", 0, True)
        gateway.admin("POST", f"/requests/{request_id}/cancel")
        answer = call.result(10)
    assert (answer.status_code, answer.headers["x-should-retry"]) == (499, "false")
    assert "cancelled" in json.dumps(answer.json())
    (line,) = gateway.ledger(request_id)
    assert (line["outcome"], line["credits"], line["completion_tokens"]) == ("abandoned", 0, 0)
    assert line["prompt_tokens"] > 0
    wait_until(lambda: up.journal[-1].closed_early_at is not None)


def test_a_stream_that_has_said_nothing_ends_empty(gateway: Gateway) -> None:
    """Before its first content: an answer of no words, and of no credit."""
    key = gateway.make_key("eva", credits=9)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(gateway.post, key, chat("lab/stall", stream=True))
        assert cancelled(gateway, key, held(gateway)) == 202
        answer = call.result(10)
    heard = TONGUES["openai"].hears(answer.content, is_stream=True)
    assert (answer.status_code, heard.text, heard.has_ended, heard.fault) == (200, "", True, "")
    assert gateway.settled(key)["spent"] == 0


def test_what_cannot_be_cancelled(gateway: Gateway, key: str) -> None:
    """A call that never was is unknown, and one that is over is over."""
    assert cancelled(gateway, key, "req_" + "0" * 24) == 404
    assert cancelled(gateway, key, "nonsense") == 404
    done = gateway.post(key, chat("lab/ok")).headers["x-request-id"]
    assert cancelled(gateway, key, done) == 409
    assert cancelled(gateway, gateway.make_key("foe"), done) == 404
