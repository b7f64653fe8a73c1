"""Callers who leave: the provider is let go at once, what was produced is recorded, and the slot is free.

At once: long before the provider would have ended by itself, if ever.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import openai
import pytest

from tests.journeys.bodies import SAID, chat, raw_chat, receive
from tests.journeys.stand import Gateway, connected, wait_until
from tests.upstream import FakeUpstream


def leave(gateway: Gateway, key: str, body: dict[str, Any], moment: Callable[[socket.socket], object]) -> None:
    """A call whose caller closes its connection at a moment of the test's choosing."""
    with connected(gateway) as connection:
        connection.sendall(raw_chat(key, body))
        moment(connection)


def three_pieces(connection: socket.socket) -> None:
    """The moment at which three pieces of text have come."""
    receive(connection, lambda data: b"word2" in data)


def assert_let_go(gateway: Gateway, up: FakeUpstream) -> None:
    """The provider's connection was closed before its answer had ended, and the gateway has forgotten the call."""
    wait_until(lambda: up.journal[-1].closed_early_at is not None)
    wait_until(lambda: gateway.calls() == 0)


def abandoned(gateway: Gateway, since: int) -> dict[str, Any]:
    """The one line that the ledger got after the first so many."""
    wait_until(lambda: len(gateway.ledger()) > since)
    (line,) = gateway.ledger()[since:]
    assert line["outcome"] == "abandoned"
    return line


def test_leaving_in_the_middle_of_a_stream(gateway: Gateway, up: FakeUpstream) -> None:
    """After content the credit is due, and tokens as counted; the one slot of the key is free again."""
    key = gateway.make_key("ana", credits=5, tokens=100_000, concurrency=1)
    since = len(gateway.ledger())
    leave(gateway, key, chat("lab/paced:500", stream=True, max_tokens=600), three_pieces)
    assert_let_go(gateway, up)
    line = abandoned(gateway, since)
    assert (line["credits"], line["provenance"], line["paid"]) == (1, "counted", 1)
    assert 3 <= line["completion_tokens"] < 500
    wait_until(lambda: not any(allowance["held"] for allowance in gateway.me(key)["allowances"]))
    spent = {allowance["unit"]: allowance["spent"] for allowance in gateway.me(key)["allowances"]}
    assert spent == {"credits": 1, "tokens": line["prompt_tokens"] + line["completion_tokens"]}
    assert gateway.post(key, chat("lab/ok")).status_code == 200


@pytest.mark.parametrize("streams", [False, True])
def test_leaving_before_the_first_content(gateway: Gateway, up: FakeUpstream, streams: bool) -> None:
    """Before content no credit is due, only the prompt that was sent."""
    key = gateway.make_key("ben", credits=5, concurrency=1)
    since, before = len(gateway.ledger()), len(up.journal)
    body = chat("lab/stall", stream=streams)
    leave(gateway, key, body, lambda connection: wait_until(lambda: len(up.journal) > before))
    assert_let_go(gateway, up)
    line = abandoned(gateway, since)
    assert (line["credits"], line["provenance"], line["completion_tokens"]) == (0, "estimate", 0)
    assert line["prompt_tokens"] > 0
    assert gateway.settled(key)["spent"] == 0
    assert gateway.post(key, chat("lab/ok")).status_code == 200


@pytest.mark.parametrize("streams", [False, True])
def test_leaving_while_the_gateway_waits_to_try_again(gateway: Gateway, up: FakeUpstream, streams: bool) -> None:
    """A caller who leaves during the wait before a retry ends it: nothing more is sent, nothing is charged."""
    key = gateway.make_key("eva", credits=5, concurrency=1)
    before = len(up.journal)
    body = chat("lab/rate-limited:25", stream=streams)
    leave(gateway, key, body, lambda connection: wait_until(lambda: len(up.journal) > before))
    wait_until(lambda: gateway.calls() == 0)
    assert gateway.post(key, chat("lab/ok")).status_code == 200
    assert [entry.model for entry in list(up.journal)[before:]] == ["rate-limited:25", "ok"]
    assert gateway.settled(key)["spent"] == 1


def test_leaving_before_the_request_is_whole(gateway: Gateway, up: FakeUpstream) -> None:
    """A body that never arrives holds the slot only as long as its sender stays."""
    key = gateway.make_key("kim", concurrency=1)
    before = len(up.journal)
    with connected(gateway) as connection:
        connection.sendall(raw_chat(key, chat("lab/ok"))[:-10])
        wait_until(lambda: gateway.calls() == 1)
        assert gateway.post(key, chat("lab/ok")).status_code == 429
    wait_until(lambda: gateway.calls() == 0)
    assert gateway.post(key, chat("lab/ok")).status_code == 200
    assert len(up.journal) == before + 1


def test_leaving_as_the_sdk_does(gateway: Gateway, up: FakeUpstream) -> None:
    """Closing the SDK's stream, or breaking out of it, ends the call at the provider."""
    key = gateway.make_key("sam", credits=5)
    with gateway.sdk(key) as client:
        with client.chat.completions.create(model="lab/paced:500", messages=SAID, stream=True) as stream:
            for _, chunk in zip(range(4), stream, strict=False):
                assert chunk.choices
        assert_let_go(gateway, up)
    assert gateway.settled(key)["spent"] == 1


@pytest.mark.anyio
async def test_leaving_by_cancellation(gateway: Gateway, up: FakeUpstream) -> None:
    """Tasks of an asynchronous program that are cancelled end their calls; ten at once leave nothing behind."""
    key = gateway.make_key("bot", credits=50, concurrency=10)

    speaking: set[str] = set()

    async def call() -> None:
        stream = await client.chat.completions.create(model="lab/paced:500", messages=SAID, stream=True)
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                speaking.add(stream.response.headers["x-request-id"])

    async with gateway.async_sdk(key) as client:
        tasks = [asyncio.create_task(call()) for _ in range(10)]
        await asyncio.to_thread(wait_until, lambda: len(speaking) == 10)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(assert_let_go, gateway, up)
    await asyncio.to_thread(wait_until, lambda: all(entry.closed_early_at or entry.answered_at for entry in up.journal))
    assert (await asyncio.to_thread(gateway.settled, key))["spent"] == 10


def test_a_caller_who_has_everything_may_leave(gateway: Gateway, key: str) -> None:
    """Leaving behind the end mark is no leaving: the call is complete and is charged as such."""
    since = len(gateway.ledger())
    leave(
        gateway,
        key,
        chat("lab/ok", stream=True),
        lambda connection: receive(connection, lambda data: b"[DONE]" in data),
    )
    wait_until(lambda: len(gateway.ledger()) > since)
    (line,) = gateway.ledger()[since:]
    assert (line["outcome"], line["provenance"]) == ("ok", "provider_final")


def test_a_caller_who_reads_slowly_holds_only_its_own_call(gateway: Gateway, up: FakeUpstream) -> None:
    """Somebody who takes nothing of a large answer keeps the gateway from nothing, and gets all of it in the end."""
    key = gateway.make_key("slow")
    with connected(gateway) as connection:
        connection.sendall(raw_chat(key, chat("lab/huge:15", stream=True)))
        wait_until(lambda: gateway.calls() == 1)
        for _ in range(10):
            assert gateway.post(key, chat("lab/ok")).status_code == 200
        data = receive(connection, lambda data: b"[DONE]" in data[-50:])
    assert data.count(b"x" * 1_000) >= 15_000


def test_an_impatient_sdk_call(gateway: Gateway, up: FakeUpstream, key: str) -> None:
    """A time-out of the SDK is a leaving like any other."""
    before = len(up.journal)
    for seconds in (0.3, 3.0, 25.0):  # on a busy machine the first may not get as far as the provider
        with gateway.sdk(key, timeout=seconds) as client, suppress(openai.APITimeoutError):
            client.chat.completions.create(model="lab/stall", messages=SAID)
        if len(up.journal) > before:
            break
    assert_let_go(gateway, up)
