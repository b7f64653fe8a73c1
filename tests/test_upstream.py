"""The fake provider itself: it must misbehave exactly as asked, or tests of others prove nothing."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.upstream import FakeUpstream, spawned
from tests.upstream_scripts import Asked, Script
from tests.upstream_table import SCRIPTS, script_for

pytestmark = pytest.mark.anyio


@pytest.fixture
async def up() -> AsyncIterator[FakeUpstream]:
    """A fake provider in this process."""
    async with FakeUpstream() as server:
        yield server


async def ask(port: int, model: str = "ok", stream: bool = False, path: str = "/v1/chat/completions") -> bytes:
    """Everything that one request gets back, until the server closes or falls silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"model": model, "stream": stream}).encode()
    method = "POST" if "chat" in path else "GET"
    writer.write(f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
    received = b""
    try:
        async with asyncio.timeout(0.15):
            while chunk := await reader.read(65_536):
                received += chunk
    except (TimeoutError, ConnectionResetError):
        pass
    writer.close()
    return received


@pytest.mark.parametrize("name", sorted(SCRIPTS))
@pytest.mark.parametrize("stream", [True, False])
def test_every_script_can_be_made(name: str, stream: bool) -> None:
    """Each name gives an answer for both kinds of request."""
    assert isinstance(SCRIPTS[name](Asked(stream=stream, number=1)), Script)


def test_the_table_in_the_docstring_is_complete() -> None:
    """Every script is described, by name."""
    from tests import upstream_table

    described = upstream_table.__doc__ or ""
    assert [name for name in SCRIPTS if f"`{name}`" not in described and f"`{name}:N`" not in described] == []


async def test_a_model_chooses_its_script(up: FakeUpstream) -> None:
    """The model's name decides, with its number."""
    assert (await ask(up.port, "chunks:7")).count(b"word") == 7
    assert b"HTTP/1.1 503" in await ask(up.port, "error-503")
    assert b"word4" in await ask(up.port, "some-model")


async def test_a_plan_goes_before_the_model(up: FakeUpstream) -> None:
    """Planned answers come in their order, then the models' own again."""
    up.plan("error-500", Script(pieces=(b"mine",)))
    answers = [await ask(up.port) for _ in range(3)]
    assert [b"HTTP/1.1 500" in answers[0], answers[1].endswith(b"mine"), b"word4" in answers[2]] == [True] * 3


async def test_the_default_answers_unknown_models(up: FakeUpstream) -> None:
    """What is neither planned nor named gets the default."""
    up.default = "error-418"
    assert b"418" in await ask(up.port, "gpt-4o")


async def test_what_arrived_is_in_the_journal(up: FakeUpstream) -> None:
    """Method, path, headers, body and model of each request."""
    await ask(up.port, "gpt-4o")
    entry = up.journal[0]
    assert (entry.method, entry.path, entry.model, entry.headers["host"]) == (
        "POST",
        "/v1/chat/completions",
        "gpt-4o",
        "x",
    )
    assert entry.json["stream"] is False
    assert entry.answered_at is not None
    assert entry.closed_early_at is None


async def test_a_client_that_leaves_early_is_noticed(up: FakeUpstream) -> None:
    """Hanging up before the answer is over is written down with its time."""
    await ask(up.port, "stall")
    await up.until(lambda: up.journal[0].closed_early_at is not None)
    assert up.journal[0].answered_at is None
    assert up.open_connections == 0


async def test_other_paths_are_answered_too(up: FakeUpstream) -> None:
    """The list of models, the journal, and a 404 in OpenAI's shape."""
    assert b'"fake-2"' in await ask(up.port, path="/v1/models")
    assert b'"/v1/models"' in await ask(up.port, path="/journal")
    assert b"unknown_url" in await ask(up.port, path="/v1/nothing")


async def test_it_runs_in_a_process_of_its_own() -> None:
    """The same server, for tests that measure or kill."""
    with spawned() as url:
        port = int(url.removeprefix("http://127.0.0.1:").removesuffix("/v1"))
        assert b"word4" in await ask(port)


def test_a_body_that_is_no_json_gets_an_answer() -> None:
    """The fake does not fall over what it is sent."""
    assert script_for(None, "", "ok", b"\xff").status == 200
